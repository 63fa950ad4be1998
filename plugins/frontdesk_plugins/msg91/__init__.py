"""WhatsApp by MSG91.

MSG91 signs nothing, lets the operator write the body of its webhooks, and answers a send before it knows; what is not
certain about it is a key of `options.py`. `receive` is pure: `fields` (a post, to be asked by paths), `messages` and
`reports` (what it says). `send` makes requests, `answers` and `errors` read what comes back, `logs` asks for what did
not come. MSG91 has no typing dots, no read marks and no quoting: answers leave without them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from frontdesk.core.capabilities import EVERYTHING, Capabilities
from frontdesk.core.message import Media, Text
from frontdesk.plugin import Providers, Tools, hookimpl
from frontdesk.ports import (
    FetchedMedia,
    OutgoingMessage,
    PermanentFailure,
    Received,
    Sent,
    WebhookRequest,
)
from frontdesk_plugins.msg91.answers import sent
from frontdesk_plugins.msg91.api import Api
from frontdesk_plugins.msg91.commands import msg91
from frontdesk_plugins.msg91.fields import digits
from frontdesk_plugins.msg91.logs import look_up, read_log
from frontdesk_plugins.msg91.media import fetch_media
from frontdesk_plugins.msg91.options import Options, check_options
from frontdesk_plugins.msg91.receive import Account, receive
from frontdesk_plugins.msg91.send import call_for

__all__ = ["Msg91", "Options", "register"]


class Msg91:
    """One number."""

    def __init__(self, channel_name: str, options: Options, tools: Tools) -> None:
        check_options(channel_name, options, is_development=tools.is_development)
        current = (options.webhook_secret,) if options.webhook_secret else ()
        self._options = options
        self._api = Api(channel_name, options, tools)
        self._text_transport = options.text_transport
        self._account = Account(
            channel=channel_name,
            our_number=digits(options.integrated_number),
            secrets=(*current, *filter(None, options.previous_webhook_secrets)),
            header=options.webhook_secret_header,
            takes_token=options.accept_query_token,
            inbound_map=options.inbound_map,
            status_map=options.status_map,
            price_usd=options.price_usd,
        )

    def receive(self, request: WebhookRequest) -> Received:
        """Verify and translate; pure. Raises RequestRefused."""
        return receive(self._account, request)

    async def send(self, message: OutgoingMessage) -> Sent:
        """Hand one message to MSG91. Raises the three failures."""
        try:
            return await self._send(message)
        except PermanentFailure as failure:
            if not isinstance(message.content, Text) or "not found in request" not in str(failure):
                raise
        # Nothing was taken, and MSG91 says that it does not read texts in this way: from now on the other one.
        self._text_transport = "json" if self._text_transport == "query" else "query"
        return await self._send(message)

    async def _send(self, message: OutgoingMessage) -> Sent:
        call = call_for(message, self._options, text_transport=self._text_transport)
        return sent(await self._api.post(call.path, call.body, call.query), message.reference)

    async def fetch(self, media: Media) -> FetchedMedia:
        """Download a contact's file from its address. Raises TemporaryFailure or PermanentFailure."""
        return await fetch_media(self._api, media)

    async def look_up(self, message: OutgoingMessage, sent_at: datetime) -> Received:
        """What the log says of a message whose fate is unknown. Raises TemporaryFailure or PermanentFailure."""
        if self._options.poll_logs == "off":
            return Received()
        return await look_up(self._api, self._account, message, sent_at)

    @property
    def poll_seconds(self) -> float:
        """How often the log is to be asked; 0.0: never."""
        return 0.0 if self._options.poll_logs == "off" else self._options.poll_seconds

    async def poll(self) -> Received:
        """What the log has of yesterday and today. Raises TemporaryFailure or PermanentFailure."""
        return await read_log(self._api, self._account, with_inbound=self._options.poll_logs == "inbound")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


CAPABILITIES = Capabilities(
    sends=EVERYTHING - {"sticker", "contact_cards", "location_request", "contact_info_request", "form", "reaction"},
    shows_typing=False,
    marks_read=False,
    quotes=False,
    keeps_files=False,
    reaches=frozenset({"phone"}),
)


@hookimpl
def register(providers: Providers) -> None:
    """Offer `provider = "msg91"` and `frontdesk msg91 …`."""
    providers.channel("msg91", Options, Msg91, capabilities=CAPABILITIES)
    providers.command(msg91)
