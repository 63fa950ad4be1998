"""The Cloud API provider keeps the promises of a channel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest

from frontdesk.core.message import Text
from frontdesk.ports import Channel, OutgoingMessage, WebhookRequest
from frontdesk.testing.contracts import ChannelContract, ScriptedVendor
from frontdesk_plugins.whatsapp_cloud import WhatsAppCloud
from plugins.whatsapp_cloud.support import APP_SECRET, RECEIVED_AT, load, options, outgoing, sign, tools


def signed(body: bytes) -> WebhookRequest:
    return WebhookRequest(
        method="POST", query={}, headers={"x-hub-signature-256": sign(body)}, body=body, received_at=RECEIVED_AT
    )


class TestWhatsAppCloud(ChannelContract):
    @pytest.fixture
    def vendor(self) -> ScriptedVendor:
        return ScriptedVendor(httpx.Response(200, json={"messages": [{"id": "wamid.NEW"}]}))

    @pytest.fixture
    async def channel(self, vendor: ScriptedVendor) -> AsyncIterator[Channel]:
        async with WhatsAppCloud("main", options(), tools(vendor.transport)) as channel:
            yield channel

    @pytest.fixture
    def webhook_of(self) -> Callable[[bytes], WebhookRequest]:
        return signed

    @pytest.fixture
    def body(self) -> bytes:
        body = load("message_text.json")
        messages = body["entry"][0]["changes"][0]["value"]["messages"]
        messages[0]["text"]["body"] = "first"
        messages.append(messages[0] | {"id": "wamid.2", "text": {"body": "second 👩‍🌾"}})
        return msgspec.json.encode(body)

    @pytest.fixture
    def webhook(self, body: bytes) -> WebhookRequest:
        return signed(body)

    @pytest.fixture
    def written(self) -> list[str]:
        return ["first", "second 👩‍🌾"]

    @pytest.fixture
    def tampered(self, webhook: WebhookRequest) -> WebhookRequest:
        return msgspec.structs.replace(webhook, body=webhook.body.replace(b"first", b"worst"))

    @pytest.fixture
    def outgoing(self) -> OutgoingMessage:
        return outgoing(Text(body="hello"))

    @pytest.fixture
    def refusals(self) -> dict[str, httpx.Response]:
        cases = {
            "temporary": load("error_130429_rate_limit.json"),
            "permanent": load("error_131026_undeliverable.json"),
        }
        return {kind: httpx.Response(case["_http_status"], json=case["body"]) for kind, case in cases.items()}

    @pytest.fixture
    def secret_words(self) -> list[str]:
        return ["EAAtoken", APP_SECRET, "my-verify-token"]
