"""What these tests share: the cases on disk, a channel, and Meta's signature."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec

from frontdesk.core.event import Address, Event, MessageReceived
from frontdesk.core.message import Content, Text
from frontdesk.plugin import Secret, Tools
from frontdesk.ports import OutgoingMessage, Received, WebhookRequest
from frontdesk_plugins.whatsapp_cloud import Options, WhatsAppCloud

CASES = Path(__file__).parent / "cases"
EXPECTED = CASES / "expected"
OUR_NUMBER = "310700000000042"
APP_SECRET = "0123456789abcdef0123456789abcdef"
PHONE = Address("phone", "15550100777")
RECEIVED_AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

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
        "phone_number_id": OUR_NUMBER,
        "access_token": Secret("EAAtoken"),
        "app_secret": Secret(APP_SECRET),
        "verify_token": Secret("my-verify-token"),
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


def channel(answer: Answer = nobody_answers, **changes: Any) -> WhatsAppCloud:
    return WhatsAppCloud("main", options(**changes), tools(httpx.MockTransport(answer)))


def sign(body: bytes, secret: str = APP_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, sha256).hexdigest()


def post(body: bytes, **headers: str) -> WebhookRequest:
    signed = {"x-hub-signature-256": sign(body), "content-type": "application/json", **headers}
    return WebhookRequest(method="POST", query={}, headers=signed, body=body, received_at=RECEIVED_AT)


def receive(body: bytes | dict[str, Any], **changes: Any) -> Received:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return channel(**changes).receive(post(raw))


def message(**changes: Any) -> dict[str, Any]:
    """A good message; a key that is None is left out."""
    known = {
        "from": "15550100777",
        "from_user_id": "US.71820000000000000001",
        "id": "wamid.GOOD",
        "timestamp": "1793520007",
        "type": "text",
        "text": {"body": "hello"},
    }
    return {key: value for key, value in {**known, **changes}.items() if value is not None}


def body_of(field: str = "messages", **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550100200", "phone_number_id": OUR_NUMBER}
    whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    changes = [{"field": field, "value": whole}]
    return {"object": "whatsapp_business_account", "entry": [{"id": "209800000000017", "changes": changes}]}


def only_event(received: Received) -> Event:
    assert len(received.events) == 1, received
    return received.events[0]


def outgoing(content: Content, *to: Address, **changes: Any) -> OutgoingMessage:
    return OutgoingMessage(**{"reference": "effect-1", "to": to or (PHONE,), "content": content, **changes})


class Meta:
    """Answers everything alike and remembers what it was asked."""

    def __init__(self, body: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._response = (status, {"messages": [{"id": "wamid.NEW"}]} if body is None else body, headers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status, body, headers = self._response
        return httpx.Response(
            status, content=body if isinstance(body, bytes) else msgspec.json.encode(body), headers=headers
        )

    @property
    def asked(self) -> Any:
        (request,) = self.requests
        return msgspec.json.decode(request.content)


def encodes(received: Received) -> None:
    """Every store can write it: it is JSON in UTF-8, and it is the same when it is read again."""
    raw = msgspec.json.encode(received)
    assert msgspec.json.decode(raw, type=Received) == received


def texts(received: Received) -> list[str]:
    events = (event for event in received.events if isinstance(event, MessageReceived))
    return [event.content.body for event in events if isinstance(event.content, Text)]


def ids(received: Received) -> set[str]:
    return {each.id for each in (*received.events, *received.notices)}
