"""From accepted to read: what becomes of a message of the business, and the statuses that tell of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from frontdesk.emulator.clock import now
from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.faults import Faults
from frontdesk.emulator.languages import Language
from frontdesk.emulator.ledger import Accepted, Contact
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.emulator.webhooks import Update, Webhooks


class Outcome:
    """How one accepted message is to end. `error` fails it, `is_silent` keeps its statuses back."""

    def __init__(self, *, category: str = "service", error: GraphError | None = None, is_silent: bool = False) -> None:
        self.category = category
        self.error = error
        self.is_silent = is_silent


class Post:
    """Carries accepted messages to the phones and reports on them."""

    def __init__(
        self, options: EmulatorOptions, faults: Faults, webhooks: Webhooks, languages: Mapping[str, Language]
    ) -> None:
        self._options = options
        self._languages = languages
        self._faults = faults
        self._webhooks = webhooks

    def is_window_open(self, contact: Contact) -> bool:
        """Whether the contact wrote within the window."""
        span = timedelta(seconds=self._options.window_seconds)
        return contact.wrote_at is not None and now() - contact.wrote_at < span

    def begin(self, entry: Accepted, contact: Contact, outcome: Outcome) -> None:
        """Start the journey of an accepted message."""
        step = self._fail if outcome.error is not None else self._sent
        asyncio.get_running_loop().call_later(self._options.sent_after_seconds, step, entry, contact, outcome)

    def begin_at_once(
        self, entry: Accepted, contact: Contact, outcome: Outcome, on_reported: Callable[[], None]
    ) -> None:
        """As `begin`, but the first status leaves now; `on_reported` is called when the service has taken it."""
        step = self._fail if outcome.error is not None else self._sent
        step(entry, contact, outcome, on_reported)

    def read(self, contact: Contact) -> int:
        """The contact looks at the chat: everything shown becomes read. How many messages that were."""
        if self._options.reads == "never":
            return 0
        unread = [
            line for line in contact.chat if isinstance(line, Accepted) and line.shown_at and line.status == "delivered"
        ]
        for entry in unread:
            self._report(entry, contact, "read", Outcome())
        return len(unread)

    def _fail(
        self, entry: Accepted, contact: Contact, outcome: Outcome, on_done: Callable[[], None] | None = None
    ) -> None:
        if outcome.error is None:
            return
        entry.status = "failed"
        entry.error_code = outcome.error.code
        update = self._languages[entry.vendor].failed(contact, entry, outcome.error)
        self._send(update, outcome, on_done)

    def _sent(
        self, entry: Accepted, contact: Contact, outcome: Outcome, on_done: Callable[[], None] | None = None
    ) -> None:
        self._report(entry, contact, "sent", outcome, on_done)
        gap = max(self._options.delivered_after_seconds - self._options.sent_after_seconds, 0.0)
        asyncio.get_running_loop().call_later(gap, self._arrive, entry, contact, outcome)

    def _arrive(self, entry: Accepted, contact: Contact, outcome: Outcome) -> None:
        if self._faults.is_offline(contact.phone, contact.user_id):
            contact.waiting.append(lambda: self._arrive(entry, contact, outcome))
            return
        entry.shown_at = now()
        contact.typing_since = None
        contact.tell("message", wamid=entry.wamid)
        if entry.type == "reaction":
            return
        self._report(entry, contact, "delivered", outcome)
        if self._options.reads == "auto":
            gap = max(self._options.read_after_seconds - self._options.delivered_after_seconds, 0.0)
            asyncio.get_running_loop().call_later(gap, self._report, entry, contact, "read", outcome)

    def _report(
        self,
        entry: Accepted,
        contact: Contact,
        status: str,
        outcome: Outcome,
        on_done: Callable[[], None] | None = None,
    ) -> None:
        entry.status = status
        category = outcome.category if status != "read" else None
        self._send(self._languages[entry.vendor].status(contact, entry, status, category), outcome, on_done)

    def _send(self, update: Update, outcome: Outcome, on_done: Callable[[], None] | None) -> None:
        if not outcome.is_silent:
            update.is_status, update.on_done = True, on_done
            self._webhooks.send(update)
        elif on_done is not None:
            on_done()
