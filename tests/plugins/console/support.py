"""What these tests share: a channel, and the terminal's way of calling."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from frontdesk.core.event import Address
from frontdesk.core.message import Content
from frontdesk.plugin import Secret, Tools
from frontdesk.ports import OutgoingMessage, Received, WebhookRequest
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.console import Console, Options

SECRET = "a secret of the terminal's"
ASHA = Address("phone", "15550100777")
RECEIVED_AT = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


def tools(transport: httpx.AsyncBaseTransport) -> Tools:
    http = httpx.AsyncClient(transport=transport)
    return Tools(http=http, transport=transport, clock=ManualClock(), data_dir=Path())


def nobody_answers(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nothing should have been sent, but {request.url} was")


def channel(answer: Callable[[httpx.Request], httpx.Response] = nobody_answers, **changes: Any) -> Console:
    options = Options(**{"secret": Secret(SECRET), **changes})
    return Console("main", options, tools(httpx.MockTransport(answer)))


def post(body: bytes | dict[str, Any], **changes: Any) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"x-frontdesk-signature": signature(raw)}
    known = {"method": "POST", "query": {}, "headers": headers, "body": raw, "received_at": RECEIVED_AT}
    return WebhookRequest(**{**known, **changes})


def receive(body: bytes | dict[str, Any]) -> Received:
    return channel().receive(post(body))


def outgoing(content: Content, *to: Address) -> OutgoingMessage:
    return OutgoingMessage(reference="effect-1.0", to=to or (ASHA,), content=content)
