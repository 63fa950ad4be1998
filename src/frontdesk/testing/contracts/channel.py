"""What every channel promises."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import httpx
import msgspec
import pytest

from frontdesk.core.event import MessageReceived
from frontdesk.core.message import Text
from frontdesk.ports import (
    Channel,
    LooksUp,
    MarksRead,
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    Polls,
    ProviderFailure,
    Received,
    RequestRefused,
    TemporaryFailure,
    WebhookRequest,
)
from frontdesk.testing.contracts.hostile import BODIES, TEXTS
from frontdesk.testing.examples import CHANNEL

Answer = httpx.Response | httpx.TransportError


class ScriptedVendor:
    """A vendor that always gives the same answer, or breaks always in the same way, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, httpx.Response):
            return httpx.Response(self.answer.status_code, headers=self.answer.headers, content=self.answer.content)
        raise self.answer


class ChannelContract:
    """The promises of `frontdesk.ports.Channel`. A subclass adds fixtures:

    - `vendor`: a `ScriptedVendor` that answers as the vendor does when it takes a message;
    - `channel`: the channel, open, named `CHANNEL`, over `vendor.transport`;
    - `webhook_of`: makes the request with which the vendor would deliver a body (signed as it signs);
    - `webhook`: a request in which contacts write `written`, in this order;
    - `tampered`: the same request as somebody changed it on its way;
    - `outgoing`: a text to send;
    - `refusals`: the vendor's answers that mean "try again" (`temporary`) and "never" (`permanent`);
    - `secret_words`: what must not be seen in any reason.
    """

    pytestmark = pytest.mark.anyio

    async def test_what_contacts_wrote_comes_in_their_order_and_under_the_channels_name(
        self, channel: Channel, webhook: WebhookRequest, written: list[str]
    ) -> None:
        received = channel.receive(webhook)
        events = [event for event in received.events if isinstance(event, MessageReceived)]
        assert [event.content.body for event in events if isinstance(event.content, Text)] == written
        assert {item.channel for item in (*received.events, *received.notices)} == {CHANNEL}
        assert all(event.contact.addresses and event.provider_message_id for event in events)
        assert all(event.at == webhook.received_at and event.sent_at.tzinfo for event in events)

    async def test_receiving_is_pure_and_repeatable(self, channel: Channel, webhook: WebhookRequest) -> None:
        assert channel.receive(webhook) == channel.receive(webhook)

    async def test_a_repeated_delivery_has_the_same_ids_and_siblings_have_different_ones(
        self, channel: Channel, webhook: WebhookRequest
    ) -> None:
        later = msgspec.structs.replace(webhook, received_at=webhook.received_at + timedelta(hours=5))
        first, again = ([event.id for event in channel.receive(one).events] for one in (webhook, later))
        assert first == again
        assert len(set(first)) == len(first)

    async def test_what_was_received_can_be_kept(self, channel: Channel, webhook: WebhookRequest) -> None:
        received = channel.receive(webhook)
        assert msgspec.json.decode(msgspec.json.encode(received), type=Received) == received

    async def test_a_tampered_request_is_refused_and_the_reason_holds_no_secret(
        self, channel: Channel, tampered: WebhookRequest, secret_words: list[str]
    ) -> None:
        with pytest.raises(RequestRefused) as refusal:
            channel.receive(tampered)
        assert 400 <= refusal.value.status < 500
        assert not any(word in str(refusal.value) for word in secret_words)

    @pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
    async def test_a_hostile_body_is_kept_or_refused(
        self, channel: Channel, webhook_of: Callable[[bytes], WebhookRequest], body: bytes
    ) -> None:
        received = Received()
        with suppress(RequestRefused):
            received = channel.receive(webhook_of(body))
        assert msgspec.json.decode(msgspec.json.encode(received), type=Received) == received

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD", "", "DELETE\n"])
    async def test_a_strangers_request_is_refused(self, channel: Channel, webhook: WebhookRequest, method: str) -> None:
        """A GET may be answered, for some vendors look whether anybody is there; but with nothing that the stranger
        said, and it changes nothing."""
        for word in (*TEXTS, "ä" * 71, "sha256="):
            headers, query = dict.fromkeys(webhook.headers, word), {"hub.mode": word, word: word}
            request = msgspec.structs.replace(webhook, method=method, headers=headers, query=query)
            match _answer(channel, request):
                case Received() as nothing:
                    assert method == "GET"
                    assert nothing == Received(answer=nothing.answer)
                    assert not word.strip() or word not in nothing.answer
                case status:
                    assert 400 <= status < 500

    async def test_an_address_that_nobody_has_is_not_there(self, channel: Channel, webhook: WebhookRequest) -> None:
        with pytest.raises(RequestRefused) as refusal:
            channel.receive(msgspec.structs.replace(webhook, part="nowhere"))
        assert refusal.value.status == 404

    async def test_a_message_is_sent_once_and_its_reference_travels_along(
        self, channel: Channel, vendor: ScriptedVendor, outgoing: OutgoingMessage
    ) -> None:
        sent = await channel.send(outgoing)
        assert sent.provider_message_id
        (request,) = vendor.requests
        assert outgoing.reference.encode() in request.content + str(request.url).encode()

    async def test_a_refusal_that_passes_is_temporary(
        self, channel: Channel, vendor: ScriptedVendor, outgoing: OutgoingMessage, refusals: dict[str, httpx.Response]
    ) -> None:
        vendor.answer = refusals["temporary"]
        with pytest.raises(TemporaryFailure):
            await channel.send(outgoing)

    async def test_a_refusal_that_lasts_is_permanent_and_has_a_code(
        self, channel: Channel, vendor: ScriptedVendor, outgoing: OutgoingMessage, refusals: dict[str, httpx.Response]
    ) -> None:
        vendor.answer = refusals["permanent"]
        with pytest.raises(PermanentFailure) as failure:
            await channel.send(outgoing)
        assert failure.value.code

    @pytest.mark.parametrize(
        "answer",
        [
            httpx.ReadTimeout("no answer in time"),
            httpx.ReadError("reset"),
            httpx.RemoteProtocolError("no HTTP"),
            httpx.Response(500),
            httpx.Response(502, text="<html>Bad Gateway</html>"),
            httpx.Response(504, content=b"{}"),
            httpx.Response(200, text="<html>Welcome to the airport's network</html>"),
            httpx.Response(200, content=b"[" * 50_000),
            httpx.Response(200),
        ],
        ids=repr,
    )
    async def test_an_outcome_that_nobody_knows_is_unknown_and_the_call_is_not_repeated(
        self, channel: Channel, vendor: ScriptedVendor, outgoing: OutgoingMessage, answer: Answer
    ) -> None:
        vendor.answer = answer
        with pytest.raises(OutcomeUnknown):
            await channel.send(outgoing)
        assert len(vendor.requests) == 1

    async def test_what_never_left_is_temporary(
        self, channel: Channel, vendor: ScriptedVendor, outgoing: OutgoingMessage
    ) -> None:
        vendor.answer = httpx.ConnectError("connection refused")
        with pytest.raises(TemporaryFailure):
            await channel.send(outgoing)

    @pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 418, 429, 500, 503])
    async def test_whatever_the_status_it_is_one_of_the_three_failures_and_tells_no_secret(
        self,
        channel: Channel,
        vendor: ScriptedVendor,
        outgoing: OutgoingMessage,
        secret_words: list[str],
        status: int,
    ) -> None:
        vendor.answer = httpx.Response(status, json={"error": "odd"})
        with pytest.raises(ProviderFailure) as failure:
            await channel.send(outgoing)
        assert isinstance(failure.value, TemporaryFailure | PermanentFailure | OutcomeUnknown)
        assert not any(word in str(failure.value) for word in secret_words)

    async def test_a_read_mark_may_always_be_repeated(self, channel: Channel, vendor: ScriptedVendor) -> None:
        if not isinstance(channel, MarksRead):
            return
        vendor.answer = httpx.ReadTimeout("no answer in time")
        with pytest.raises(TemporaryFailure):
            await channel.mark_read("message-1", is_typing=True)

    async def test_a_question_may_always_be_asked_again(
        self, channel: Channel, vendor: ScriptedVendor, outgoing: OutgoingMessage, webhook: WebhookRequest
    ) -> None:
        vendor.answer = httpx.ReadTimeout("no answer in time")
        if isinstance(channel, Polls) and channel.poll_seconds > 0:
            with pytest.raises(TemporaryFailure):
                await channel.poll()
        if isinstance(channel, LooksUp):
            with pytest.raises(TemporaryFailure):
                await channel.look_up(outgoing, webhook.received_at)


def _answer(channel: Channel, request: WebhookRequest) -> Received | int:
    """What a request comes to, or the status with which it is refused."""
    try:
        return channel.receive(request)
    except RequestRefused as refusal:
        return refusal.status
