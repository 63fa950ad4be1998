"""How far our messages have come, as told by a webhook or by the log.

A report finds its message by our reference, by the id of the request, or by WhatsApp's own id. One that bears none of
these as we know them is kept for when it does, and never guessed to be about the newest message to that number: a
guess may settle a send of unknown fate by the status of another one, or show a message as read that was never sent. A
send of unknown fate is looked for in the log instead, by its words and its time (`logs.look_up`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TypeAlias

from frontdesk.core.event import Address, Contact, ErrorReport, Pricing, StatusChanged
from frontdesk.core.message import MessageStatus
from frontdesk_plugins.msg91.collected import Collected
from frontdesk_plugins.msg91.errors import error_report, split_reason
from frontdesk_plugins.msg91.fields import Fields, digits
from frontdesk_plugins.msg91.messages import HELLO
from frontdesk_plugins.msg91.options import StatusMap

Report: TypeAlias = tuple[MessageStatus, tuple[ErrorReport, ...]]

_STATUSES = {
    "submitted": MessageStatus.ACCEPTED,
    "queued": MessageStatus.ACCEPTED,
    "accepted": MessageStatus.ACCEPTED,
    "request": MessageStatus.ACCEPTED,
    "hold": MessageStatus.ACCEPTED,
    "sent": MessageStatus.SENT,
    "send": MessageStatus.SENT,
    "delivered": MessageStatus.DELIVERED,
    "read": MessageStatus.READ,
    "seen": MessageStatus.READ,
    "failed": MessageStatus.FAILED,
    "undelivered": MessageStatus.FAILED,
    "rejected": MessageStatus.FAILED,
    "expired": MessageStatus.FAILED,
    "deny": MessageStatus.FAILED,
}
KIND_MAX = 40
_PRICE = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
CLICKS = {"clicked", "url_click"}
_NO_REASONS = {"0", "200"}
"""Status codes that are no reason."""


# {"crqid": "01JD3Z8QW5.0", "customerNumber": "15550100045", "direction": "1", "eventName": "failed",
#  "reason": "131047: Re-engagement message", "requestId": "0f1e2d3c…", "uuid": "wamid.HBgL…", "ts": "2026-11-20T10:…"}
def take_report(found: Collected, fields: Fields, where: StatusMap, price_usd: str) -> None:
    """A delivery report. `price_usd`: what a price of 1 is worth, "" where that is not known. Without our reference it
    is told once for each id that it bears: which of them answered the send is not certain."""
    word = fields.first(where.status).strip().casefold()
    ids = [fields.first(where.request), fields.first(where.wamid).removesuffix(HELLO)]
    ours, known = fields.first(where.ours), [one for one in ids if one]
    if not word:
        found.misses("status", "the status", "status_map", where.status)
        found.quarantine("a delivery report without a status")
    elif not (ours or known):
        found.misses("status", "which message it is about", "status_map", (*where.ours, *where.request, *where.wamid))
        found.quarantine("a delivery report that names no message")
    elif word in CLICKS:
        found.works("status")
        found.note("clicked", "A contact opened a link of a message.", word, ours, *known)
    elif word not in _STATUSES:
        found.note("status", f"MSG91 reported a status that nothing follows from: {word}.")
    else:
        found.works("status")
        _add(found, fields, where, word, known or [ours], _pricing(fields, where, price_usd))


def _add(
    found: Collected, fields: Fields, where: StatusMap, word: str, ids: list[str], pricing: Pricing | None
) -> None:
    ours = fields.first(where.ours) or None
    status, errors = _judge(word, fields.first(where.reason))
    to = digits(fields.first(where.to))
    for provider_message_id in ids[:1] if ours else ids:
        found.events.append(
            StatusChanged(
                id=found.identify("status", provider_message_id, status.value, to),
                at=found.received_at,
                channel=found.channel,
                provider_message_id=provider_message_id,
                status=status,
                changed_at=found.when(fields.first(where.time)),
                reference=ours,
                errors=errors,
                pricing=pricing,
                contact=Contact(addresses=(Address("phone", to),)) if to else None,
            )
        )
    _alarm(found, errors)


# {"messageType": "template", "price": "0.12"}, in the currency of the account, which no field names
def _pricing(fields: Fields, where: StatusMap, price_usd: str) -> Pricing | None:
    """What the message costs, where the report has a price that is one."""
    told = fields.first(where.price).strip()
    if not _PRICE.fullmatch(told):
        return None
    price = Decimal(told)
    is_known = bool(price_usd) or not price
    amount = f"{price * Decimal(price_usd or 0):f}" if is_known else ""
    return Pricing(category=fields.first(where.kind).strip()[:KIND_MAX], cost_usd=amount)


def _judge(word: str, reason: str) -> Report:
    """`hold` with a reason is a failure; without one the message is still in MSG91's queue."""
    reason = "" if reason in _NO_REASONS else reason
    status = MessageStatus.FAILED if word == "hold" and reason else _STATUSES[word]
    if status is not MessageStatus.FAILED:
        return status, ()
    return status, (error_report(*split_reason(reason)) if reason else ErrorReport(code="", title=word),)


def _alarm(found: Collected, errors: tuple[ErrorReport, ...]) -> None:
    """A message failed for a reason of the account's: so will all others, until somebody acts. One notice a day."""
    for error in errors:
        if error.bars_account:
            text = f"Messages fail: {error.title} {error.details}".strip()
            found.note("account", text, error.code, found.received_at.date().isoformat(), is_alarm=True)
