"""Each bench, called with the report that its figures go to. bench/README.md says how each is taken."""

import json
import re
import statistics
import subprocess
import tempfile
import threading
import time

from server import BUILD, ROOT, Client, Server, facts, questions

TINY, DEFAULT, EMBEDDINGS = "local:smollm2-135m-instruct", "local:qwen2.5-coder-1.5b-instruct", "local:all-MiniLM-L6-v2"
FACTS = 10_000


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def add_percentiles(out, bench, figure, values, p50=None, p99=None):
    for percent, goal in ((50, p50), (99, p99)):
        out.add(bench, f"{figure}, p{percent}", percentile(values, percent), "ms", goal, samples=len(values))


def search(out):
    goals = {100_000: ("<=", 2), 1_000_000: ("<=", 16)}
    done = subprocess.run([str(BUILD / "bench_search")], capture_output=True, text=True, check=True, timeout=3600)
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue
        made = json.loads(line)
        rows, data = made["rows"], made["data"]
        more = {key: value for key, value in made.items() if key not in ("bench", "version", "rows", "data")}
        name = f"vector search, {rows:,} {data}"
        out.add("search", f"{name}, p50", made["ms_p50"], "ms", goals.get(rows), **more)
        out.add("search", f"{name}, recall@10", made["recall_at_10"], "share", (">=", 0.995))


def packs(out):
    goals = {10_000: (("<=", 50), ("<=", 1))}
    done = subprocess.run([str(BUILD / "bench_packs")], capture_output=True, text=True, check=True, timeout=3600)
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue
        made = json.loads(line)
        load, turn = goals.get(made["facts"], (None, None))
        out.add("packs", f"a pack of {made['facts']:,} facts loaded with its vectors", made["load_ms"], "ms", load)
        out.add("packs", f"a turn with it, {made['facts']:,} facts, p50", made["turn_ms_p50"], "ms", turn)


def answered(server, question):
    body = {"messages": [{"role": "user", "content": question["question"]}], "temperature": 0, "max_length": 64,
            "use_memory": False, "learn": "off"}  # fmt: skip
    reply = server.client.post("/v1/chat", body)["response"].lower()
    return any(answer.lower() in reply for answer in question["answer"])


def pack_answers(out, llm=DEFAULT, embeddings=EMBEDDINGS):
    lines = (ROOT / "tests" / "data" / "packs_questions.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [question for question in map(json.loads, lines) if question["model"]]
    with Server(llm=llm, embeddings=embeddings) as server:
        packs = server.client.get("/v1/knowledge/packs")
        until = time.monotonic() + 300
        while not all(pack["embeddings"] for pack in packs) and time.monotonic() < until:
            time.sleep(0.5)
            packs = server.client.get("/v1/knowledge/packs")
        with_packs = [answered(server, question) for question in asked]
        for pack in packs:
            server.client.call("DELETE", f"/v1/knowledge/packs/{pack['id']}/activate")
        without = [answered(server, question) for question in asked]
    gained = sum(yes and not before for yes, before in zip(with_packs, without, strict=True))
    name = f"of {len(asked)} questions, answered with the pack's fact"
    out.add("pack-answers", f"{name}, packs on", sum(with_packs), "questions", (">=", 20))
    out.add("pack-answers", f"{name}, packs off", sum(without), "questions")
    out.add("pack-answers", f"{name}, only with packs", gained, "questions")


def wrk(url, seconds=10):
    done = subprocess.run(["wrk", "-t2", "-c64", f"-d{seconds}s", "--latency", url], capture_output=True, text=True,
                          check=True, timeout=seconds + 60)  # fmt: skip
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", done.stdout).groups()
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    errors = re.search(r"Socket errors: (.+)", done.stdout)
    if bad or errors:
        raise RuntimeError(f"not every request was answered well: {(bad or errors)[0]}")
    return rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def http(out):
    with Server() as server:
        server.load_facts(FACTS)
        for name, path, least in (("GET /health", "/health", 20_000),
                                  ("GET /v1/memory/facts?limit=50", "/v1/memory/facts?limit=50", 3_000)):  # fmt: skip
            wrk(server.url(path), 2)
            rate, p99_ms = wrk(server.url(path))
            out.add("http", f"{name}, 64 connections", rate, "requests/s", (">=", least))
            out.add("http", f"{name}, 64 connections, p99", p99_ms, "ms", ("<=", 20))


def turn(out):
    """Recall, prompt and storing: the scripted model takes next to no time to embed and to answer."""
    with Server() as server:
        server.load_facts(FACTS)
        said = [{"role": ("user", "assistant")[i % 2], "content": f"{text}; that is what I meant by message {i}."}
                for i, text in enumerate(facts(1000, 5))]  # fmt: skip
        made = server.client.post("/v1/conversations", {"title": "bench", "messages": said})
        times = []
        for i, question in enumerate(questions(320, 3)):
            if i == 20:
                cpu_ms = server.cpu_ms()
            body = {"messages": [{"role": "user", "content": f"{question} [[reply:Let me think.]]"}],
                    "conversation_id": made["conversation_id"]}  # fmt: skip
            _, ms = server.client.timed("POST", "/v1/chat", body)
            if i >= 20:
                times.append(ms)
        cpu_ms = (server.cpu_ms() - cpu_ms) / len(times)
        add_percentiles(out, "turn", "chat turn without the model, 10k facts, 1,000 messages", times, ("<=", 3), ("<=", 15))
        out.add("turn", "chat turn without the model, processor time", cpu_ms, "ms", samples=len(times))


def long(out):
    """A conversation of 2,000 turns with the scripted model: what a turn takes, and what the server holds, as it grows."""
    with Server() as server:
        times, cpu, conversation_id = [], {}, None
        for i in range(1, 2001):
            said = "My sister is called Rosalinde." if i == 3 else f"Step {i} of the long way through the house, with a word or two more."
            body = {"messages": [{"role": "user", "content": f"{said} [[reply:Done, step {i} is behind us.]]"}]}
            if conversation_id:
                body["conversation_id"] = conversation_id
            if i in (10, 110, 200, 300, 1900):
                cpu[i] = server.cpu_ms()
            reply, ms = server.client.timed("POST", "/v1/chat", body)
            conversation_id = reply["conversation_id"]
            times.append(ms)
            if i in (20, 2000):
                out.add("long", f"memory at turn {i:,}", server.rss_mb(), "MB")
        cpu[2000] = server.cpu_ms()
        for begin, end in ((10, 110), (200, 300), (1900, 2000)):
            name = f"turns {begin:,} to {end:,}"
            out.add("long", f"chat turn, {name}, p50", percentile(times[begin:end], 50), "ms")
            out.add("long", f"chat turn, {name}, processor time", (cpu[end] - cpu[begin]) / (end - begin), "ms")
        growth = (cpu[2000] - cpu[1900]) / max(cpu[300] - cpu[200], 1)
        out.add("long", "chat turn's processor time, turns 1,900 to 2,000 / 200 to 300", growth, "times", ("<=", 2))
        body = {"messages": [{"role": "user", "content": "What is my sister called? [[recall]]"}], "conversation_id": conversation_id}
        reply = server.client.post("/v1/chat", body)
        known = "Rosalinde" in reply["response"] and reply["context"]["summarized"]
        out.add("long", "a fact of turn 3 is in the prompt at turn 2,001", int(known), "yes", (">=", 1))


def memory_search(out):
    with Server(embeddings=EMBEDDINGS) as server:
        server.load_facts(FACTS)
        for question in questions(20, 2):
            server.client.search_ms(question)
        asked = questions(300, 9)
        fresh = [server.client.search_ms(question) for question in asked]
        again = [server.client.search_ms(question) for question in asked]
        add_percentiles(out, "memory-search", "GET /v1/memory/search, 10k facts, new query", fresh, ("<=", 8), ("<=", 25))
        add_percentiles(out, "memory-search", "GET /v1/memory/search, 10k facts, seen before", again, ("<=", 1), ("<=", 5))


def intake(out):
    """Batches of facts and batches of as many texts for the embedding model alone, turn by turn."""
    batch, rounds = 100, 20
    texts, alone = facts(batch * (rounds + 2), 21), facts(batch * (rounds + 2), 22)
    taken_s = model_s = 0
    with Server(embeddings=EMBEDDINGS) as server:
        server.wait_embeddings()
        for i in range(rounds + 2):
            part = slice(i * batch, (i + 1) * batch)
            body = [{"fact": text, "category": "bench"} for text in texts[part]]
            _, facts_ms = server.client.timed("POST", "/v1/memory/facts/batch", body)
            body = {"input": alone[part], "encoding_format": "base64"}
            _, model_ms = server.client.timed("POST", "/v1/embeddings", body)
            if i >= 2:
                taken_s += facts_ms / 1000
                model_s += model_ms / 1000
    count = batch * rounds
    out.add("intake", "facts taken in, embeddings included", count / taken_s, "facts/s", samples=count)
    out.add("intake", "the embedding model alone", count / model_s, "texts/s", samples=count)
    out.add("intake", "facts taken in, of the model alone", model_s / taken_s, "share", (">=", 0.85))


def rss(out):
    with Server(embeddings="none:") as server:
        server.client.get("/health")
        out.add("rss", "memory, no model loaded", server.rss_mb(), "MB", ("<=", 25))
    with tempfile.TemporaryDirectory(prefix="nima-bench-") as data:
        with Server(data=data) as server:
            server.load_facts(1)
            server.client.search_ms("bread")
            before = server.rss_mb()
            server.load_facts(100_000, 4)
        with Server(data=data) as server:
            server.client.search_ms("Who bakes bread?")
            out.add("rss", "memory, each 100k facts more", server.rss_mb() - before, "MB", ("<=", 60))


def start_s(data, times=7):
    taken = []
    for _ in range(times):
        with Server(llm=TINY, embeddings=EMBEDDINGS, data=data) as server:
            taken.append(server.start_s)
    return statistics.median(taken[1:])


def start(out):
    with tempfile.TemporaryDirectory(prefix="nima-bench-") as data:
        empty_s = start_s(data)
        out.add("start", "start to /ready, tiny model, warm cache", empty_s, "s", ("<=", 1))
        with Server(data=data) as server:
            server.load_facts(FACTS)
        out.add("start", "start to /ready, what 10k facts add", start_s(data) - empty_s, "s", ("<=", 0.2))


def conversation(client, turns, number):
    """The contexts of a conversation's turns. Every message is as long as the others, and no two conversations share one:
    what another has left in the model's cache must not help."""
    contexts, conversation_id = [], None
    for i in range(turns):
        body = {"messages": [{"role": "user", "content": f"In house {number + 100}, tell me one short thing about room {i + 10}."}],
                "temperature": 0, "max_length": 40}  # fmt: skip
        if conversation_id:
            body["conversation_id"] = conversation_id
        reply = client.post("/v1/chat", body)
        conversation_id = reply["conversation_id"]
        contexts.append(reply["context"])
    return contexts


def evaluated(context):
    return context["tokens"]["prompt"] - context["tokens"]["cached"]


def tokens_a_second(contexts):
    made = sum(context["tokens"]["completion"] - 1 for context in contexts)
    return made / (sum(context["total_ms"] - context["first_token_ms"] for context in contexts) / 1000)


def streams_a_second(server, streams):
    """All tokens of so many conversations at once, prompts included, over the time it took."""
    totals = []

    def talk(number):
        contexts = conversation(Client(server.port), 3, 100 * streams + number)
        totals.append(sum(context["tokens"]["completion"] for context in contexts))

    threads = [threading.Thread(target=talk, args=(i,)) for i in range(streams)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(totals) / (time.perf_counter() - begun)


def tokens(out):
    for name, model, rounds, turns in (("tiny", TINY, 3, 60), ("default", DEFAULT, 1, 60)):
        with Server(llm=model, embeddings=EMBEDDINGS) as server:
            server.load_facts(20, 8)
            talks = [conversation(server.client, turns, number) for number in range(rounds)]
            second = statistics.median(talk[1]["first_token_ms"] for talk in talks)
            twentieth = statistics.median(talk[19]["first_token_ms"] for talk in talks)
            last = statistics.median(talk[-1]["first_token_ms"] for talk in talks)
            new = conversation(server.client, 1, rounds)[0]
            for number, ms in ((2, second), (20, twentieth), (turns, last)):
                context = talks[-1][number - 1]
                out.add("tokens", f"{name} model, first token at turn {number}", ms, "ms",
                        evaluated=evaluated(context), prompt=context["tokens"]["prompt"])  # fmt: skip
                out.add("tokens", f"{name} model, tokens evaluated at turn {number}", evaluated(context), "tokens")
            out.add("tokens", f"{name} model, first token, turn 20 / turn 2", twentieth / max(second, 1), "times", ("<=", 1.3))
            out.add("tokens", f"{name} model, first token, turn {turns} / turn 2", last / max(second, 1), "times", ("<=", 1.3))
            out.add("tokens", f"{name} model, first token of a new conversation", new["first_token_ms"], "ms")
            out.add("tokens", f"{name} model, tokens evaluated of a new one", evaluated(new), "tokens",
                    prompt=new["tokens"]["prompt"])  # fmt: skip
            out.add("tokens", f"{name} model, one reply", tokens_a_second(talks[-1]), "tokens/s")
            if name == "tiny":
                for streams in (1, 4):
                    out.add("tokens", f"{name} model, {streams} conversations at once, all told",
                            streams_a_second(server, streams), "tokens/s")  # fmt: skip


def tasks(out):
    """Three servers on one PostgreSQL, killed at random while they do 5,000 tasks."""
    done = subprocess.run(
        [str(ROOT / "scripts" / "setup"), "pytest", "tests/api/test_tasks_crash.py", "-q", "-s", "-k", "nothing_is_lost",
         "--crowd-tasks", "5000"], capture_output=True, text=True, check=False, timeout=3600, cwd=ROOT,
    )  # fmt: skip
    made = re.search(r"crowd: (\d+) tasks, (\d+) kills, (\d+) lost, (\d+) doubled, (\d+) taken up", done.stdout)
    if not made:
        raise RuntimeError(f"the run did not come to its end:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    count, kills, lost, doubled, again = map(int, made.groups())
    out.add("tasks", f"lost of {count:,} tasks, 3 processes, kill -9", lost, "tasks", ("<=", 0), kills=kills, taken_up=again)
    out.add("tasks", "run while another held the lease", doubled, "tasks", ("<=", 0))
