"""What the terminal posts, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.core.event import Contact, MessageReceived
from frontdesk.core.message import Choice, Content, Location, Text
from frontdesk.ports import RequestRefused
from plugins.console.support import ASHA, RECEIVED_AT, channel, post, receive, signature

TAP = {"id": "menu/topic/order#12345678", "title": "Order status"}
PLACE = {"latitude": 12.97, "longitude": -77.59}
HEAD = {"id": "line-1", "from": ASHA.value}

SAID: list[tuple[dict[str, Any], Content]] = [
    ({"text": "hello"}, Text(body="hello")),
    ({"tap": TAP}, Choice(id=TAP["id"], title=TAP["title"])),
    ({"place": PLACE}, Location(latitude=12.97, longitude=-77.59)),
    ({"text": "hello", "tap": None}, Text(body="hello")),
]


@pytest.mark.parametrize(("said", "content"), SAID)
def test_what_is_said_is_a_message(said: dict[str, Any], content: Content) -> None:
    (event,) = receive({**HEAD, "name": "Asha", **said}).events
    assert isinstance(event, MessageReceived)
    assert (event.content, event.provider_message_id, event.sent_at) == (content, "line-1", RECEIVED_AT)
    assert event.contact == Contact(addresses=(ASHA,), name="Asha")


@pytest.mark.parametrize(
    "body",
    [
        HEAD,
        {**HEAD, "text": "hello", "tap": TAP},
        {**HEAD, "text": 7},
        {**HEAD, "tap": {"id": "", "title": "x"}},
        {**HEAD, "place": {"latitude": 91, "longitude": 0}},
        {**HEAD, "id": "", "text": "hello"},
        {**HEAD, "id": "x" * 257, "text": "hello"},
        {**HEAD, "from": "+15550100777", "text": "hello"},
        {**HEAD, "from": "15550100777\n", "text": "hello"},
        {"from": ASHA.value, "text": "hello"},
        b"[]",
        b"\xff",
        b"[" * 50_000,
    ],
)
def test_what_cannot_be_read_is_kept_for_people(body: bytes | dict[str, Any]) -> None:
    received = receive(body)
    (notice,) = received.notices
    assert (received.events, notice.kind, notice.at) == ((), "quarantine", RECEIVED_AT)
    assert notice.raw == post(body).body.decode("utf-8", "replace")


def test_only_who_knows_the_secret_is_heard() -> None:
    request = post({**HEAD, "text": "hello"})
    for given in ("", "ä", signature(request.body, "another secret of 16"), signature(request.body).upper()):
        with pytest.raises(RequestRefused) as refusal:
            channel().receive(post(request.body, headers={"x-frontdesk-signature": given}))
        assert refusal.value.status == 401
    with pytest.raises(RequestRefused) as refusal:
        channel().receive(post(request.body, method="PUT"))
    assert refusal.value.status == 401
