"""A message as Meta writes it, in Structs, leniently: unknown keys are ignored, nearly everything may be missing."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Raw, Struct, field

Word: TypeAlias = str | int | float | None
"""An id, a number, a time: documented as a string, seen as a number (or the other way round)."""


class ErrorData(Struct):
    """The part of an error that says most."""

    details: str | None = None


class VendorError(Struct):
    """An error inside a webhook. Old ones carry `details` flat."""

    code: Word = None
    title: str | None = None
    message: str | None = None
    details: str | None = None
    error_data: ErrorData | None = None

    def said(self) -> str:
        """The most telling words."""
        nested = self.error_data.details if self.error_data else None
        return nested or self.details or self.message or self.title or ""


class Sender(Struct):
    """Who said it, to whom and when: what every message has, whatever else it holds."""

    id: Word = None
    type: Word = None
    timestamp: Word = None
    from_: Word = field(default=None, name="from")
    from_user_id: Word = None
    from_parent_user_id: Word = None
    to: Word = None
    to_user_id: Word = None
    to_parent_user_id: Word = None
    group_id: Word = None
    recipient_type: Word = None


class Said(Struct):
    """`text`."""

    body: str


class File(Struct):
    """`image`, `video`, `audio`, `document`, `sticker`."""

    id: Word = None
    link: str | None = None
    mime_type: str | None = None
    sha256: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool | None = None
    animated: bool | None = None


class Place(Struct):
    """`location`."""

    latitude: float | str
    longitude: float | str
    name: str | None = None
    address: str | None = None


class CardName(Struct):
    """The name in an address book entry."""

    formatted_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None


class CardPhone(Struct):
    """A number in an address book entry."""

    phone: Word = None
    wa_id: Word = None


class CardEmail(Struct):
    """An e-mail address in an address book entry."""

    email: str | None = None


class CardCompany(Struct):
    """The employer in an address book entry."""

    company: str | None = None


class Card(Struct):
    """An element of a message's `contacts`. `origin` is here or on the message, by revision."""

    name: CardName | None = None
    phones: list[CardPhone] | None = None
    emails: list[CardEmail] | None = None
    org: CardCompany | None = None
    vcard: str | None = None
    origin: str | None = None


class Picked(Struct):
    """`button_reply` and `list_reply`."""

    id: str
    title: str = ""
    description: str | None = None


class Filled(Struct):
    """`nfm_reply`: `response_json` is a string that holds JSON, usually."""

    name: str | None = None
    body: str | None = None
    response_json: Raw = Raw()


class Permission(Struct):
    """`call_permission_reply`."""

    response: str
    is_permanent: bool | None = None
    expiration_timestamp: Word = None


class Interactive(Struct):
    """What a contact tapped or filled in."""

    type: str | None = None
    button_reply: Picked | None = None
    list_reply: Picked | None = None
    nfm_reply: Filled | None = None
    call_permission_reply: Permission | None = None


class Tapped(Struct):
    """`button`: a quick reply of a template."""

    text: str | None = None
    payload: str | None = None


class Emotion(Struct):
    """`reaction`; the emoji is missing or empty when it is taken back."""

    message_id: str
    emoji: str | None = None


class Product(Struct):
    """One line of an order."""

    product_retailer_id: Word = None
    quantity: int | str = 1
    item_price: int | float | str | None = None
    currency: str | None = None


class Basket(Struct):
    """`order`."""

    catalog_id: Word = None
    text: str | None = None
    product_items: list[Product] | None = None


class SystemNews(Struct):
    """`system`: somebody's number or id changed."""

    body: str | None = None
    type: str | None = None
    wa_id: Word = None
    new_wa_id: Word = None
    user_id: Word = None
    parent_user_id: Word = None
    previous_user_id: Word = None
    previous_parent_user_id: Word = None


class Subtype(Struct):
    """`unsupported`."""

    type: str | None = None


class Correction(Struct):
    """`edit` and `revoke`: what became of an earlier message."""

    original_message_id: str
    message: Raw = Raw()


class Context(Struct):
    """Which message is answered, or that it was passed on."""

    id: str | None = None
    message_id: str | None = None
    forwarded: bool | None = None
    frequently_forwarded: bool | None = None


class Advertisement(Struct):
    """`referral`: where the contact clicked. Its addresses are third-party content: kept, never fetched."""

    source_url: str | None = None
    source_id: Word = None
    source_type: str | None = None
    headline: str | None = None
    ctwa_clid: str | None = None


# {"from": "15550100777", "from_user_id": "US.7182…1", "id": "wamid.HBgL…", "timestamp": "1793520028", "type": "text",
#  "text": {"body": "Yes, that one"}, "context": {"from": "15550100200", "id": "wamid.HBgL…"}}
class Item(Sender):
    """A message: the key named by `type` is there, mostly."""

    text: Said | None = None
    image: File | None = None
    video: File | None = None
    audio: File | None = None
    document: File | None = None
    sticker: File | None = None
    location: Place | None = None
    contacts: list[Card] | None = None
    interactive: Interactive | None = None
    button: Tapped | None = None
    reaction: Emotion | None = None
    order: Basket | None = None
    unsupported: Subtype | None = None
    origin: str | None = None
    context: Raw = Raw()
    referral: Raw = Raw()
    errors: Raw = Raw()
    edit: Raw = Raw()
    revoke: Raw = Raw()
    system: Raw = Raw()
