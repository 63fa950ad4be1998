"""The inside of a webhook, as Meta writes it; the envelope around it is `webhooks.py`'s."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from frontdesk.emulator.clock import now
from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.ledger import Accepted, Contact
from frontdesk.emulator.options import EmulatorOptions


def unix(at: datetime) -> str:
    """Meta's timestamp in messages and statuses: whole seconds, as a string."""
    return str(int(at.timestamp()))


def metadata(options: EmulatorOptions) -> dict[str, str]:
    """Which number of the business it is about."""
    return {"display_phone_number": options.display_phone_number, "phone_number_id": options.phone_number_id}


def contact_card(contact: Contact, *, with_username: bool = True) -> dict[str, Any]:
    """An entry of `contacts`. A hidden phone is left out, not empty."""
    profile: dict[str, str] = {"name": contact.name}
    if contact.username and with_username:
        profile["username"] = contact.username
    card: dict[str, Any] = {"profile": profile}
    if contact.phone and contact.shows_phone:
        card["wa_id"] = contact.phone
    card["user_id"] = contact.user_id
    return card


def message_value(options: EmulatorOptions, contact: Contact, message: dict[str, Any]) -> dict[str, Any]:
    """The value of a change that brings one message of a customer."""
    return {
        "messaging_product": "whatsapp",
        "metadata": metadata(options),
        "contacts": [contact_card(contact)],
        "messages": [message],
    }


def message_head(contact: Contact, wamid: str, at: datetime) -> dict[str, Any]:
    """The keys that every message of a customer has."""
    head: dict[str, Any] = {}
    if contact.phone and contact.shows_phone:
        head["from"] = contact.phone
    return {**head, "from_user_id": contact.user_id, "id": wamid, "timestamp": unix(at)}


def status_value(
    options: EmulatorOptions, contact: Contact, entry: Accepted, status: str, category: str | None
) -> dict[str, Any]:
    """The value of a change that brings one status. `category` is what it costs as, on the statuses that say so."""
    line: dict[str, Any] = {"id": entry.wamid, "status": status, "timestamp": unix(now())}
    if contact.phone and contact.shows_phone:
        line["recipient_id"] = contact.phone
    line["recipient_user_id"] = contact.user_id
    if entry.reference is not None:
        line["biz_opaque_callback_data"] = entry.reference
    if category is not None:
        line["pricing"] = pricing(category)
    card = contact_card(contact, with_username=status != "sent")
    return {
        "messaging_product": "whatsapp",
        "metadata": metadata(options),
        "contacts": [card],
        "statuses": [line],
    }


def failed_value(options: EmulatorOptions, contact: Contact, entry: Accepted, error: GraphError) -> dict[str, Any]:
    """The value that says a message failed: no contacts, and no user id if it was sent to a phone."""
    line: dict[str, Any] = {"id": entry.wamid, "status": "failed", "timestamp": unix(now())}
    if entry.to == contact.user_id:
        line["recipient_user_id"] = contact.user_id
    else:
        line["recipient_id"] = entry.to
    line["errors"] = [error.as_status_error()]
    if entry.reference is not None:
        line["biz_opaque_callback_data"] = entry.reference
    return {"messaging_product": "whatsapp", "metadata": metadata(options), "statuses": [line]}


def pricing(category: str) -> dict[str, Any]:
    """What a message costs as: replies are still within the free allowance, templates are not."""
    is_free = category == "service"
    kind = "free_customer_service" if is_free else "regular"
    return {"billable": not is_free, "pricing_model": "PMP", "category": category, "type": kind}
