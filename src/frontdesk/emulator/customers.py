"""What a customer can do with a phone: write, tap, send files, read. Each becomes the webhook that Meta makes of it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from frontdesk.emulator.clock import now
from frontdesk.emulator.ledger import Contact, Received
from frontdesk.emulator.payloads import message_head
from frontdesk.emulator.summary import summary
from frontdesk.emulator.vendor import Vendor

Kind = Literal[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "button_reply",
    "list_reply",
    "template_reply",
    "flow_reply",
    "reaction",
    "raw",
]


class Utterance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer does, flat: each type reads the fields that it needs.

    `content` is a file's bytes in base64; `reply_to` the wamid of the message that is answered or tapped; `message`
    (for `raw`) whatever the webhook's message is to hold beside `from`, `id` and `timestamp`.
    """

    type: Kind = "text"
    text: str = ""
    caption: str | None = None
    content: str | None = None
    mime_type: str | None = None
    filename: str | None = None
    is_voice: bool = True
    latitude: Annotated[float, Meta(ge=-90, le=90)] = 0.0
    longitude: Annotated[float, Meta(ge=-180, le=180)] = 0.0
    name: str | None = None
    address: str | None = None
    id: str = ""
    title: str = ""
    description: str | None = None
    emoji: str = ""
    contacts: list[dict[str, Any]] | None = None
    is_requested: bool = False
    answers: str = "{}"
    reply_to: str | None = None
    message: dict[str, Any] | None = None


def say(
    vendor: Vendor, contact: Contact, utterance: Utterance, on_delivered: Callable[[], None] | None = None
) -> Received:
    """Write the message down and send its webhook. ValueError for an utterance that lacks what its type needs."""
    at = now()
    wamid = vendor.ledger.new_wamid(contact, from_contact=True)
    message = message_head(contact, wamid, at) | _content(vendor, contact, utterance)
    if utterance.reply_to is not None and utterance.type != "reaction":
        message["context"] = {"from": vendor.options.display_phone_number, "id": utterance.reply_to}
    kind = str(message.get("type", "unknown"))
    entry = Received(
        seq=len(vendor.ledger.received) + 1,
        at=at,
        wamid=str(message["id"]),
        from_=contact.key,
        type=kind,
        text=summary(kind, message.get(kind, {})),
        message=message,
    )
    contact.wrote_at = at
    vendor.ledger.receive(contact, entry)
    contact.tell("message", wamid=entry.wamid)
    _send(vendor, contact, entry, on_delivered)
    return entry


def _send(vendor: Vendor, contact: Contact, entry: Received, on_delivered: Callable[[], None] | None) -> None:
    def delivered() -> None:
        entry.deliveries += 1
        if entry.delivered_at is None:
            entry.delivered_at = now()
            if entry.read_at is None:
                contact.tell("status", wamid=entry.wamid, status="delivered")
            if on_delivered is not None:
                on_delivered()

    names = (contact.phone, contact.user_id)
    update = vendor.languages[vendor.speaks].message(contact, entry)
    update.on_done = delivered
    if vendor.faults.is_offline(*names):
        contact.waiting.append(lambda: vendor.webhooks.send(update))
    else:
        vendor.webhooks.send(update)


def _content(vendor: Vendor, contact: Contact, utterance: Utterance) -> dict[str, Any]:
    match utterance.type:
        case "text":
            return {"type": "text", "text": {"body": utterance.text}}
        case "image" | "video" | "audio" | "document" | "sticker":
            return {"type": utterance.type, utterance.type: _file(vendor, utterance)}
        case "location":
            return {"type": "location", "location": _place(utterance)}
        case "contacts":
            return _cards(contact, utterance)
        case "reaction":
            if utterance.reply_to is None:
                raise ValueError("a reaction needs reply_to, the wamid it is about")
            return {"type": "reaction", "reaction": {"message_id": utterance.reply_to, "emoji": utterance.emoji}}
        case "template_reply":
            return {"type": "button", "button": {"payload": utterance.id or utterance.title, "text": utterance.title}}
        case "raw":
            if utterance.message is None or "type" not in utterance.message:
                raise ValueError("raw needs message, an object with a type")
            return utterance.message
        case _:
            return {"type": "interactive", "interactive": _interactive(utterance)}


_DEFAULT_MIME = {
    "image": "image/png",
    "video": "video/mp4",
    "audio": "audio/ogg; codecs=opus",
    "document": "application/pdf",
    "sticker": "image/webp",
}


def _file(vendor: Vendor, utterance: Utterance) -> dict[str, Any]:
    try:
        content = base64.b64decode(utterance.content or "", validate=True)
    except binascii.Error as cause:
        raise ValueError("content must be base64") from cause
    mime_type = utterance.mime_type or _DEFAULT_MIME[utterance.type]
    file = vendor.media.receive(content or b"an empty file", mime_type, utterance.filename)
    part: dict[str, Any] = {}
    if utterance.caption and utterance.type in ("image", "video", "document"):
        part["caption"] = utterance.caption
    if utterance.type == "document":
        part["filename"] = utterance.filename or "document"
    part |= vendor.media.inbound(file)
    if utterance.type == "audio":
        part["voice"] = utterance.is_voice
    if utterance.type == "sticker":
        part["animated"] = False
    return part


def _place(utterance: Utterance) -> dict[str, Any]:
    place: dict[str, Any] = {"latitude": utterance.latitude, "longitude": utterance.longitude}
    if utterance.name:
        place["name"] = utterance.name
    if utterance.address:
        place["address"] = utterance.address
    return place


def _cards(contact: Contact, utterance: Utterance) -> dict[str, Any]:
    if utterance.contacts is not None:
        return {"type": "contacts", "contacts": utterance.contacts}
    phone = "+" + (contact.phone or "15550100000")
    vcard = f"BEGIN:VCARD\nVERSION:3.0\nTEL;type=CELL:{phone}\nEND:VCARD"
    own = {"vcard": vcard, "phones": [{"phone": phone}]}
    return {"type": "contacts", "contacts": [own], "origin": "contact_request" if utterance.is_requested else "other"}


def _interactive(utterance: Utterance) -> dict[str, Any]:
    if utterance.type == "flow_reply":
        return {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": utterance.answers}}
    reply = {"id": utterance.id, "title": utterance.title}
    if utterance.type == "list_reply" and utterance.description:
        reply["description"] = utterance.description
    return {"type": utterance.type, utterance.type: reply}
