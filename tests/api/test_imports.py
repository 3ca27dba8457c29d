"""What other programs exported, taken in by `nima import`: odd shapes, grown talks, what is left out and why."""

import io
import json
import zipfile

import pytest
from server import run_nima

USER = "ana"


@pytest.fixture
def where(tmp_path):
    return f"sqlite:{tmp_path / 'one.db'}"


def take_in(where, stdin, form="chatgpt", code=0, more=()):
    stdin = stdin if isinstance(stdin, bytes) else json.dumps(stdin).encode()
    done = run_nima("import", "--format", form, "--user", USER, "--store", where, *more, text=False, stdin=stdin, timeout=120)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout.decode(), done.stderr.decode()


def rows(where, kind):
    done = run_nima("export", "--user", USER, "--store", where, text=False)
    assert done.returncode == 0, done.stderr
    return [row for row in map(json.loads, done.stdout.splitlines()) if row["kind"] == kind]


def said(where):
    """The active path of each conversation, by its title."""
    titles = {row["id"]: row.get("title") for row in rows(where, "conversation")}
    out = {title: [] for title in titles.values()}
    for row in sorted(rows(where, "message"), key=lambda row: row["position"]):
        if row.get("active", True) is not False and not row.get("left"):
            out[titles[row["conversation_id"]]].append(row["content"])
    return out


def node(name, parent, text, at=None, role="user", **more):
    message = {"author": {"role": role}, "create_time": at, "content": {"content_type": "text", "parts": [text]}, **more}
    return {"id": name, "parent": parent, "children": [], "message": message}


def talk(title, nodes, current="last", /, **more):
    mapping = {n["id"]: n for n in nodes}
    whole = {"title": title, "conversation_id": f"c-{title}", "create_time": 1700000000, "update_time": 1700000100, "mapping": mapping}
    whole["current_node"] = nodes[-1]["id"] if current == "last" else current
    return {k: v for k, v in {**whole, **more}.items() if v != "absent"}


def chain(count=4, start=1700000000):
    texts = [node(f"n{i}", f"n{i - 1}" if i else None, f"text {i}", start + i, "assistant" if i % 2 else "user") for i in range(count)]
    return texts


GOOD = ["text 0", "text 1", "text 2", "text 3"]


def test_an_odd_talk_is_left_out_and_the_others_are_taken(where):
    odd = [None, talk("null", chain(), mapping=None), talk("list", chain(), mapping=[]), 7, {"title": "no mapping"},
           talk("empty", [node("root", None, "")])]  # fmt: skip
    out, _ = take_in(where, [odd[0], talk("a", chain()), *odd[1:], talk("b", chain())])
    assert "2 conversations added, 0 were there, 6 left out" in out
    for why in ("null in its place", 'its "mapping" holds no messages', 'it has no "mapping"', "no message that was shown"):
        assert why in out
    assert said(where) == {"a": GOOD, "b": GOOD}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("no current_node", {"current_node": "absent"}),
        ("current_node null", {"current_node": None}),
        ("current_node that is not there", {"current_node": "gone"}),
        ("no id", {"conversation_id": "absent"}),
        ("id of the old kind", {"conversation_id": "absent", "id": "old"}),
        ("a title that is none", {"title": None}),
        ("times as null", {"create_time": None, "update_time": None}),
    ],
)
def test_a_talk_that_lacks_something_is_taken_whole(where, name, change):
    out, _ = take_in(where, [talk("a", chain(), **change)])
    assert "1 conversations added, 0 were there, 0 left out" in out, name
    assert list(said(where).values()) == [GOOD]
    assert "0 conversations added, 1 were there" in take_in(where, [talk("a", chain(), **change)])[0]
    [row] = rows(where, "conversation")
    assert row["created_at"].startswith("2023-11-14")


def test_talks_without_an_id_are_told_apart(where):
    talks = []
    for title in "ab":
        nodes = [{"id": "client-created-root", "parent": None, "message": None}, *chain()]
        nodes = [{**n, "id": n["id"] if n["message"] is None else title + n["id"], "parent": n["parent"] and title + n["parent"]} for n in nodes]
        talks.append(talk(title, nodes, conversation_id="absent"))
    assert "2 conversations added" in take_in(where, talks)[0]
    assert said(where) == {"a": GOOD, "b": GOOD}


@pytest.mark.parametrize("kind", ["missing", "null", "absent", "entry null", "only children"])
def test_a_gap_in_the_tree_loses_nothing(where, kind):
    nodes = chain()
    if kind == "missing":
        nodes[2]["parent"] = "nobody"
    elif kind == "entry null":
        nodes.insert(2, {"id": "x", "parent": "n1"})
        nodes[3]["parent"] = "x"
    elif kind in ("null", "absent", "only children"):
        for i, one in enumerate(nodes):
            one["children"] = [f"n{i + 1}"] if i < 3 else []
            one["parent"] = None
            if kind != "null":
                del one["parent"]
    whole = talk("a", nodes)
    if kind == "entry null":
        whole["mapping"]["x"] = None
        whole["mapping"]["n1"]["children"] = ["x"]
    take_in(where, [whole])
    assert said(where) == {"a": GOOD}


def test_a_branch_that_was_left_stays_left_where_the_end_is_not_named(where):
    nodes = [*chain(), node("edit", "n1", "an edit that was left", 1700000001)]
    take_in(where, [talk("a", nodes, None)])
    assert said(where) == {"a": GOOD}


def test_a_tree_that_bites_its_tail_ends(where):
    nodes = chain()
    nodes[0]["parent"] = "n3"
    take_in(where, [talk("a", nodes)])
    assert said(where) == {"a": GOOD}


def test_a_talk_that_has_grown_gets_what_is_new(where):
    take_in(where, [talk("a", chain(4)), talk("b", chain(4))])
    out, _ = take_in(where, [talk("a", chain(6)), talk("b", chain(4))])
    assert "0 conversations added, 2 were there (1 of them got new messages), 0 left out" in out
    assert said(where) == {"a": [*GOOD, "text 4", "text 5"], "b": GOOD}
    out, _ = take_in(where, [talk("a", chain(6)), talk("b", chain(4))])
    assert "got new messages" not in out
    assert len(rows(where, "message")) == 10


def test_an_edit_there_becomes_a_branch_here(where):
    take_in(where, [talk("a", chain(4))])
    nodes = [*chain(4), node("e2", "n1", "asked anew", 1700000050), node("e3", "e2", "told anew", 1700000051, "assistant")]
    out, _ = take_in(where, [talk("a", nodes)])
    assert "(1 of them got new messages)" in out
    texts = [row["content"] for row in rows(where, "message")]
    assert sorted(texts) == sorted([*GOOD, "asked anew", "told anew"])
    assert "got new" not in take_in(where, [talk("a", nodes)])[0]


def test_a_talk_without_a_time_of_its_own_has_its_messages_time(where):
    take_in(where, [talk("a", chain(start=1500000000), create_time=None, update_time=None)])
    [row] = rows(where, "conversation")
    assert (row["created_at"], row["updated_at"]) == ("2017-07-14T02:40:00.000Z", "2017-07-14T02:40:03.000Z")
    times = [row["timestamp"] for row in rows(where, "message")]
    assert min(times) == "2017-07-14T02:40:00.000Z"


def test_messages_without_a_time_have_their_neighbours(where):
    nodes = chain(start=1500000000)
    nodes[0]["message"]["create_time"] = nodes[2]["message"]["create_time"] = None
    take_in(where, [talk("a", nodes, create_time=None)])
    times = {row["content"]: row["timestamp"] for row in rows(where, "message")}
    assert times["text 0"] == times["text 1"] == times["text 2"] == "2017-07-14T02:40:01.000Z"


MARKS = [
    ("It rains.\ue200cite\ue202turn0search0\ue202turn0search3\ue201 Often.", "It rains. Often."),
    ("\ue200cite\ue202turn0search0\ue201It rains.", "It rains."),
    ("It rains.【4†source】【11:2†a.pdf】", "It rains."),
    ('I like \ue200entity\ue202["city","Lisbon","in Portugal"]\ue201 much.', "I like Lisbon much."),
    ("Cut \ue200cite\ue202turn0", "Cut"),
    ("【注意】 and † stay", "【注意】 and † stay"),
]


@pytest.mark.parametrize(("text", "shown"), MARKS)
def test_marks_of_citations_are_not_words(where, text, shown):
    take_in(where, [talk("a", [node("n", None, text, 1700000000, "assistant")])])
    assert said(where) == {"a": [shown]}


@pytest.mark.parametrize("kind", ["user_editable_context", "thoughts", "reasoning_recap", "tether_browsing_display", "system_error"])
def test_what_nobody_said_is_no_message(where, kind):
    nodes = chain(2)
    nodes[0]["message"]["content"] = {"content_type": kind, "text": "hidden", "parts": ["hidden"]}
    take_in(where, [talk("a", nodes)])
    assert said(where) == {"a": ["text 1"]}


def test_every_form_of_the_file_is_read(where):
    one, two = talk("a", chain()), talk("b", chain())
    for i, text in enumerate([
        b"\xef\xbb\xbf" + json.dumps([one, two]).encode(), json.dumps([one, two], indent=2).encode(),
        json.dumps(one).encode() + b"\n" + json.dumps(two).encode() + b"\n", json.dumps({"conversations": [one, two]}).encode(),
        json.dumps({"version": {"a": [1]}, "conversations": [one, two]}).encode(),
    ]):  # fmt: skip
        out, _ = take_in(where, text)
        assert ("2 conversations added" if i == 0 else "0 conversations added, 2 were there") in out, i
    out, _ = take_in(where, json.dumps(talk("bare", chain())).encode())
    assert "1 conversations added" in out
    assert "0 conversations added, 0 were there, 0 left out" in take_in(where, [])[0]


def test_one_nul_or_broken_talk_is_its_own_trouble(where):
    nul, twice = json.dumps(talk("nul", chain())).replace("text 1", "te\\u0000xt"), '{"mapping": {}, "mapping": {}}'
    out, _ = take_in(where, f"[{nul}, {twice}, {json.dumps(talk('a', chain()))}]".encode())
    assert "2 conversations added, 0 were there, 1 left out" in out and "cannot be read as JSON" in out
    assert said(where)["nul"][1] == "te�xt"


def test_a_file_cut_short_is_told_after_what_is_whole_was_taken(where):
    text = json.dumps([talk("a", chain()), talk("b", chain())]).encode()
    out, error = take_in(where, text[:-40], code=1)
    assert "1 conversations added" in out and "does not end" in error
    assert said(where) == {"a": GOOD}


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'[{"conversation_id": "x"}]', b"hello", b'"x"', b"\xff\xfe"])
def test_what_is_no_export_is_refused(where, text):
    _, error = take_in(where, text, code=1)
    assert error.startswith("nima: ")


def packed(files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_the_zip_itself_is_read(where, method):
    one, two = json.dumps([talk("a", chain())]), json.dumps([talk("b", chain())])
    out, _ = take_in(where, packed({"user.json": "{}", "export/conversations.json": one, "chat.html": "x"}, method))
    assert "1 conversations added" in out
    out, _ = take_in(where, packed({"conversations-000.json": one, "conversations-001.json": two}, method))
    assert "1 conversations added, 1 were there, 0 left out" in out
    assert said(where) == {"a": GOOD, "b": GOOD}


def test_a_zip_that_is_broken_is_refused(where):
    whole = packed({"conversations.json": json.dumps([talk("a", chain())] * 20)})
    assert "no conversations.json" in take_in(where, packed({"a.txt": "x"}), code=1)[1]
    assert "no conversations.json" in take_in(where, packed({}), code=1)[1]
    assert "cut short" in take_in(where, whole[:-30], code=1)[1]
    at = whole.index(b"conversations.json") + 40
    assert "broken" in take_in(where, whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :], code=1)[1]
    for i in range(len(whole) - 90, len(whole)):  # every number of the directory
        for value in (0, 1, 127, 255) if i % 3 == 0 else (255,):
            done = run_nima("import", "--format", "chatgpt", "--user", USER, "--store", where, text=False, timeout=60,
                            stdin=whole[:i] + bytes([value]) + whole[i + 1 :])  # fmt: skip
            assert done.returncode in (0, 1), done.stderr


def facts(where):
    return {row["fact"]: row for row in rows(where, "fact")}


OUT_OF_USE = [
    {"state": "deleted"}, {"state": "archived"}, {"state": "paused"}, {"status": "DELETED"}, {"event": "DELETE"}, {"deleted_at": "2025-01-01T00:00:00"},
    {"is_deleted": True}, {"archived_at": 1735689600}, {"is_active": False}, {"expiration_date": "2025-01-01"}, {"metadata": {"state": "paused"}},
    {"metadata": {"expiration_date": "2025-01-01"}}, {"expires_at": 1735689600}, {"status": "superseded"}, {"deleted": 1},
]  # fmt: skip
IN_USE = [{"state": "active"}, {"deleted_at": None}, {"is_deleted": False}, {"expiration_date": "2999-01-01"}, {"expiration_date": None},
          {"metadata": {"status": "paused subscription"}}, {"event": "ADD"}, {"is_active": True}, {"deleted": 0}]  # fmt: skip


def test_memories_out_of_use_are_left_out(where):
    whole = [{"memory": f"out {i}", **more} for i, more in enumerate(OUT_OF_USE)]
    whole += [{"memory": f"in {i}", **more} for i, more in enumerate(IN_USE)]
    out, _ = take_in(where, whole, "mem0")
    assert sorted(facts(where)) == sorted(f"in {i}" for i in range(len(IN_USE)))
    assert f"{len(IN_USE)} facts added, 0 were there, {len(OUT_OF_USE)} left out" in out
    for why in ("deleted", "archived", "paused", "expired", "superseded"):
        assert why in out


def test_people_are_not_mixed(where):
    whole = [{"memory": "of bob", "user_id": "bob"}, {"memory": "of eve", "metadata": {"user_id": "eve"}}, {"memory": "of nobody"}]
    _, error = take_in(where, whole, "mem0", code=1)
    assert "bob, eve" in error and "--from" in error and facts(where) == {}
    _, error = take_in(where, whole, "mem0", code=1, more=["--from", "ann"])
    assert "bob, eve" in error
    out, _ = take_in(where, whole, "mem0", more=["--from", "eve"])
    assert "1 facts added, 0 were there, 2 left out" in out and "another person's" in out and "names nobody" in out
    assert list(facts(where)) == ["of eve"]
    out, _ = take_in(where, [{"memory": "mine", "user_id": "ana"}, *whole], "mem0")
    assert sorted(facts(where)) == ["mine", "of eve"]
    out, _ = take_in(where, [{"memory": "one", "user_id": 7}, {"memory": "two", "user_id": 7}], "mem0")
    assert "2 facts added" in out


def test_what_an_agent_remembers_is_not_the_persons(where):
    whole = [{"memory": "I am a helpful bot", "agent_id": "bot"}, {"memory": "I told a joke", "user_id": "x", "role": "assistant"},
             {"memory": "Likes tea", "user_id": "x", "agent_id": "bot", "role": "user"}, {"memory": "Likes rain", "user_id": "x"}]  # fmt: skip
    out, _ = take_in(where, whole, "mem0")
    assert sorted(facts(where)) == ["Likes rain", "Likes tea"] and "an agent remembered it" in out


TIMES = [
    (1714557600, "2024-05-01T10:00:00.000Z"), (1714557600.5, "2024-05-01T10:00:00.500Z"), (1714557600500, "2024-05-01T10:00:00.500Z"),
    (1714557600500000, "2024-05-01T10:00:00.500Z"), ("1714557600", "2024-05-01T10:00:00.000Z"), ("2024-05-01T10:00:00", "2024-05-01T10:00:00.000Z"),
    ("2024-05-01 10:00:00.250", "2024-05-01T10:00:00.250Z"), ("2024-05-01", "2024-05-01T00:00:00.000Z"),
    ("2024-05-01T10:00:00-07:00", "2024-05-01T17:00:00.000Z"), ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000Z"),
]  # fmt: skip


def test_times_of_every_form_are_kept(where):
    take_in(where, [{"memory": f"m {i}", "created_at": at} for i, (at, _) in enumerate(TIMES)], "mem0")
    kept = facts(where)
    assert [kept[f"m {i}"]["created_at"] for i in range(len(TIMES))] == [right for _, right in TIMES]


def test_every_form_of_memories_is_read(where):
    one, two = {"memory": "one"}, {"memory": "two"}
    lines = b"\xef\xbb\xbf" + b"\n".join(json.dumps(row).encode() for row in (one, two)) + b"\n"
    assert "2 facts added" in take_in(where, lines, "mem0")[0]
    memories = {"user": {"user_id": "x"}, "memories": [one, two], "apps": []}
    for text in (json.dumps({"results": [one, two]}), json.dumps({"results": {"memories": [one, two]}, "relations": []}), json.dumps(memories)):
        assert "0 facts added, 2 were there" in take_in(where, text.encode(), "mem0")[0]
    assert "2 were there" in take_in(where, packed({"memories.json": json.dumps(memories), "memories.jsonl.gz": "x"}), "mem0")[0]


def test_one_odd_memory_ends_nothing(where):
    text = '[{"memory": "a \\u0000 b"}, {"memory": "x", "memory": "y"}, 7, null, {"memory": "\\u200b"}, {"memory": "fine"}]'
    out, _ = take_in(where, text.encode(), "mem0")
    assert sorted(facts(where)) == ["a � b", "fine"] and "4 left out" in out


def test_metadata_that_is_too_large_stays_out(where):
    whole = [{"memory": "big", "metadata": {"x": "y" * 17000}}, {"memory": "small", "metadata": {"x": "y" * 15000}}]
    out, _ = take_in(where, whole, "mem0")
    assert "2 facts added" in out and "over 16 KiB" in out
    assert facts(where)["big"]["metadata"] == {} and facts(where)["small"]["metadata"] == whole[1]["metadata"]


def test_memories_cut_short_are_told(where):
    out, error = take_in(where, b'[{"memory": "one"}, {"mem', "mem0", code=1)
    assert "1 facts added" in out and "does not end" in error


@pytest.mark.parametrize("text", [b"", b"7", b"hello", b"{"])
def test_what_is_no_export_of_mem0_is_refused(where, text):
    assert take_in(where, text, "mem0", code=1)[1].startswith("nima: ")
