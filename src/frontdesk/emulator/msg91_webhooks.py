"""MSG91's webhooks: the operator's template, filled in. One POST for each message and status, with a word in a header
and no signature."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any

from frontdesk.emulator.clock import now
from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.ledger import Accepted, Contact, Received
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.emulator.webhooks import Letter, Update

IST = timezone(timedelta(hours=5, minutes=30))
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_INBOUND = (
    "companyId requestedAt customerNumber customerName integratedNumber direction eventName webhookType requestId uuid "
    "replyMsgId contentType messageType text content caption filename url latitude longitude button interactive "
    "reaction contacts messages orders ts"
)
_STATUS = (
    "crqid companyId requestedAt customerNumber integratedNumber direction eventName webhookType reason statusCode "
    "statusUpdatedAt requestId uuid messageType contentType content templateName price ts"
)
_SHOWN = {"interactive", "button", "reaction"}


def whole_template(names: str) -> str:
    """Every placeholder under its own name."""
    return json.dumps({name: "{{" + name + "}}" for name in names.split()})


class Msg91Language:
    """See `languages.Language`."""

    def __init__(self, options: EmulatorOptions, address_of: Callable[[str], str]) -> None:
        self._options = options
        self._address_of = address_of
        self._inbound = options.inbound_template or whole_template(_INBOUND)
        self._status = options.status_template or whole_template(_STATUS)

    def message(self, contact: Contact, entry: Received) -> Update:
        """A customer wrote. MSG91 calls it `delivered`."""
        message, kind = entry.message, entry.type
        part: Any = message.get(kind) or {}
        at = entry.at.astimezone(IST).isoformat(timespec="seconds")
        values = {
            **self._common(contact, at),
            "customerName": contact.name,
            "direction": "0",
            "eventName": "delivered",
            "uuid": entry.wamid,
            "replyMsgId": message.get("context", {}).get("id", ""),
            "contentType": kind,
            "messageType": kind,
            "contacts": _packed([{"profile": {"name": contact.name}, "wa_id": contact.phone or ""}]),
            "messages": _packed([message]),
            **({kind: _packed(part)} if kind in _SHOWN else {}),
            **(self._flat(part) if isinstance(part, dict) and kind not in _SHOWN else {}),
        }
        return self._update(contact, "/inbound", self._inbound, values)

    def status(self, contact: Contact, entry: Accepted, status: str, category: str | None) -> Update:
        """See `Language`."""
        return self._report(contact, entry, status, price="0" if category in {None, "service"} else "0.12")

    def failed(self, contact: Contact, entry: Accepted, error: GraphError) -> Update:
        """See `Language`. Some failures come as `hold` with a reason."""
        reason = f"{error.code}: {error.as_status_error()['title']}"
        return self._report(contact, entry, self._options.msg91_failures, reason=reason)

    def _report(self, contact: Contact, entry: Accepted, event: str, *, reason: str = "", price: str = "") -> Update:
        at = now().astimezone(IST).isoformat(timespec="seconds")
        is_returned = entry.type == "template" or self._options.msg91_returns_reference
        values = {
            **self._common(contact, at),
            "crqid": (entry.reference or "") if is_returned else "",
            "direction": "1",
            "eventName": event,
            "reason": reason,
            "statusCode": reason.partition(":")[0],
            "statusUpdatedAt": at,
            "requestId": entry.request_id,
            "price": price,
            "uuid": entry.wamid,
            "contentType": entry.type,
            "messageType": entry.type,
        }
        return self._update(contact, "/status", self._status, values)

    def _common(self, contact: Contact, at: str) -> dict[str, str]:
        return {
            "companyId": "300001",
            "requestedAt": at,
            "ts": at,
            "customerNumber": contact.phone or "",
            "integratedNumber": self._options.display_phone_number,
        }

    def _flat(self, part: dict[str, Any]) -> dict[str, str]:
        """Fields that MSG91 shows beside `messages` too. A file lies at a public address."""
        names = ("caption", "filename", "latitude", "longitude")
        known: dict[str, str] = {name: str(part[name]) for name in names if name in part}
        if "body" in part:
            known["text"] = part["body"]
        if "mime_type" in part:
            known["url"] = self._address_of(part["id"])
        return known

    def _update(self, contact: Contact, place: str, template: str, values: dict[str, str]) -> Update:
        body = fill(template, values, escapes=self._options.msg91_escapes).encode()
        headers = {self._options.webhook_secret_header.lower(): self._options.webhook_secret}
        letter = Letter(place=place, headers=headers, body=body)
        return Update(letter=letter, names=(contact.phone, contact.user_id))


def fill(template: str, values: dict[str, str], *, escapes: bool) -> str:
    """The template with its placeholders replaced; one that MSG91 does not know becomes nothing."""

    def value(found: re.Match[str]) -> str:
        text = values.get(found[1], "")
        return json.dumps(text, ensure_ascii=False)[1:-1] if escapes else text

    return _PLACEHOLDER.sub(value, template)


def _packed(part: object) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":"))
