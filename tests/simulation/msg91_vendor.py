"""The simulated vendor behind the real MSG91 provider: what it refuses and tells is what the provider makes of it, and
its log is asked for what nobody knows."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from frontdesk.core.message import MessageStatus
from frontdesk.core.transcript import as_text
from frontdesk.plugin import Secret, Tools
from frontdesk.ports import (
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    Received,
    Sent,
    TemporaryFailure,
    WebhookRequest,
)
from frontdesk.testing.invariants import Call
from frontdesk.testing.simulated_process import System
from frontdesk.testing.simulated_world import CHANNEL, Host, Pause, Vendor
from frontdesk_plugins.msg91 import Msg91, Options
from frontdesk_plugins.msg91.moment import IST

SECRET = "the word"
NUMBER = "15550100200"
REFUSALS = {
    "message": (200, "131016: Service unavailable"),
    "contact": (200, "131056: pair rate limit hit"),
    "channel": (429, "Too many requests"),
    "account": (401, "Unauthorized"),
}


class Wire(httpx.AsyncBaseTransport):
    """The way to the vendor."""

    def __init__(self, vendor: Msg91Vendor) -> None:
        self._vendor = vendor

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/report/logs/wa"):
            return await self._vendor.tell_log()
        return await self._vendor.take(json.loads(request.content))


class Msg91Vendor(Vendor):
    """See the module. It has neither read marks nor typing dots."""

    mark_read = None  # type: ignore[assignment]  # so that nobody takes it for a channel that has

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        wire = Wire(self)
        tools = Tools(http=httpx.AsyncClient(transport=wire), transport=wire, clock=host.clock, data_dir=Path())
        options = Options(integrated_number=NUMBER, authkey=Secret("key"), webhook_secret=Secret(SECRET))
        self._provider = Msg91(CHANNEL, options, tools)
        self._calls: dict[str, Call] = {}
        self._rows: dict[str, dict[str, Any]] = {}

    async def send(self, message: OutgoingMessage) -> Sent:
        host = self._host
        call = host.ledger.called(message, host.claim_of_caller(), host.clock.now())
        self._calls[message.reference] = call
        try:
            await Pause()
            return await self._provider.send(message)
        finally:
            del host.ledger.calls[call.number]

    async def look_up(self, message: OutgoingMessage, sent_at: datetime) -> Received:
        return await self._provider.look_up(message, sent_at)

    async def take(self, body: dict[str, Any]) -> httpx.Response:
        """MSG91's side of a send."""
        try:
            sent = await self._answer(self._calls[body["CRQID"]])
        except TemporaryFailure as refusal:
            status, words = REFUSALS[refusal.concerns]
            headers = {} if refusal.retry_after is None else {"retry-after": str(int(refusal.retry_after))}
            return httpx.Response(status, json={"hasError": True, "errors": words}, headers=headers)
        except PermanentFailure as refusal:
            words = "131047: Re-engagement message" if refusal.needs_template else "131026: Message undeliverable"
            return httpx.Response(200, json={"hasError": True, "errors": words})
        except OutcomeUnknown as lost:
            raise httpx.ReadTimeout(str(lost)) from lost
        return httpx.Response(200, json={"status": "success", "request_id": sent.provider_message_id})

    async def tell_log(self) -> httpx.Response:
        """MSG91's log."""
        await Pause(1.0)
        if self._host.faults.strike("answer lost"):
            raise httpx.ReadTimeout("time-out")
        return httpx.Response(200, json={"data": list(self._rows.values()), "metadata": {}})

    def _take(self, call: Call, provider_message_id: str) -> None:
        self._rows[provider_message_id] = {
            "requestedAt": self._host.clock.now().astimezone(IST).isoformat(),
            "requestId": provider_message_id,
            "status": "Sent",
            "customerNumber": _phone(call.message),
            "integratedNumber": NUMBER,
            "direction": "OUTBOUND",
            "content": json.dumps({"text": as_text(call.message.content)}),
        }
        super()._take(call, provider_message_id)

    def _report(self, call: Call, provider_message_id: str, status: MessageStatus, delay: float) -> None:
        host, is_failure = self._host, status is MessageStatus.FAILED
        post = {
            "customerNumber": _phone(call.message),
            "integratedNumber": NUMBER,
            "direction": "1",
            "eventName": "hold" if is_failure else status.value,
            "reason": "131026: Message undeliverable" if is_failure else "",
            "requestId": provider_message_id,
            "crqid": "" if host.faults.strike("no reference") else call.message.reference,
        }

        def deliver() -> None:
            self._rows[provider_message_id]["status"] = "Failed" if is_failure else status.value.capitalize()
            host.deliver(self._told(post))

        host.at(delay, deliver)
        if host.faults.strike("duplicate status"):
            host.at(delay * 1.5, deliver)

    def _told(self, post: dict[str, Any]) -> Any:
        request = WebhookRequest(
            method="POST",
            query={},
            headers={"x-webhook-secret": SECRET},
            body=json.dumps(post).encode(),
            received_at=self._host.clock.now(),
            part="status",
        )
        received = self._provider.receive(request)
        assert received.events, received
        return received.events


def _phone(message: OutgoingMessage) -> str:
    return next((address.value for address in message.to if address.kind == "phone"), "")


class Msg91System(System):
    """The service on MSG91."""

    def vendor(self, host: Host) -> Vendor:
        return Msg91Vendor(host)
