"""The console provider keeps the promises of a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest

from frontdesk.core.message import Text
from frontdesk.plugin import Secret
from frontdesk.ports import Channel, OutgoingMessage, WebhookRequest
from frontdesk.testing.contracts import ChannelContract, ScriptedVendor
from frontdesk_plugins.console import Console, Options
from plugins.console.support import SECRET, outgoing, post, tools


class TestConsole(ChannelContract):
    @pytest.fixture
    def vendor(self) -> ScriptedVendor:
        return ScriptedVendor(httpx.Response(200, json={"id": "console-effect-1.0"}))

    @pytest.fixture
    async def channel(self, vendor: ScriptedVendor) -> AsyncIterator[Channel]:
        async with Console("main", Options(secret=Secret(SECRET)), tools(vendor.transport)) as channel:
            yield channel

    @pytest.fixture
    def webhook_of(self) -> Callable[[bytes], WebhookRequest]:
        return post

    @pytest.fixture
    def webhook(self) -> WebhookRequest:
        return post({"id": "line-1", "from": "15550100777", "text": "hello 👩‍🌾"})

    @pytest.fixture
    def written(self) -> list[str]:
        return ["hello 👩‍🌾"]

    @pytest.fixture
    def tampered(self, webhook: WebhookRequest) -> WebhookRequest:
        return msgspec.structs.replace(webhook, body=webhook.body.replace(b"hello", b"worst"))

    @pytest.fixture
    def outgoing(self) -> OutgoingMessage:
        return outgoing(Text(body="hello"))

    @pytest.fixture
    def refusals(self) -> dict[str, httpx.Response]:
        return {"temporary": httpx.Response(429), "permanent": httpx.Response(400)}

    @pytest.fixture
    def secret_words(self) -> list[str]:
        return [SECRET]
