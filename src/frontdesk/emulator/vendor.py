"""The emulated account as a whole: what its endpoints share."""

from __future__ import annotations

import asyncio
from datetime import datetime

import httpx

from frontdesk.emulator.clock import now
from frontdesk.emulator.delivery import Post
from frontdesk.emulator.faults import Faults
from frontdesk.emulator.languages import Language, MetaLanguage
from frontdesk.emulator.ledger import Contact, Ledger, Received
from frontdesk.emulator.limits import Limits
from frontdesk.emulator.media import MediaShelf
from frontdesk.emulator.msg91_webhooks import Msg91Language
from frontdesk.emulator.openrouter import OpenRouter
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.emulator.webhooks import Webhooks


class Vendor:
    """One account with its ledger, its shelf of files, its faults and its backlog of webhooks. Both vendors take
    messages for it at any time; `speaks` tells by which customers' messages come."""

    def __init__(self, options: EmulatorOptions, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.options = options
        self.faults = Faults(options.seed)
        self.ledger = Ledger()
        self.media = MediaShelf(options)
        self.limits = Limits(options)
        self.webhooks = Webhooks(options, self.faults, transport)
        self.languages: dict[str, Language] = {
            "meta": MetaLanguage(options),
            "msg91": Msg91Language(options, self.media.public_url),
        }
        self.speaks: str = options.vendor
        self.post = Post(options, self.faults, self.webhooks, self.languages)
        self.openrouter = OpenRouter(options, self.faults)

    def clear(self) -> None:
        """Back to the beginning: no messages, contacts, files, faults, backlog, or completions."""
        self.faults.clear()
        self.ledger.clear()
        self.media.clear()
        self.limits.clear()
        self.webhooks.clear()
        self.openrouter.clear()

    def faults_changed(self) -> None:
        """Let go what waited for a rule to end."""
        self.webhooks.resume()
        for contact in self.ledger.contacts:
            if contact.waiting and not self.faults.is_offline(contact.phone, contact.user_id):
                waiting, contact.waiting = contact.waiting, []
                for go in waiting:
                    go()

    def mark_read(self, contact: Contact, received: Received, *, is_typing: bool) -> None:
        """The business has seen this message and every earlier one, and perhaps it is typing."""
        at = now()
        for line in reversed(contact.chat):
            if isinstance(line, Received) and line.seq <= received.seq:
                if line.read_at is not None:
                    break
                line.read_at = at
                contact.tell("status", wamid=line.wamid, status="read")
        if is_typing:
            contact.typing_since = at
            contact.tell("typing", on=True)
            asyncio.get_running_loop().call_later(self.options.typing_seconds, self._stop_typing, contact, at)

    @staticmethod
    def _stop_typing(contact: Contact, since: datetime) -> None:
        if contact.typing_since == since:
            contact.typing_since = None
            contact.tell("typing", on=False)
