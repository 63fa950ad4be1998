"""The MSG91 provider keeps the promises of a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import msgspec
import pytest

from frontdesk.core.message import Text
from frontdesk.ports import Channel, OutgoingMessage, WebhookRequest
from frontdesk.testing.contracts import ChannelContract, ScriptedVendor
from frontdesk_plugins.msg91 import Msg91
from plugins.msg91.support import SECRET, TAKEN, inbound, load, options, outgoing, post, tools


class TestMsg91(ChannelContract):
    @pytest.fixture(params=["json", "query"])
    def transport(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def vendor(self) -> ScriptedVendor:
        return ScriptedVendor(httpx.Response(200, json=TAKEN))

    @pytest.fixture
    async def channel(self, vendor: ScriptedVendor, transport: str) -> AsyncIterator[Channel]:
        async with Msg91("main", options(text_transport=transport), tools(vendor.transport)) as channel:
            yield channel

    @pytest.fixture
    def webhook_of(self) -> Callable[[bytes], WebhookRequest]:
        return post

    @pytest.fixture
    def body(self) -> list[dict[str, Any]]:
        return [inbound(text="first"), inbound(text="second 👩‍🌾", uuid="wamid.2")]

    @pytest.fixture
    def webhook(self, body: list[dict[str, Any]]) -> WebhookRequest:
        return post(body)

    @pytest.fixture
    def written(self) -> list[str]:
        return ["first", "second 👩‍🌾"]

    @pytest.fixture
    def tampered(self, webhook: WebhookRequest) -> WebhookRequest:
        """MSG91 signs nothing; what somebody else sends lacks the word."""
        return msgspec.structs.replace(webhook, headers={**webhook.headers, "x-webhook-secret": SECRET[:-1]})

    @pytest.fixture
    def outgoing(self) -> OutgoingMessage:
        return outgoing(Text(body="hello"))

    @pytest.fixture
    def refusals(self) -> dict[str, httpx.Response]:
        undeliverable = {"status": "fail", "hasError": True, "errors": "131026: Message undeliverable"}
        return {
            "temporary": httpx.Response(200, json=load("resp_err_200_haserror.json")["body"]),
            "permanent": httpx.Response(200, json=undeliverable),
        }

    @pytest.fixture
    def secret_words(self) -> list[str]:
        return ["the-authkey", SECRET]
