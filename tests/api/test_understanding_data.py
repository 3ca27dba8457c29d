"""The sentences that reading is trained on, and the page that says how to add some."""

import collections
import json
import re

import pytest
from server import ROOT, NimaServer

from client import Client

FILES = sorted((ROOT / "data" / "understanding").glob("*.jsonl"))
LANGUAGES = {"en", "de", "fr", "es", "pt", "it", "nl"}


def table():
    text = (ROOT / "src" / "understand" / "kinds.def").read_text(encoding="utf-8")
    slots = dict(re.findall(r'^NIMA_SLOT\((\w+), "([^"]+)"', text, re.M))
    rows = re.findall(r'^NIMA_KIND\(\w+,\s*"([^"]+)",\s*"[^"]*",\s*\w+,\s*(.*?)"[^"]*"\)', text, re.M | re.S)
    return {name: {slots[s] for s in re.findall(r"(?:NEED|MAY|MANY|SOME)\((\w+)\)", body)} for name, body in rows}


def problems(row, kinds):
    if not isinstance(row.get("text"), str) or not row["text"].strip():
        yield "no text"
        return
    if row.get("lang") not in LANGUAGES or row.get("half") not in ("train", "dev"):
        yield "lang and half"
    for act in row["acts"]:
        if act["kind"] not in kinds:
            yield f"no kind {act['kind']}"
            continue
        if len(row["acts"]) > 1 and "span" not in act:
            yield "several acts without spans"
        if act.get("span", "") not in row["text"]:
            yield "a span that is not in the text"
        for slot, values in act.get("slots", {}).items():
            if slot not in kinds[act["kind"]]:
                yield f"{act['kind']} has no slot {slot}"
            for value in values if isinstance(values, list) else [values]:
                if not value or value not in act.get("span", row["text"]):
                    yield f"{slot} {value!r} is not in the text"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_fits_the_table_of_kinds(path):
    kinds = table()
    wrong = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        wrong += [f"{path.name}:{number}: {problem}" for problem in problems(json.loads(line), kinds)]
    assert not wrong, "\n".join(wrong[:20])


def test_every_kind_has_sentences_of_both_halves():
    count = collections.Counter()
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            for act in row["acts"] or [{"kind": "none"}]:
                count[act["kind"], row["half"]] += 1
    few = [kind for kind in table() if count[kind, "train"] < 10 or count[kind, "dev"] < 2]
    assert not few


def test_the_example_of_the_page_is_read_as_it_says():
    page = (ROOT / "docs" / "understanding.md").read_text(encoding="utf-8")
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)\n```", page, re.S)]
    assert examples
    with NimaServer() as running:
        client = Client(running)
        for row in examples:
            assert not list(problems(row, table()))
            reply = client.post("/v1/understanding/explain", {"text": row["text"]}, expect=200).json()
            read = [act for sentence in reply["sentences"] for act in sentence["acts"]]
            assert [act["kind"] for act in read] == [act["kind"] for act in row["acts"]]
            assert {slot["slot"]: slot["text"] for slot in read[0]["slots"]} == row["acts"][0]["slots"]
