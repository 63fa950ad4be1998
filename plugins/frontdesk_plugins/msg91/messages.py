"""What contacts write. The best source is `messages`, Meta's own object in a string; what it lacks, or where there is
none, is made up from the flat fields in the same form, so that there is one translation."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from msgspec import Raw, Struct

from frontdesk.core.event import Address, Contact, MessageReceived
from frontdesk.core.message import Content, Unsupported
from frontdesk.whatsapp.content import content_of, context_of
from frontdesk.whatsapp.reading import UNREADABLE, read
from frontdesk.whatsapp.said import Item
from frontdesk_plugins.msg91.collected import Collected
from frontdesk_plugins.msg91.fields import Fields, Post, digits
from frontdesk_plugins.msg91.options import InboundMap

HELLO = "_hello"
"""What MSG91's own inbox appends to a message's id."""

_FILES = ("image", "video", "audio", "document", "sticker")
_KINDS = {"voice": "audio", "file": "document", "quick_reply": "button"}


class Inbound(Struct, frozen=True, kw_only=True):
    """One post with where its fields are."""

    fields: Fields
    where: InboundMap

    def first(self, key: str) -> str:
        """A field by its name in the map."""
        paths: tuple[str, ...] = getattr(self.where, key)
        return self.fields.first(paths)


# {"customerNumber": "15550100045", "integratedNumber": "15550100001", "direction": "0", "uuid": "wamid.HBgL…",
#  "contentType": "text", "text": "Hi, where is my order?", "messages": "[{\"from\":\"15550100045\",\"id\":\"wamid…", …}
def take_inbound(found: Collected, fields: Fields, where: InboundMap) -> None:
    """A message of a contact's."""
    post = Inbound(fields=fields, where=where)
    sender = digits(post.first("from_"))
    if not sender:
        found.misses("inbound", "who wrote", "inbound_map", where.from_)
        found.quarantine("a message without a sender")
        return
    item = _item(post)
    content = _content(item, found.raw)
    if item.get("type") == "text" and isinstance(content, Unsupported):
        found.misses("inbound", "the text", "inbound_map", where.text)
    elif not item.get("type"):
        found.misses("inbound", "the message's type", "inbound_map", where.type)
    else:
        found.works("inbound")
    _add(found, post, sender, item, content)


def _add(found: Collected, post: Inbound, sender: str, item: Post, content: Content) -> None:
    message_id = message_id_of(post, sender)
    context = context_of(_read(item))
    found.events.append(
        MessageReceived(
            id=found.identify("message", message_id),
            at=found.received_at,
            channel=found.channel,
            contact=Contact(addresses=(Address("phone", sender),), name=post.first("name") or None),
            provider_message_id=message_id,
            sent_at=found.when(post.first("time")),
            content=content,
            in_reply_to=context.id or context.message_id or post.first("quoted_id") or None,
            is_forwarded=bool(context.forwarded or context.frequently_forwarded),
            may_be_echo=True,
        )
    )


def message_id_of(post: Inbound, sender: str) -> str:
    """WhatsApp's id of the message; where the post names none, a digest of what it says."""
    known = post.first("id").removesuffix(HELLO)
    if known:
        return known
    words = (sender, *(post.first(key) for key in ("time", "type", "text", "media_url", "reply_id")))
    return "sha256." + sha256("\x1f".join(words).encode()).hexdigest()


def _item(post: Inbound) -> Post:
    """The message in Meta's form."""
    fields = post.fields
    item = dict(fields.part("messages.0") or {})
    kind = post.first("type").strip().casefold()
    kind = _KINDS.get(kind, kind)
    for name in ("button", "interactive", "reaction"):
        part = fields.part(name)
        if part and name not in item:
            item[name] = part
            kind = kind if "type" in item else name
    item["type"] = kind or _guess(post)
    _fill(item, post)
    return item


def _guess(post: Inbound) -> str:
    """For a template that tells no type."""
    return "text" if post.first("text") and not post.first("media_url") else ""


def _fill(item: Post, post: Inbound) -> None:
    """What the flat fields know and Meta's object does not."""
    fields, kind = post.fields, item["type"]
    if kind in _FILES:
        item[kind] = _file(item.get(kind), post)
    elif kind == "text" and not isinstance(item.get("text"), dict):
        body = fields.written(post.where.text)
        item["text"] = {"body": body} if body else None
    elif kind == "location" and "location" not in item:
        item["location"] = {name: fields.first((name,)) for name in ("latitude", "longitude")}
    elif kind == "order" and "order" not in item:
        item["order"] = fields.part("orders", "order")
    elif kind in {"interactive", "button"} and not (item.get("interactive") or item.get("button")):
        reply = {"id": post.first("reply_id"), "title": post.first("reply_title") or fields.written(post.where.text)}
        if reply["id"] or reply["title"]:
            item |= {
                "type": "interactive",
                "interactive": {"button_reply": reply | {"id": reply["id"] or reply["title"]}},
            }


def _file(known: Any, post: Inbound) -> Post:
    """The file lies at a public address, for 30 days; its id is the end of that."""
    file = dict(known) if isinstance(known, dict) else {}
    link = post.first("media_url")
    told = {
        "id": link.rstrip("/").rpartition("/")[2],
        "link": link,
        "caption": post.first("caption"),
        "filename": post.fields.first(("filename",)),
    }
    return {**{key: value for key, value in told.items() if value}, **{k: v for k, v in file.items() if k != "url"}}


def _content(item: Post, raw: str) -> Content:
    try:
        return content_of(_read(item), Raw(raw.encode()))
    except UNREADABLE:
        return Unsupported(kind=str(item.get("type") or "unknown"), raw=raw)


def _read(item: Post) -> Item:
    try:
        return read(msgspec.json.encode(item), Item)
    except UNREADABLE:
        return Item()
