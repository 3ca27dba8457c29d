"""Lists: plain files, changed over the API, by several at once, and never anybody else's."""

import concurrent.futures
from urllib.parse import quote

LISTS = "/v1/lists"


def items(view):
    return [(item["text"], item["done"]) for item in view["items"]]


def test_a_list_is_made_filled_ticked_and_deleted(fresh):
    made = fresh.post(LISTS, {"name": "packing", "items": ["socks", "charger"]}, expect=201).json()
    assert made["name"] == "packing" and items(made) == [("socks", False), ("charger", False)] and made["open"] == 2
    fresh.post(LISTS, {"name": "Packing list"}, expect=409)
    where = f"{LISTS}/packing"
    now = fresh.post(f"{where}/items", {"items": ["passport", "the socks"]}, expect=200).json()
    assert items(now) == [("socks", False), ("charger", False), ("passport", False)], "what is there already stays once"
    now = fresh.patch(f"{where}/items", {"item": "charger", "done": True}, expect=200).json()
    assert ("charger", True) in items(now) and now["open"] == 2
    now = fresh.patch(f"{where}/items", {"item": "passport", "position": 0}, expect=200).json()
    assert items(now)[0] == ("passport", False)
    now = fresh.delete(f"{where}/items?item=socks", expect=200).json()
    assert [text for text, _ in items(now)] == ["passport", "charger"]
    fresh.delete(f"{where}/items?item=garlic", expect=404)
    renamed = fresh.patch(where, {"new_name": "Portugal trip"}, expect=200).json()
    assert renamed["name"] == "Portugal trip"
    fresh.get(where, expect=404)
    assert [view["name"] for view in fresh.get(LISTS, expect=200).json()] == ["Portugal trip"]
    assert fresh.get(f"{LISTS}?item=passport", expect=200).json()
    assert fresh.get(f"{LISTS}?item=milk", expect=200).json() == []
    cleared = fresh.delete(f"{LISTS}/{quote('portugal trip')}/items", expect=200).json()
    assert cleared["items"] == []
    fresh.delete(f"{LISTS}/{quote('Portugal trip')}", expect=204)
    assert fresh.get(LISTS).json() == []


def test_shopping_and_to_do_are_always_there(fresh):
    assert fresh.get(f"{LISTS}/{quote('grocery list')}", expect=200).json()["name"] == "shopping"
    assert fresh.get(f"{LISTS}/todos", expect=200).json()["items"] == []
    fresh.post(f"{LISTS}/todo/items", {"items": ["call the bank"]}, expect=200)
    assert [view["name"] for view in fresh.get(LISTS).json()] == ["to-do"]


def test_bad_input_is_refused_by_name(fresh):
    for body, field in (({"name": ""}, "name"), ({"name": "x" * 81}, "name"), ({"name": "x", "items": [""]}, "items"),
                        ({"name": "x", "items": ["a\nb"]}, "items"), ({"name": "x", "items": ["a" * 501]}, "items")):  # fmt: skip
        assert fresh.post(LISTS, body, expect=422).field.startswith(field)
    fresh.post(f"{LISTS}/x/items", {"items": [str(n) for n in range(2001)]}, expect=422)
    fresh.patch(f"{LISTS}/shopping/items", {"item": "milk"}, expect=422)
    odd = fresh.post(LISTS, {"name": "../../etc/passwd"}, expect=201).json()
    assert "/" not in odd["name"]


def test_two_devices_at_once_lose_nothing(fresh):
    def add(number):
        return fresh.post(f"{LISTS}/shared/items", {"items": [f"item {chr(97 + number // 5)}{chr(97 + number % 5)}"]}, expect=200)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(25)))
    assert len(fresh.get(f"{LISTS}/shared").json()["items"]) == 25
