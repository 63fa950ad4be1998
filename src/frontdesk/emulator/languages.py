"""How the service is told: each vendor's own words for a customer's message, a status and a failure."""

from __future__ import annotations

from typing import Any, Protocol

from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.ledger import Accepted, Contact, Received
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.emulator.payloads import failed_value, message_value, status_value
from frontdesk.emulator.webhooks import Update


class Language(Protocol):
    """A vendor's webhooks."""

    def message(self, contact: Contact, entry: Received) -> Update:
        """A customer wrote."""

    def status(self, contact: Contact, entry: Accepted, status: str, category: str | None) -> Update:
        """How far a message of the business has come."""

    def failed(self, contact: Contact, entry: Accepted, error: GraphError) -> Update:
        """A message of the business failed."""


class MetaLanguage:
    """Meta's: changes of subscribed fields, which may share a POST."""

    def __init__(self, options: EmulatorOptions) -> None:
        self._options = options

    def message(self, contact: Contact, entry: Received) -> Update:
        """See `Language`."""
        return self._update(contact, message_value(self._options, contact, entry.message))

    def status(self, contact: Contact, entry: Accepted, status: str, category: str | None) -> Update:
        """See `Language`."""
        return self._update(contact, status_value(self._options, contact, entry, status, category))

    def failed(self, contact: Contact, entry: Accepted, error: GraphError) -> Update:
        """See `Language`."""
        return self._update(contact, failed_value(self._options, contact, entry, error))

    @staticmethod
    def _update(contact: Contact, value: dict[str, Any]) -> Update:
        return Update(value=value, names=(contact.phone, contact.user_id))
