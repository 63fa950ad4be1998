"""The example keeps the promises of a channel."""

import hmac
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from example_channel import ExampleChannel, Options
from frontdesk.core.event import Address
from frontdesk.core.message import Text
from frontdesk.plugin import Secret, Tools
from frontdesk.ports import OutgoingMessage, WebhookRequest
from frontdesk.testing.contracts import ChannelContract, ScriptedVendor
from frontdesk.testing.doubles import ManualClock

SECRET = "a word of ours"
BODY = b'{"id": "1", "from": "15550100777", "text": "hello"}'


def signed(body: bytes) -> WebhookRequest:
    headers = {"x-signature": hmac.digest(SECRET.encode(), body, "sha256").hex()}
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return WebhookRequest(method="POST", query={}, headers=headers, body=body, received_at=at)


class TestExampleChannel(ChannelContract):
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    def vendor(self) -> ScriptedVendor:
        return ScriptedVendor(httpx.Response(200, json={"id": "gateway-1"}))

    @pytest.fixture
    async def channel(self, vendor: ScriptedVendor) -> AsyncIterator[ExampleChannel]:
        http = httpx.AsyncClient(transport=vendor.transport)
        tools = Tools(http=http, transport=vendor.transport, clock=ManualClock(), data_dir=Path())
        async with ExampleChannel("main", Options(secret=Secret(SECRET)), tools) as channel:
            yield channel

    @pytest.fixture
    def webhook_of(self) -> Callable[[bytes], WebhookRequest]:
        return signed

    @pytest.fixture
    def webhook(self) -> WebhookRequest:
        return signed(BODY)

    @pytest.fixture
    def written(self) -> list[str]:
        return ["hello"]

    @pytest.fixture
    def tampered(self) -> WebhookRequest:
        return msgspec.structs.replace(signed(BODY), body=BODY.replace(b"hello", b"worst"))

    @pytest.fixture
    def outgoing(self) -> OutgoingMessage:
        return OutgoingMessage(reference="effect-1", to=(Address("phone", "15550100777"),), content=Text(body="hi"))

    @pytest.fixture
    def refusals(self) -> dict[str, httpx.Response]:
        return {"temporary": httpx.Response(429), "permanent": httpx.Response(400)}

    @pytest.fixture
    def secret_words(self) -> list[str]:
        return [SECRET]
