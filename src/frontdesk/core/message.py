"""What one message holds, and how far it has come.

A message's content is a closed union, the same for every channel: a provider translates its vendor's kinds into
these and refuses, by a named failure, to send what its vendor lacks. What a vendor sends that nobody knew of becomes
`Unsupported` with the raw text kept: the contact believes they said something, so a person must be able to see it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from msgspec import Struct


class Piece(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Hands its options down to every content, so that all of them are encoded alike."""


class Text(Piece, frozen=True, kw_only=True, tag="text"):
    """Words. `shows_preview` asks the channel to unfold the first link. `is_heard`: they were spoken, and a machine
    wrote them down."""

    body: str
    shows_preview: bool = False
    is_heard: bool = False


MediaKind = Literal["image", "video", "audio", "document", "sticker"]


class Media(Piece, frozen=True, kw_only=True, tag="media"):
    """A file. Inbound: `media_id` names it at the vendor (and dies there after days), `stored_as` names our copy,
    `words` are what a machine heard or saw in it.

    Outbound: either `media_id` (uploaded before) or `link` (public https).
    """

    kind: MediaKind
    media_id: str | None = None
    link: str | None = None
    mime_type: str | None = None
    sha256: str | None = None
    caption: str | None = None
    filename: str | None = None
    is_voice: bool = False
    is_animated: bool = False
    stored_as: str | None = None
    words: str | None = None


class Location(Piece, frozen=True, kw_only=True, tag="location"):
    """A place on the map, degrees WGS 84."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


class ContactCard(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of an address book."""

    formatted_name: str = ""
    first_name: str | None = None
    last_name: str | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organisation: str | None = None
    vcard: str | None = None


class ContactCards(Piece, frozen=True, kw_only=True, tag="contact_cards"):
    """Address book entries; `is_requested` when they answer a `ContactInfoRequest`."""

    cards: tuple[ContactCard, ...]
    is_requested: bool = False


class Button(Struct, frozen=True, kw_only=True):
    """A quick reply: what comes back when it is tapped, and what is written on it."""

    id: str
    title: str


class Buttons(Piece, frozen=True, kw_only=True, tag="buttons"):
    """A question with one to three quick replies."""

    body: str
    buttons: tuple[Button, ...]
    header: str | None = None
    footer: str | None = None


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a list menu."""

    id: str
    title: str
    description: str | None = None


class Section(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Lines of a list menu under one title."""

    rows: tuple[Row, ...]
    title: str | None = None


class ListMenu(Piece, frozen=True, kw_only=True, tag="list_menu"):
    """A question with up to ten rows behind one button."""

    body: str
    button: str
    sections: tuple[Section, ...]
    header: str | None = None
    footer: str | None = None


class LinkButton(Piece, frozen=True, kw_only=True, tag="link_button"):
    """Words with one button that opens a web page; a tap is not reported back."""

    body: str
    label: str
    url: str
    header: str | None = None
    footer: str | None = None


class LocationRequest(Piece, frozen=True, kw_only=True, tag="location_request"):
    """Asks the contact to share where they are."""

    body: str


class ContactInfoRequest(Piece, frozen=True, kw_only=True, tag="contact_info_request"):
    """Asks the contact to share their phone number."""

    body: str


class Form(Piece, frozen=True, kw_only=True, tag="form"):
    """Opens a form that was built at the vendor (Meta calls it a Flow)."""

    body: str
    label: str
    form_id: str
    token: str | None = None
    first_screen: str | None = None
    data: dict[str, str] | None = None
    header: str | None = None
    footer: str | None = None


class TemplateParameter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value of a template: words, a file, or what a quick reply brings back. `name` only for named templates."""

    text: str | None = None
    media: Media | None = None
    payload: str | None = None
    name: str | None = None


class TemplatePart(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The values of a template's header, body, or of one button (`index` from 0, `button` its kind)."""

    part: Literal["header", "body", "button"]
    parameters: tuple[TemplateParameter, ...]
    button: Literal["quick_reply", "url", "copy_code"] | None = None
    index: int | None = None


class Template(Piece, frozen=True, kw_only=True, tag="template"):
    """A message approved by the vendor; the only kind that may leave outside the service window."""

    name: str
    language: str
    parts: tuple[TemplatePart, ...] = ()


class Reaction(Piece, frozen=True, kw_only=True, tag="reaction"):
    """An emoji on a message, either side's; an empty `emoji` takes it back."""

    provider_message_id: str
    emoji: str = ""


class Choice(Piece, frozen=True, kw_only=True, tag="choice"):
    """The contact tapped something that we (or our template) offered. May be old, and may come twice."""

    id: str
    title: str
    kind: Literal["button", "list", "template_button"] = "button"
    description: str | None = None


class FormAnswer(Piece, frozen=True, kw_only=True, tag="form_answer"):
    """What the contact filled in. `answers` is the vendor's JSON text as it came, whatever it holds."""

    name: str
    answers: str
    body: str | None = None


class OrderItem(Struct, frozen=True, kw_only=True):
    """One line of an order; the price comes from the contact's device and has to be checked again."""

    product_id: str
    quantity: int
    price: str
    currency: str


class Order(Piece, frozen=True, kw_only=True, tag="order"):
    """A shopping basket that the contact sent."""

    catalog_id: str
    items: tuple[OrderItem, ...]
    text: str | None = None


class CallPermission(Piece, frozen=True, kw_only=True, tag="call_permission"):
    """Whether the business may call the contact."""

    is_granted: bool
    is_permanent: bool = False
    expires_at: datetime | None = None


class Unsupported(Piece, frozen=True, kw_only=True, tag="unsupported"):
    """Something was said that cannot be shown. `kind` is the vendor's word, `raw` the item's JSON as it came."""

    kind: str
    detail: str = ""
    raw: str = ""


Content: TypeAlias = (
    Text
    | Media
    | Location
    | ContactCards
    | Buttons
    | ListMenu
    | LinkButton
    | LocationRequest
    | ContactInfoRequest
    | Form
    | Template
    | Reaction
    | Choice
    | FormAnswer
    | Order
    | CallPermission
    | Unsupported
)


class MessageStatus(StrEnum):
    """How far an outbound message has come. Inbound messages are `received` and stay so."""

    RECEIVED = "received"
    QUEUED = "queued"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"


_RANK = {
    MessageStatus.QUEUED: 0,
    MessageStatus.CANCELLED: 1,
    MessageStatus.UNKNOWN: 1,
    MessageStatus.ACCEPTED: 2,
    MessageStatus.SENT: 3,
    MessageStatus.FAILED: 4,
    MessageStatus.DELIVERED: 5,
    MessageStatus.READ: 6,
}


def advance(known: MessageStatus, reported: MessageStatus) -> MessageStatus:
    """The status after a report: the further of the two, for reports come late, twice and in any order.

    `failed` ranks below `delivered`: a contact with two phones may produce both, and then it was delivered.
    """
    if MessageStatus.RECEIVED in (known, reported):
        return known
    return reported if _RANK[reported] > _RANK[known] else known


Author = Literal["contact", "bot", "notice", "agent", "note", "system"]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a conversation as it is kept. `id` is the event's (inbound) or the effect's (outbound).

    `author`: `notice` is the fixed sentence that announces a hand-off; `note` is for agents only, `system` a remark
    nobody typed.
    """

    id: str
    conversation_id: str
    at: datetime
    author: Author
    content: Content
    status: MessageStatus
    provider_message_id: str | None = None
    in_reply_to: str | None = None
    detail: str = ""
