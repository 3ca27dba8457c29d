"""Situations of tests/data/advice.jsonl: played against a server, and what was suggested held against what is there.

A line: facts that bear on the goal and facts beside it, goals in the order they are set (the last is the one asked about;
`kin`: of the same kind, so that it may be evidence), packs that bear on it, and `expect`: the kinds of evidence that the
suggestions together should have.
"""

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "data" / "advice.jsonl"


def load():
    return [json.loads(line) for line in FILE.read_text().splitlines()]


def day(offset):
    return (datetime.now(timezone.utc) + timedelta(days=offset)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def words(text):
    return {word for word in re.findall(r"[\w']+", text.lower()) if len(word) > 3 or word.isdigit()}


class Played:
    """What there is after a situation was set up, and what is suggested then."""

    def __init__(self, call, case):
        """call(method, path, body): the decoded reply."""
        self.call, self.case = call, case
        self.kinds = {}  # what an id is, for those that bear on the goal
        self.beside = set()  # ids that exist and do not
        call("DELETE", "/v1/memory", {"confirm": "default"})
        for fact in case["facts"]:
            self.kinds[self._fact(fact)] = "fact"
        for fact in case["aside"]:
            self.beside.add(self._fact(fact))
        for given in case["goals"]:
            self.goal = self._goal(given, asked=given is case["goals"][-1])
        self.where = f"/v1/goals/{self.goal['id']}"
        for row in call("GET", f"{self.where}/progress", None)["history"]:
            self.kinds[row["id"]] = "entry"
        self.kinds[self.goal["id"]] = "goal"
        self.packs = {}

    def _fact(self, text):
        return self.call("POST", "/v1/memory/facts", {"fact": text, "category": "told"})["id"]

    def _goal(self, given, asked):
        body = {"title": given["title"], "milestones": given.get("milestones", [])}
        if "due" in given:
            body["deadline"] = day(given["due"])
        goal = self.call("POST", "/v1/goals", body)
        where, ids = f"/v1/goals/{goal['id']}", {m["title"]: m["id"] for m in goal["milestones"]}
        done = ids if given.get("state") == "done" else given.get("done", [])
        for title in done:
            self.call("POST", f"{where}/progress", {"milestone_id": ids[title]})
        if "progress" in given:
            self.call("POST", f"{where}/progress", {"progress": given["progress"]})
        if given.get("state") in ("completed", "paused"):
            self.call("PUT", where, {"status": given["state"]})
        if "task" in given:
            self.kinds[self.call("POST", "/v1/tasks/execute", given["task"] | {"goal_id": goal["id"]})["id"]] = "task"
        for one in (goal["id"], *ids.values()):
            if asked:
                self.kinds[one] = "milestone" if one != goal["id"] else "goal"
            elif given.get("kin"):
                self.kinds[one] = "kin"
            else:
                self.beside.add(one)
        return self.call("GET", where, None)

    def suggestions(self):
        return self.call("GET", f"{self.where}/suggestions", None)

    def kind(self, evidence, row):
        """Of an id; None: there is no such thing, or it has nothing to do with the goal."""
        for pack in self.case["packs"]:
            if pack not in self.packs:
                self.packs[pack] = {fact["id"] for fact in self.call("GET", f"/v1/knowledge/packs/{pack}", None)["facts"]}
            if evidence == pack or (pack in row["evidence"] and evidence in self.packs[pack]):
                return "pack"
        return self.kinds.get(evidence)

    def is_grounded(self, rows):
        return bool(rows) and all(row["evidence"] and all(self.kind(id_, row) for id_ in row["evidence"]) for row in rows)

    def found_kinds(self, rows):
        return {self.kind(id_, row) for row in rows for id_ in row["evidence"]}

    def is_concrete(self, rows):
        """One of them says what to do next: a milestone to be done, or something of the goal itself where it has none."""
        steps = [m["title"] for m in self.goal["milestones"] if not m["completed"]]
        if not steps:
            steps = [step for goal in self.case["goals"][:-1] if goal.get("kin") for step in goal.get("milestones", [])]
        titles = steps or [self.goal["title"]]
        return any(len(row["action"]) >= 15 and (words(title) <= words(row["action"]) if steps else words(title) & words(row["action"]))
                   for row in rows for title in titles)  # fmt: skip

    def wrong(self, rows):
        """What keeps the set from being good, in words; empty: nothing."""
        bad = [(row["action"], id_) for row in rows for id_ in row["evidence"] if not self.kind(id_, row)]
        texts = [] if self.is_grounded(rows) else [f"not grounded: {bad or 'nothing is suggested'}"]
        return texts + ([] if self.is_concrete(rows) else [f"no next step in {[row['action'] for row in rows]}"])
