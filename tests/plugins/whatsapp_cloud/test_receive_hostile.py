"""Whatever is signed is kept, and nothing that is wrong with one item costs another."""

from __future__ import annotations

import random
from time import perf_counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from frontdesk.core.event import Address, MessageReceived
from frontdesk.core.message import Unsupported
from plugins.whatsapp_cloud.support import (
    body_of,
    encodes,
    ids,
    load,
    message,
    only_event,
    receive,
    texts,
)

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MESSAGE_KEYS = st.sampled_from(
    [
        "from",
        "from_user_id",
        "id",
        "timestamp",
        "type",
        "text",
        "image",
        "audio",
        "contacts",
        "location",
        "interactive",
        "button",
        "reaction",
        "order",
        "system",
        "edit",
        "revoke",
        "context",
        "referral",
        "errors",
        "group_id",
        "origin",
    ]
)
KINDS = st.sampled_from(
    ["text", "image", "contacts", "location", "interactive", "button", "reaction", "order", "system", "edit", "revoke"]
)
HOSTILE_MESSAGE = st.builds(
    lambda kind, parts: {**message(id="wamid.BAD", type=kind), **parts}, KINDS, st.dictionaries(MESSAGE_KEYS, PLAIN)
)
FIELDS = st.sampled_from(
    [
        "messages",
        "smb_message_echoes",
        "history",
        "standby",
        "calls",
        "user_preferences",
        "user_id_update",
        "account_update",
    ]
)
LISTS = st.sampled_from(
    [
        "metadata",
        "contacts",
        "messages",
        "statuses",
        "errors",
        "user_actions",
        "message_echoes",
        "history",
        "standby",
        "calls",
        "user_preferences",
        "user_id_update",
        "event",
    ]
)


@given(PLAIN)
@settings(deadline=None)
def test_any_signed_json_is_answered(body: Any) -> None:
    encodes(receive(msgspec.json.encode(body)))


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_signed_bytes_are_answered(body: bytes) -> None:
    encodes(receive(body))


@given(FIELDS, st.dictionaries(LISTS, PLAIN | st.lists(st.dictionaries(MESSAGE_KEYS, PLAIN, max_size=4), max_size=3)))
@settings(deadline=None)
def test_any_value_of_a_known_field_is_answered(field: str, value: dict[str, Any]) -> None:
    encodes(receive(body_of(field, **value)))


@given(HOSTILE_MESSAGE | PLAIN, st.booleans())
@settings(deadline=None)
def test_a_good_message_beside_a_hostile_one_is_found(hostile: Any, is_first: bool) -> None:
    items = [hostile, message()] if is_first else [message(), hostile]
    received = receive(body_of(messages=items))
    assert "wamid.GOOD" in {
        event.provider_message_id for event in received.events if isinstance(event, MessageReceived)
    }
    encodes(received)


@given(PLAIN, PLAIN, PLAIN)
@settings(deadline=None)
def test_hostile_neighbours_at_every_layer_cost_nothing(entry: Any, change: Any, contact: Any) -> None:
    body = body_of(messages=[message()], contacts=[contact], statuses=contact)
    body["entry"][0]["changes"] = [change, *body["entry"][0]["changes"]]
    body["entry"] = [entry, *body["entry"], entry]
    received = receive(body)
    assert texts(received) == ["hello"]


def single_changes(body: dict[str, Any]) -> list[tuple[str, int | None, dict[str, Any]]]:
    """The body in its smallest pieces: each item alone in its change."""
    pieces: list[tuple[str, int | None, dict[str, Any]]] = []
    for entry in body["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            names = [name for name in ("messages", "statuses") if name in value]
            frame = {key: inner for key, inner in value.items() if key not in names}
            values = [{**frame, name: [item]} for name in names for item in value[name]] or [value]
            changes = [{"field": change["field"], "value": alone} for alone in values]
            pieces += [(entry["id"], entry.get("time"), alone) for alone in changes]
    return pieces


def joined(pieces: list[tuple[str, int | None, dict[str, Any]]]) -> dict[str, Any]:
    timed = ({"id": name, "changes": [change], **({"time": time} if time else {})} for name, time, change in pieces)
    return {"object": "whatsapp_business_account", "entry": list(timed)}


@given(st.randoms(use_true_random=False), st.integers(1, 6))
@settings(max_examples=50, deadline=None)
def test_however_a_batch_is_cut_shuffled_and_repeated_the_facts_are_the_same(
    shuffle: random.Random, parts: int
) -> None:
    body = load("batch_mixed.json")
    whole = ids(receive(msgspec.json.encode(body)))
    pieces = single_changes(msgspec.json.decode(msgspec.json.encode(body)))
    pieces += shuffle.sample(pieces, k=2)
    shuffle.shuffle(pieces)
    found = [ids(receive(joined(pieces[start::parts]))) for start in range(parts)]
    assert set().union(*found) == whole


def test_the_same_words_twice_are_two_messages() -> None:
    received = receive(body_of(messages=[message(id="wamid.1"), message(id="wamid.2")]))
    assert len({event.id for event in received.events}) == 2


def test_ids_differ_between_channels_and_kinds() -> None:
    both = receive(
        body_of(messages=[message(id="x")], statuses=[{"id": "x", "status": "sent", "timestamp": "1793520007"}])
    )
    assert len(ids(both)) == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (rb"\ud83d", "\ufffd"),
        (rb"\ude42 late", "\ufffd late"),
        (rb"\ud83d\ude42", "🙂"),
        (rb"\\ud83d", r"\ud83d"),
        (rb"\ud83d\ud83d\ude42", "\ufffd🙂"),
        (rb"a\u0000b", "a\0b"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("grün 🙂".encode(), "grün 🙂"),
        (b"tab\there", "tab\there"),
    ],
)
def test_strange_letters_arrive_and_can_be_stored(words: bytes, expected: str) -> None:
    body = msgspec.json.encode(body_of(messages=[message(text={"body": "WORDS"}), message(id="wamid.2")]))
    received = receive(body.replace(b"WORDS", words))
    assert texts(received) == [expected, "hello"]
    encodes(received)


@pytest.mark.parametrize(
    "value", [b"NaN", b"-Infinity", b"1e999", b"[NaN,1e999]", b"9" * 5000, b"[" * 300 + b"]" * 300, b"true", b"null"]
)
def test_a_strange_value_costs_nobody_anything(value: bytes) -> None:
    body = msgspec.json.encode(body_of(messages=[message(id="wamid.1", timestamp="@", odd="@"), message(context="@")]))
    received = receive(body.replace(b'"@"', value))
    assert texts(received) == ["hello", "hello"]
    encodes(received)


def test_a_byte_order_mark_is_skipped() -> None:
    assert texts(receive(b"\xef\xbb\xbf" + msgspec.json.encode(body_of(messages=[message()])))) == ["hello"]


@pytest.mark.parametrize(
    "body", [b"", b"no json", b"[]", b'"text"', b"12", b"[" * 200_000, b'{"entry":' * 50_000, b"\xff"]
)
def test_what_is_no_json_object_goes_into_quarantine(body: bytes) -> None:
    received = receive(body)
    assert received.events == ()
    (notice,) = received.notices
    assert notice.kind == "quarantine"
    assert notice.is_alarm
    assert len(notice.raw) < 70_000
    encodes(received)


@pytest.mark.parametrize("content", [None, 7, "words", [], {}, {"body": 7}, {"body": None}])
def test_a_message_that_cannot_be_read_is_shown_to_a_person(content: Any) -> None:
    event = only_event(receive(body_of(messages=[message(text=content)])))
    assert isinstance(event, MessageReceived)
    assert isinstance(event.content, Unsupported)
    assert event.content.kind == "text"
    assert "wamid.GOOD" in event.content.raw
    assert event.contact.addresses[1] == Address("phone", "15550100777")


@pytest.mark.parametrize(
    "lost", [{"id": None}, {"from": None, "from_user_id": None}, {"from": "?", "from_user_id": None}]
)
def test_a_message_of_nobody_is_kept(lost: dict[str, Any]) -> None:
    received = receive(body_of(messages=[message(**lost)]))
    assert received.events == ()
    assert [notice.kind for notice in received.notices] == ["quarantine"]


def test_a_thousand_items_and_three_megabytes_are_read_in_no_time() -> None:
    items = [message(id=f"wamid.{number}", text={"body": "🙂" * 240}) for number in range(1000)]
    body = msgspec.json.encode(body_of(messages=items))
    escaped = body.decode().encode("ascii", "backslashreplace").replace(b"\\U0001f642", rb"\ud83d\ude42")
    assert len(escaped) > 2_900_000
    started = perf_counter()
    received = receive(escaped)
    assert len(received.events) == 1000
    assert perf_counter() - started < 1
