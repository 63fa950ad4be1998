"""What a message says, in our words. Whatever cannot be said in them is `Unsupported`, with the item's JSON kept."""

from __future__ import annotations

import math

from msgspec import Raw

from frontdesk.core.event import Referral
from frontdesk.core.message import (
    CallPermission,
    Choice,
    ContactCard,
    ContactCards,
    Content,
    FormAnswer,
    Location,
    Media,
    MediaKind,
    Order,
    OrderItem,
    Reaction,
    Text,
    Unsupported,
)
from frontdesk.whatsapp.moment import moment
from frontdesk.whatsapp.reading import as_text, read_each, read_if_sound, read_text, word
from frontdesk.whatsapp.said import (
    Advertisement,
    Basket,
    Card,
    CardName,
    CardPhone,
    Context,
    Emotion,
    File,
    Filled,
    Interactive,
    Item,
    Permission,
    Picked,
    Place,
    Product,
    Tapped,
    VendorError,
)


def content_of(item: Item, raw: Raw) -> Content:
    """What was said. `raw` is the item as it came, kept where it has no words here."""
    return _translate(item) or unsupported(item, raw)


def unsupported(item: Item, raw: Raw) -> Unsupported:
    """A message that a person has to look at."""
    kind = (item.unsupported and item.unsupported.type) or word(item.type) or "unknown"
    error = next(read_each(item.errors, VendorError), None)
    return Unsupported(kind=kind, detail=error.said() if error else "", raw=as_text(raw))


def context_of(item: Item) -> Context:
    """What the message answers, and whether it was passed on."""
    return read_if_sound(item.context, Context) or Context()


def referral_of(item: Item) -> Referral | None:
    """Where the contact clicked to come here."""
    found = read_if_sound(item.referral, Advertisement)
    if found is None:
        return None
    return Referral(
        source_id=word(found.source_id),
        source_type=found.source_type or "",
        source_url=found.source_url or "",
        headline=found.headline or "",
        click_id=found.ctwa_clid or "",
    )


def _translate(item: Item) -> Content | None:
    match item:
        case Item(type="text", text=said) if said:
            return Text(body=said.body)
        case Item(type="image" | "video" | "audio" | "document" | "sticker" as kind):
            return _media(kind, getattr(item, kind))
        case Item(type="location", location=Place() as place):
            return _location(place)
        case Item(type="contacts", contacts=cards) if cards:
            return _cards(cards, item.origin)
        case Item(type="button", button=Tapped() as tapped):
            title = tapped.text or ""
            return Choice(id=tapped.payload or title, title=title, kind="template_button")
        case Item(type="reaction", reaction=Emotion() as emotion):
            return Reaction(provider_message_id=emotion.message_id, emoji=emotion.emoji or "")
        case Item(type="order", order=Basket() as basket):
            return _order(basket)
        case Item(type="interactive" | None, interactive=Interactive() as interactive):
            return _interactive(interactive)
        case _:
            return None


def _media(kind: MediaKind, file: File | None) -> Media | None:
    """The webhook's own `url` dies after five minutes, sooner than a queue may need: only the id is kept."""
    if file is None or not (word(file.id) or file.link):
        return None
    return Media(
        kind=kind,
        media_id=word(file.id) or None,
        link=file.link,
        mime_type=file.mime_type,
        sha256=file.sha256,
        caption=file.caption,
        filename=file.filename,
        is_voice=bool(file.voice),
        is_animated=bool(file.animated),
    )


def _location(place: Place) -> Location | None:
    try:
        latitude, longitude = float(place.latitude), float(place.longitude)
    except ValueError:
        return None
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        return None
    return Location(latitude=latitude, longitude=longitude, name=place.name, address=place.address)


def _cards(cards: list[Card], origin: str | None) -> ContactCards:
    return ContactCards(
        cards=tuple(_card(card) for card in cards),
        is_requested="contact_request" in {origin, *(card.origin for card in cards)},
    )


def _card(card: Card) -> ContactCard:
    name = card.name or CardName()
    return ContactCard(
        formatted_name=name.formatted_name or "",
        first_name=name.first_name,
        last_name=name.last_name,
        phones=tuple(filter(None, (_phone(phone) for phone in card.phones or ()))),
        emails=tuple(entry.email for entry in card.emails or () if entry.email),
        organisation=card.org.company if card.org else None,
        vcard=card.vcard,
    )


def _phone(phone: CardPhone) -> str:
    return word(phone.phone) or (f"+{word(phone.wa_id)}" if phone.wa_id else "")


def _order(basket: Basket) -> Order:
    return Order(
        catalog_id=word(basket.catalog_id),
        items=tuple(_order_item(product) for product in basket.product_items or ()),
        text=basket.text,
    )


def _order_item(product: Product) -> OrderItem:
    quantity = word(product.quantity)
    return OrderItem(
        product_id=word(product.product_retailer_id),
        quantity=int(quantity) if quantity.isascii() and quantity.isdigit() and len(quantity) < 10 else 0,
        price=word(product.item_price),
        currency=product.currency or "",
    )


def _interactive(interactive: Interactive) -> Content | None:
    """By what is there and not by `type`, which one of Meta's own samples leaves out."""
    match interactive:
        case Interactive(button_reply=Picked() as picked):
            return Choice(id=picked.id, title=picked.title, kind="button")
        case Interactive(list_reply=Picked() as picked):
            return Choice(id=picked.id, title=picked.title, kind="list", description=picked.description)
        case Interactive(nfm_reply=Filled() as filled):
            return FormAnswer(name=filled.name or "", answers=_answers(filled), body=filled.body)
        case Interactive(call_permission_reply=Permission() as permission):
            return CallPermission(
                is_granted=permission.response == "accept",
                is_permanent=bool(permission.is_permanent),
                expires_at=moment(permission.expiration_timestamp),
            )
        case _:
            return None


def _answers(filled: Filled) -> str:
    text = read_text(filled.response_json)
    return as_text(filled.response_json) if text is None else text
