"""A channel without WhatsApp: a developer talks to the bot in a terminal, with the same flows.

`wire` is what travels, `rendering` turns our contents into lines and options, `commands` is `frontdesk console` and
`terminal` what it shows. Typing dots, read marks, quotes and reports of delivery stay out.
"""

from __future__ import annotations

from typing import Annotated, Self

import httpx
import msgspec
from msgspec import Meta, Struct

from frontdesk.calling import exchange, guarded_url, sort_status
from frontdesk.core.capabilities import EVERYTHING, Capabilities
from frontdesk.core.event import Address, Contact, MessageReceived, identify
from frontdesk.core.message import Choice, Content, Location, Media, Text
from frontdesk.plugin import ConfigError, Providers, Secret, Tools, hookimpl
from frontdesk.ports import (
    FetchedMedia,
    Notice,
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    Received,
    RequestRefused,
    Sent,
    TemporaryFailure,
    WebhookRequest,
)
from frontdesk_plugins.console.commands import console
from frontdesk_plugins.console.rendering import render
from frontdesk_plugins.console.wire import (
    SECRET_CHARACTERS_MIN,
    SIGNATURE,
    UNREADABLE,
    Shown,
    Taken,
    Written,
    is_signed,
    sign,
)

__all__ = ["Console", "Options", "register"]

VENDOR = "the terminal"
TIMEOUT = {"timeout": {"read": 10.0}}


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A terminal instead of WhatsApp."""

    secret: Annotated[Secret, Meta(description="Signs what goes both ways; make up 16 characters or more.")]
    url: Annotated[str, Meta(description="Where `frontdesk console` listens; on another machine https only.")] = (
        "http://127.0.0.1:8092"
    )


class Console:
    """One terminal."""

    def __init__(self, channel_name: str, options: Options, tools: Tools) -> None:
        where = f"[channels.{channel_name}]"
        if len(options.secret.reveal()) < SECRET_CHARACTERS_MIN:
            raise ConfigError(f"{where} secret has less than {SECRET_CHARACTERS_MIN} characters; make up a longer one")
        url = guarded_url(options.url)
        if url is None:
            raise ConfigError(f"{where} url: {options.url!r} may not see messages; use https, or http on 127.0.0.1")
        self._name, self._url, self._transport = channel_name, url, tools.transport
        self._secret = options.secret.reveal()

    def receive(self, request: WebhookRequest) -> Received:
        """Verify and translate; pure. Raises RequestRefused."""
        if request.part:
            raise RequestRefused(404, "the terminal calls one address only")
        given = request.headers.get(SIGNATURE, "")
        if request.method != "POST" or not is_signed(self._secret, request.body, given):
            raise RequestRefused(
                401, "the signature does not match; does frontdesk console have this channel's secret?"
            )
        try:
            written = msgspec.json.decode(request.body, type=Written)
        except UNREADABLE:
            return self._quarantine(request)
        content = _content(written)
        return self._quarantine(request) if content is None else self._received(request, written, content)

    def _received(self, request: WebhookRequest, written: Written, content: Content) -> Received:
        event = MessageReceived(
            id=identify(self._name, "message", written.id),
            at=request.received_at,
            channel=self._name,
            contact=Contact(addresses=(Address("phone", written.sender),), name=written.name),
            provider_message_id=written.id,
            sent_at=request.received_at,
            content=content,
        )
        return Received(events=(event,))

    def _quarantine(self, request: WebhookRequest) -> Received:
        raw, text = request.body.decode("utf-8", "replace"), "The terminal sent something that cannot be read."
        known = identify(self._name, "quarantine", raw)
        notice = Notice(id=known, at=request.received_at, channel=self._name, kind="quarantine", text=text, raw=raw)
        return Received(notices=(notice,))

    async def send(self, message: OutgoingMessage) -> Sent:
        """Show one message. Raises the three failures; TemporaryFailure while no terminal is there."""
        number = next((address.value for address in message.to if address.kind == "phone"), "")
        if not number:
            raise PermanentFailure("the contact has no phone number, by which terminals know them", code="no_address")
        text, options = render(message.content)
        body = msgspec.json.encode(Shown(to=number, text=text, options=options, reference=message.reference))
        headers = {"content-type": "application/json", SIGNATURE: sign(self._secret, body)}
        request = httpx.Request("POST", self._url, content=body, headers=headers, extensions=TIMEOUT)
        response, answer = await exchange(self._transport, request, VENDOR, is_repeatable=False)
        if response.status_code == 401:
            reason = "the terminal has another secret than the channel; give both the same"
            raise TemporaryFailure(reason, code="401", concerns="account")
        if response.status_code != 200:
            raise sort_status(response.status_code, VENDOR)
        try:
            return Sent(provider_message_id=msgspec.json.decode(answer, type=Taken).id)
        except UNREADABLE as error:
            raise OutcomeUnknown("something other than a terminal answered; is url right?") from error

    async def fetch(self, media: Media) -> FetchedMedia:
        """Nobody sends files from a terminal."""
        raise PermanentFailure(f"a terminal has no {media.kind}s", code="no_files")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


def _content(written: Written) -> Content | None:
    """None unless exactly one thing is said."""
    match written.text, written.tap, written.place:
        case str(text), None, None:
            return Text(body=text)
        case None, tap, None if tap:
            return Choice(id=tap.id, title=tap.title)
        case None, None, place if place:
            return Location(latitude=place.latitude, longitude=place.longitude)
        case _:
            return None


CAPABILITIES = Capabilities(
    sends=EVERYTHING - {"contact_info_request", "form", "reaction"},
    shows_typing=False,
    marks_read=False,
    quotes=False,
    keeps_files=False,
)


@hookimpl
def register(providers: Providers) -> None:
    """Offer `provider = "console"` and `frontdesk console`."""
    providers.channel("console", Options, Console, capabilities=CAPABILITIES)
    providers.command(console)
