"""WhatsApp by Meta's Cloud API.

`receive` is pure and lives in `receive.py` with what it reads (`payload`, `said`) and what it makes of it
(`messages`, `reports`, `news`); `send`, `fetch` and `mark_read` go through `graph.py`, which sorts what can go wrong.
"""

from __future__ import annotations

from typing import Self

from frontdesk.core.message import Media
from frontdesk.plugin import Providers, Tools, hookimpl
from frontdesk.ports import FetchedMedia, OutgoingMessage, Received, Sent, WebhookRequest
from frontdesk_plugins.whatsapp_cloud.graph import Graph
from frontdesk_plugins.whatsapp_cloud.media import fetch_media
from frontdesk_plugins.whatsapp_cloud.options import Options, check_options
from frontdesk_plugins.whatsapp_cloud.receive import Account, receive
from frontdesk_plugins.whatsapp_cloud.send import mark_read_body, request_body, sent

__all__ = ["Options", "WhatsAppCloud", "register"]


class WhatsAppCloud:
    """One number."""

    def __init__(self, channel_name: str, options: Options, tools: Tools) -> None:
        check_options(channel_name, options, is_development=tools.is_development)
        current = (options.app_secret,) if options.app_secret else ()
        self._account = Account(
            channel=channel_name,
            phone_number_id=options.phone_number_id,
            verify_token=options.verify_token,
            app_secrets=(*current, *filter(None, options.previous_app_secrets)),
        )
        self._graph = Graph(channel_name, options, tools)

    def receive(self, request: WebhookRequest) -> Received:
        """Verify and translate; pure. Raises RequestRefused."""
        return receive(self._account, request)

    async def send(self, message: OutgoingMessage) -> Sent:
        """Hand one message to Meta. Raises the three failures."""
        return sent(await self._graph.post_message(request_body(message)))

    async def fetch(self, media: Media) -> FetchedMedia:
        """Download a contact's file by its id. Raises TemporaryFailure or PermanentFailure."""
        return await fetch_media(self._graph, media)

    async def mark_read(self, provider_message_id: str, *, is_typing: bool) -> None:
        """Blue ticks, and dots until the answer comes (25 seconds at most). Raises TemporaryFailure or
        PermanentFailure: it may be repeated at will."""
        await self._graph.post_message(mark_read_body(provider_message_id, is_typing=is_typing), is_repeatable=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


@hookimpl
def register(providers: Providers) -> None:
    """Offer `provider = "whatsapp_cloud"`."""
    providers.channel("whatsapp_cloud", Options, WhatsAppCloud)
