"""The chat as the customer's phone shows it, and the stream that keeps an open page up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
from sse_starlette import EventSourceResponse

from frontdesk.emulator.checks import MEDIA_KEYS
from frontdesk.emulator.filling import filled, find_template
from frontdesk.emulator.ledger import Accepted, Contact, Received
from frontdesk.emulator.vendor import Vendor


def transcript(vendor: Vendor, contact: Contact) -> dict[str, Any]:
    """The whole chat: what the contact wrote, and of the business's messages those that arrived."""
    until = contact.wrote_at + timedelta(seconds=vendor.options.window_seconds) if contact.wrote_at else None
    return {
        "business": {"name": vendor.options.business_name, "phone": vendor.options.display_phone_number},
        "contact": {"phone": contact.phone, "user_id": contact.user_id, "name": contact.name},
        "window_until": until,
        "typing": contact.typing_since is not None,
        "messages": [bubble(vendor, line) for line in contact.chat if isinstance(line, Received) or line.shown_at],
    }


def bubble(vendor: Vendor, line: Accepted | Received) -> dict[str, Any]:
    """One line of the chat; `content` is the vendor's own object of that type."""
    if isinstance(line, Received):
        content: Any = line.message.get(line.type)
        status = "read" if line.read_at else "delivered" if line.delivered_at else "pending"
        context = line.message.get("context", {})
    else:
        request = msgspec.json.decode(line.request)
        status, context, content = line.status, request.get("context", {}), request.get(line.type)
    media_url = _media_url(line.type, content)
    if isinstance(line, Accepted) and line.type == "template":
        content = _template(vendor, line, content)
    return {
        "wamid": line.wamid,
        "mine": isinstance(line, Received),
        "at": line.at,
        "type": line.type,
        "text": line.text,
        "status": status,
        "reply_to": context.get("id") or context.get("message_id") or _target(line.type, content),
        "content": content,
        "media_url": media_url,
    }


def _target(kind: str, content: Any) -> str | None:
    return content.get("message_id") if kind == "reaction" else None


def _media_url(kind: str, content: Any) -> str | None:
    """Where the page finds the file of a message, or of the head of an interactive one or a template."""
    file = content if kind in MEDIA_KEYS else None
    if kind == "interactive":
        head = content.get("header", {})
        file = head.get(head.get("type"))
    elif kind == "template":
        heads = [part["parameters"][0] for part in content.get("components", []) if part.get("type") == "header"]
        file = heads[0].get(heads[0]["type"]) if heads else None
    if not isinstance(file, dict):
        return None
    return f"/_emulator/media/{file['id']}" if "id" in file else file.get("link")


def _template(vendor: Vendor, line: Accepted, content: dict[str, Any]) -> dict[str, Any]:
    approved = find_template(vendor.options.templates, content)
    payloads = {
        int(part.get("index", 0)): part["parameters"][0].get("payload")
        for part in content.get("components", [])
        if part.get("type") == "button"
    }
    buttons = [
        {"kind": button.kind, "title": button.text, "id": payloads.get(index) or button.text}
        for index, button in enumerate(approved.buttons)
    ]
    return {"body": filled(approved, content) or line.text, "header": approved.header_text, "buttons": buttons}


def listen(vendor: Vendor, contact: Contact) -> EventSourceResponse:
    """Server-sent events `message` (a bubble), `status` and `typing`, from now on."""
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def events() -> AsyncIterator[dict[str, str]]:
        contact.listeners.append(queue.put_nowait)
        try:
            while True:
                event = await queue.get()
                if event["kind"] == "message":
                    line = _line(vendor, event["wamid"])
                    event["bubble"] = bubble(vendor, line) if line is not None else None
                yield {"event": event["kind"], "data": msgspec.json.encode(event).decode()}
        finally:
            contact.listeners.remove(queue.put_nowait)

    return EventSourceResponse(events(), ping=15)


def _line(vendor: Vendor, wamid: str) -> Accepted | Received | None:
    sent = vendor.ledger.sent_by_id.get(wamid)
    received = vendor.ledger.received_by_id.get(wamid)
    return sent or (received[0] if received else None)
