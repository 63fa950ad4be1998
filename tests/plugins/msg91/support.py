"""What these tests share: the cases on disk, a channel, and MSG91's way of calling."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from frontdesk.core.event import Address, Event, MessageReceived, StatusChanged
from frontdesk.core.message import Content, Text
from frontdesk.plugin import Secret, Tools
from frontdesk.ports import OutgoingMessage, Received, WebhookRequest
from frontdesk_plugins.msg91 import Msg91, Options

CASES = Path(__file__).parent / "cases"
EXPECTED = CASES / "expected"
OUR_NUMBER = "15550100001"
ASHA = Address("phone", "15550100045")
SECRET = "a word of 32 characters or more, made up"
RECEIVED_AT = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
REQUEST_ID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TAKEN = {"status": "success", "hasError": False, "data": "in process", "errors": None, "request_id": REQUEST_ID}

Answer = Callable[[httpx.Request], httpx.Response]


class StillClock:
    """Always the same moment."""

    def now(self) -> datetime:
        return RECEIVED_AT


def load(name: str) -> Any:
    return msgspec.json.decode((CASES / name).read_bytes())


def names(*prefixes: str) -> list[str]:
    return sorted(path.name for path in CASES.glob("*.json") if path.name.startswith(prefixes))


def options(**changes: Any) -> Options:
    known: dict[str, Any] = {
        "integrated_number": "+15550100001",
        "authkey": Secret("the-authkey"),
        "webhook_secret": Secret(SECRET),
    }
    return Options(**{**known, **changes})


def tools(transport: httpx.AsyncBaseTransport | None = None, *, is_development: bool = False) -> Tools:
    transport = transport or httpx.MockTransport(nobody_answers)
    return Tools(
        http=httpx.AsyncClient(transport=transport),
        transport=transport,
        clock=StillClock(),
        data_dir=Path(),
        is_development=is_development,
    )


def nobody_answers(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nothing should have been sent, but {request.url} was")


def channel(answer: Answer = nobody_answers, **changes: Any) -> Msg91:
    return Msg91("main", options(**changes), tools(httpx.MockTransport(answer)))


def post(body: bytes | dict[str, Any] | list[Any], part: str = "", **headers: str) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    known = {"x-webhook-secret": SECRET, "content-type": "application/json", **headers}
    return WebhookRequest(method="POST", query={}, headers=known, body=raw, received_at=RECEIVED_AT, part=part)


def receive(body: bytes | dict[str, Any] | list[Any], part: str = "", **changes: Any) -> Received:
    return channel(**changes).receive(post(body, part))


def inbound(**changes: Any) -> dict[str, Any]:
    """A good inbound text from flat fields alone."""
    known = {
        "customerNumber": ASHA.value,
        "integratedNumber": OUR_NUMBER,
        "direction": "0",
        "uuid": "wamid.GOOD",
        "contentType": "text",
        "text": "hello",
        "ts": "2026-11-20T10:15:30+05:30",
    }
    return {key: value for key, value in {**known, **changes}.items() if value is not None}


def report(**changes: Any) -> dict[str, Any]:
    """A good delivery report."""
    known = {
        "crqid": "effect-1.0",
        "customerNumber": ASHA.value,
        "integratedNumber": OUR_NUMBER,
        "direction": "1",
        "eventName": "delivered",
        "requestId": REQUEST_ID,
        "uuid": "wamid.OURS",
        "ts": "2026-11-20T10:16:04+05:30",
    }
    return {key: value for key, value in {**known, **changes}.items() if value is not None}


def only_event(received: Received) -> Event:
    assert len(received.events) == 1, received
    return received.events[0]


def only_message(received: Received) -> MessageReceived:
    event = only_event(received)
    assert isinstance(event, MessageReceived)
    return event


def only_status(received: Received) -> StatusChanged:
    event = only_event(received)
    assert isinstance(event, StatusChanged)
    return event


def outgoing(content: Content, *to: Address, **changes: Any) -> OutgoingMessage:
    return OutgoingMessage(**{"reference": "effect-1.0", "to": to or (ASHA,), "content": content, **changes})


def texts(received: Received) -> list[str]:
    events = (event for event in received.events if isinstance(event, MessageReceived))
    return [event.content.body for event in events if isinstance(event.content, Text)]


class Vendor:
    """Answers in turn, the last answer again and again, and remembers what it was asked."""

    def __init__(self, *answers: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._answers = list(answers or [TAKEN])
        self._status = status
        self._headers = headers
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        body = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return httpx.Response(self._status, content=raw, headers=self._headers)

    @property
    def asked(self) -> Any:
        (request,) = self.requests
        return msgspec.json.decode(request.content)
