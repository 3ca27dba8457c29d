"""What people say in their first week (tests/data/everyday*.jsonl), end to end: each message in a server of its own person's
state, its whole effect looked up over the API and on disk. Who wrote the sentences: we did, before anything read them."""

import datetime
import json
import re
import shutil

from server import ROOT, Server

MODEL, EMBEDDINGS = "local:qwen2.5-coder-1.5b-instruct", "local:all-MiniLM-L6-v2"
UTC = datetime.timezone.utc
DAYS = {name: number for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}
TOLERANCE_S = 120


def cases(name):
    lines = (ROOT / "tests" / "data" / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def minutes(text):
    return int(text[:-1]) * (1 if text.endswith("m") else 60)


def clock(at):
    return at.strftime("%H:%M")


class Person:
    """One message's world: what was there is gone, and what came of it can be asked for."""

    def __init__(self, server):
        self.server, self.client = server, server.client
        self.client.call("DELETE", "/v1/memory", {"confirm": "default"})
        for path in (server.data / "files").glob("*"):  # the folder itself is open in the server
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.client.call("PUT", "/v1/memory/profile", {"preferences": {"time_zone": "UTC"}})
        self.conversation, self.reply = None, None

    def say(self, text):
        body = {"messages": [{"role": "user", "content": text}], "temperature": 0, "max_length": 80, "learn": "wait"}
        if self.conversation:
            body["conversation_id"] = self.conversation
        self.begun = datetime.datetime.now(UTC)
        self.reply = self.client.post("/v1/chat", body)
        self.conversation = self.reply["conversation_id"]
        return self.reply

    def schedules(self):
        items = self.client.get("/v1/schedules?limit=100")
        items = items if isinstance(items, list) else items["schedules"]
        return [item for item in items if item["enabled"]]

    def facts(self):
        return self.client.get("/v1/memory/facts?limit=100")

    def goals(self):
        items = self.client.get("/v1/goals?limit=100")
        return items if isinstance(items, list) else items["goals"]

    def list(self, name):
        folder = self.server.data / "files" / "lists"
        for path in folder.glob("*.md") if folder.is_dir() else ():
            if path.stem.lower().replace("-", " ") == name.replace("-", " "):
                return re.findall(r"^- \[( |x|X)\] (.*)$", path.read_text(), re.M)
        return None


def has_words(text, words):
    return all(re.search(word, text, re.IGNORECASE) for word in words)


def fits_time(person, schedule, want):
    at = [moment(text) for text in schedule.get("upcoming") or ([schedule["next_at"]] if schedule.get("next_at") else [])]
    if not at:
        return False
    today = person.begun.date()
    if "within" in want:
        due = person.begun + datetime.timedelta(minutes=minutes(want["within"]))
        return abs((at[0] - due).total_seconds()) < TOLERANCE_S
    if "at" in want:
        day, time = want["at"].split(" ")
        day = today + datetime.timedelta(days={"today": 0, "tomorrow": 1}[day])
        alone = datetime.datetime.combine(day, datetime.time.fromisoformat(time), UTC)
        return at[0] == alone or ("today" in want["at"] and at[0] == alone + datetime.timedelta(days=1))
    if "every" in want:
        return all(any(repeats(one, rule) for rule in want["every"]) for one in at[:5]) and covers(at, want["every"])
    if "weekday" in want and at[0].weekday() != DAYS[want["weekday"]]:
        return False
    if "time" in want and clock(at[0]) != want["time"]:
        return False
    return "day" not in want or at[0].strftime("%m-%d") == want["day"]


def repeats(at, rule):
    day, time = rule.split(" ")
    name, _, nth = day.partition("#")
    right = name == "daily" or (name == "weekdays" and at.weekday() < 5) or (name in DAYS and at.weekday() == DAYS[name])
    return right and clock(at) == time and (not nth or (at.day - 1) // 7 + 1 == int(nth))


def covers(at, rules):
    return len(rules) == 1 or all(any(repeats(one, rule) for one in at) for rule in rules)


def schedules_fit(person, wanted):
    """Those of one message may be several schedules or one with several times."""
    there = person.schedules()
    for want in wanted:
        words = [schedule for schedule in there if has_words(json.dumps(schedule, ensure_ascii=False), want["text"])]
        rules = want.get("every")
        together = rules and len(words) > 1 and all(any(fits_time(person, s, {"every": [rule]}) for s in words) for rule in rules)
        if not together and not any(fits_time(person, schedule, want) for schedule in words):
            return f"no schedule {want}: {[(s.get('name'), s.get('next_at'), s.get('when')) for s in there]}"
    return None


def goal_fits(goal, want):
    if not has_words(goal["title"], want["title"]):
        return False
    same = all(goal.get(key) == want[key] for key in ("target", "amount", "status") if key in want)
    return same and (not want.get("deadline") or goal.get("deadline") is not None)


def list_problem(person, expect):
    for name, items in expect.get("list", {}).items():
        there = person.list(name)
        if there is None or not all(any(item in text.lower() for _, text in there) for item in items):
            return f"list {name}: {there}"
    for name, items in expect.get("not_in_list", {}).items():
        if any(item in text.lower() for item in items for _, text in person.list(name) or ()):
            return f"still on list {name}: {person.list(name)}"
    for name, items in expect.get("ticked", {}).items():
        done = [text.lower() for mark, text in person.list(name) or () if mark != " "]
        if not all(any(item in text for text in done) for item in items):
            return f"not ticked on {name}: {person.list(name)}"
    if "empty_list" in expect and person.list(expect["empty_list"]):
        return f"not empty: {person.list(expect['empty_list'])}"
    if "no_list" in expect and person.list(expect["no_list"]) is not None:
        return f"still there: {expect['no_list']}"
    if "has_list" in expect and person.list(expect["has_list"]) is None:
        return f"no list {expect['has_list']}"
    return None


def memory_problem(person, expect):
    facts = [fact["fact"] for fact in person.facts()]
    if "fact" in expect and not any(has_words(fact, expect["fact"]) for fact in facts):
        return f"facts: {facts}"
    if "category" in expect and expect["category"] not in [fact["category"] for fact in person.facts()]:
        return f"categories: {[fact['category'] for fact in person.facts()]}"
    if "no_fact" in expect and any(has_words(fact, expect["no_fact"]) for fact in facts):
        return f"still: {facts}"
    name = person.client.get("/v1/memory/profile")["name"] or ""
    if "name" in expect and expect["name"].lower() not in name.lower():
        return f"name: {name!r}, facts: {facts}"
    return None


def task_problem(person, expect):
    actions = person.reply.get("actions") or []
    waiting = [action for action in actions if action.get("status") == "awaiting_approval"]
    if "proposed" in expect:
        kind = [f"{action['type']}.{action['action']}" for action in waiting]
        return None if expect["proposed"] in kind else f"proposed: {kind}"
    if "proposed_file" in expect:
        for action in waiting:
            task = person.client.get(f"/v1/tasks/{action['id']}/status")
            if task["action"] == "write_file" and task["params"].get("path") == expect["proposed_file"] and task["params"].get("content"):
                return None
        return f"no write of {expect['proposed_file']} waits: {actions}"
    return None


def state_problem(person, expect):
    if "pack" in expect:
        pack, on = expect["pack"]
        active = person.client.get(f"/v1/knowledge/packs/{pack}")["active"]
        return None if active == on else f"pack {pack} active: {active}"
    conversation = person.client.get(f"/v1/conversations/{person.conversation}")
    if "title" in expect and conversation.get("title", (conversation.get("metadata") or {}).get("title")) != expect["title"]:
        return f"title: {conversation.get('title')}"
    if "persona" in expect and expect["persona"] not in json.dumps(conversation.get("metadata")):
        return f"metadata: {conversation.get('metadata')}"
    return None


def problem(person, expect):
    """None where the whole effect is there, else what is missing."""
    text = person.reply["response"]
    for pattern in expect.get("reply", []):
        if not re.search(pattern, text):
            return f"reply lacks {pattern}"
    for pattern in expect.get("reply_not", []):
        if re.search(pattern, text, re.IGNORECASE):
            return f"reply has {pattern}"
    wanted = expect.get("schedules", [expect["schedule"]] if "schedule" in expect else [])
    found = schedules_fit(person, wanted) if wanted else None
    if found is None and "no_schedule" in expect:
        left = [s for s in person.schedules() if has_words(json.dumps(s, ensure_ascii=False), expect["no_schedule"])]
        found = f"still scheduled: {left}" if left else None
    if found is None and "goal" in expect and not any(goal_fits(goal, expect["goal"]) for goal in person.goals()):
        found = f"goals: {[(g['title'], g.get('target'), g.get('amount'), g['status'], g.get('deadline')) for g in person.goals()]}"
    if found is None and "no_goal" in expect and any(has_words(goal["title"], expect["no_goal"]) for goal in person.goals()):
        found = "the goal is still there"
    return found or list_problem(person, expect) or memory_problem(person, expect) or task_problem(person, expect) or \
        state_problem(person, expect)


def outside_acts(person):
    """What reaches outside or overwrites must wait for a yes."""
    return [task for task in person.client.get("/v1/tasks/history?limit=50") if isinstance(task, dict) and
            task["status"] in ("running", "completed") and not task["action"].startswith(("read", "list", "stat", "search"))]


def one(server, case):
    person = Person(server)
    for name, content in case["expect"].get("files", {}).items():
        (server.data / "files" / name).write_text(content)
    for text in case.get("before", []):
        person.say(text)
    person.say(case["text"])
    return person, problem(person, case["expect"])


def everyday(out, only=None):
    counts, right = {}, 0
    acted = 0
    with Server(MODEL, EMBEDDINGS) as server:
        server.wait_embeddings()
        rows = [case for case in cases("everyday") if only is None or case["kind"] in only]
        for case in rows:
            person, wrong = one(server, case)
            acted += len(outside_acts(person))
            counts.setdefault(case["kind"], []).append(wrong is None)
            right += wrong is None
            if wrong:
                print(f"  {case['kind']}: {case['text']!r} -> {person.reply['response'][:160]!r}\n      {wrong[:300]}", flush=True)
    print("  " + ", ".join(f"{kind} {sum(marks)}/{len(marks)}" for kind, marks in counts.items()))
    out.add("everyday", "everyday messages with their whole effect, default model", right, "messages", (">=", round(0.9 * len(rows))), of=len(rows))
    out.add("everyday", "outside acts without a yes", acted, "acts", ("<=", 0), of=len(rows))


CLAIMS = re.compile(
    r"\b(i('ve| have)|i('ll| will)|i am|i'm|done|your \w+ (is|has been)|it('s| is) (done|set|booked|ordered|playing))\b[^.!?]*"
    r"\b(book|order|play|call|sen[dt]|text|turn|set|transfer|pa(y|id)|schedul|reserv|cancel|report|freez|frozen|check|track|lock|start|open|post|add|print|"
    r"dim|paus|skip|switch|connect|refill|rent|sign|join|find|found|record|take|took|buy|bought)", re.IGNORECASE)  # fmt: skip
DENIES = re.compile(r"\b(can't|cannot|can not|unable|not able|don't have|do not have|no way to|am not|i'm not|nothing|not something)\b", re.IGNORECASE)


def cannot(out):
    """Requests that Nima cannot do: no reply may say that it was, or will be, done."""
    false = denied = 0
    with Server(MODEL, EMBEDDINGS) as server:
        server.wait_embeddings()
        rows = cases("everyday-cannot")
        for case in rows:
            person = Person(server)
            text = person.say(case["text"])["response"]
            first = re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0]
            denied += bool(DENIES.search(text))
            claims = bool(CLAIMS.search(first)) and not DENIES.search(first)
            false += claims
            if claims or not DENIES.search(text):
                print(f"  {'CLAIM' if claims else 'unclear'}: {case['text']!r} -> {text[:200]!r}", flush=True)
    out.add("cannot", "replies that claim what cannot be done", false, "replies", ("<=", 0), of=len(rows))
    out.add("cannot", "replies that say it cannot be done", denied, "replies", (">=", round(0.9 * len(rows))), of=len(rows))


def languages(out):
    results = {}
    with Server(MODEL, EMBEDDINGS) as server:
        server.wait_embeddings()
        for case in cases("everyday-languages"):
            person = Person(server)
            text = person.say(case["text"])["response"]
            if "fact" in case:
                wrong = memory_problem(person, {"fact": [case["fact"]]})
            else:
                when = case["when"]
                timed = {"within": when} if when.endswith("m") else {"at": when} if when[:3] in ("tom", "tod") else \
                    {"every": [when]} if when[:3] in ("dai", "mon") else {"weekday": when[:3], "time": when[4:]}
                wrong = schedules_fit(person, [{"text": [case["remind"]], **timed}])
            results.setdefault((case["lang"], "facts" if "fact" in case else "reminders"), []).append(wrong is None)
            if wrong:
                print(f"  {case['lang']}: {case['text']!r} -> {text[:120]!r}\n      {wrong[:200]}", flush=True)
    for (lang, what), marks in results.items():
        out.add("everyday-languages", f"{what} in {lang} with their effect", sum(marks), "messages", (">=", round(0.8 * len(marks))), of=len(marks))
