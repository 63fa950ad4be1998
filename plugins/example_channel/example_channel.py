"""A channel to a gateway that posts {"id", "from", "text"}, signed, and takes {"to", "text", "reference"}."""

import hmac
from typing import Self

import httpx
import msgspec
from msgspec import Struct

from frontdesk.calling import exchange, sort_status
from frontdesk.core.capabilities import Capabilities
from frontdesk.core.event import Address, Contact, MessageReceived, identify
from frontdesk.core.message import Media, Text
from frontdesk.plugin import Providers, Secret, Tools, hookimpl
from frontdesk.ports import (
    FetchedMedia,
    Notice,
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    Received,
    RequestRefused,
    Sent,
    WebhookRequest,
)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[channels.NAME]`"""

    secret: Secret
    url: str = "https://gateway.example.com/messages"


class _Said(Struct, rename={"sender": "from"}):
    id: str
    sender: str
    text: str


class _Taken(Struct):
    id: str


class ExampleChannel:
    """One account."""

    def __init__(self, name: str, options: Options, tools: Tools) -> None:
        self.name, self.url, self.transport = name, options.url, tools.transport
        self.secret = options.secret.reveal().encode()

    def sign(self, body: bytes) -> str:
        """What stands in the header, both ways."""
        return hmac.digest(self.secret, body, "sha256").hex()

    def receive(self, request: WebhookRequest) -> Received:
        """Verify and translate; pure."""
        if request.part:
            raise RequestRefused(404, "the gateway calls one address only")
        given = request.headers.get("x-signature", "").encode("utf-8", "surrogatepass")
        if request.method != "POST" or not hmac.compare_digest(given, self.sign(request.body).encode()):
            raise RequestRefused(401, "the signature does not match; compare the secrets")
        try:
            said = msgspec.json.decode(request.body, type=_Said)
        except UNREADABLE:
            return Received(notices=(self._quarantine(request),))
        event = MessageReceived(
            id=identify(self.name, "message", said.id),
            at=request.received_at,
            channel=self.name,
            contact=Contact(addresses=(Address("phone", said.sender),)),
            provider_message_id=said.id,
            sent_at=request.received_at,
            content=Text(body=said.text),
        )
        return Received(events=(event,))

    def _quarantine(self, request: WebhookRequest) -> Notice:
        raw, text = request.body.decode("utf-8", "replace"), "The gateway sent something that cannot be read."
        known = identify(self.name, "quarantine", raw)
        return Notice(id=known, at=request.received_at, channel=self.name, kind="quarantine", text=text, raw=raw)

    async def send(self, message: OutgoingMessage) -> Sent:
        """Hand one message to the gateway. Raises the three failures."""
        if not isinstance(message.content, Text):
            raise PermanentFailure("the gateway takes text only", code="unsupported_content")
        known = {"to": message.to[0].value, "text": message.content.body, "reference": message.reference}
        body = msgspec.json.encode(known)
        request = httpx.Request("POST", self.url, content=body, headers={"x-signature": self.sign(body)})
        response, answer = await exchange(self.transport, request, "the gateway", is_repeatable=False)
        if response.status_code != 200:
            raise sort_status(response.status_code, "the gateway")
        try:
            return Sent(provider_message_id=msgspec.json.decode(answer, type=_Taken).id)
        except UNREADABLE as error:
            raise OutcomeUnknown("the gateway answered without an id") from error

    async def fetch(self, media: Media) -> FetchedMedia:
        """There are no files here."""
        raise PermanentFailure(f"the gateway has no {media.kind}s", code="no_files")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


@hookimpl
def register(providers: Providers) -> None:
    """Offer `provider = "example_channel"`, which can send text and nothing else."""
    can = Capabilities(sends=frozenset({"text"}), shows_typing=False, marks_read=False, quotes=False)
    providers.channel("example_channel", Options, ExampleChannel, capabilities=can)
