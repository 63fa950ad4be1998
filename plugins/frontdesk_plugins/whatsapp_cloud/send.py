"""Our contents as Meta's requests. What Meta would refuse anyway is refused here, before anything leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from frontdesk.core.event import Address
from frontdesk.core.message import (
    Buttons,
    ContactCard,
    ContactCards,
    ContactInfoRequest,
    Content,
    Form,
    LinkButton,
    ListMenu,
    Location,
    LocationRequest,
    Media,
    Reaction,
    Template,
    TemplateParameter,
    TemplatePart,
    Text,
)
from frontdesk.ports import OutcomeUnknown, OutgoingMessage, PermanentFailure, Sent
from frontdesk.whatsapp.interactive import interactive_object
from frontdesk.whatsapp.limits import check_limits
from frontdesk.whatsapp.reading import UNREADABLE

Json = dict[str, Any]


class Accepted(Struct):
    """An element of `messages` in the answer."""

    id: Annotated[str, Meta(min_length=1)]


# {"messaging_product": "whatsapp", "contacts": [{"input": "+15550100777", "wa_id": "15550100777"}],
#  "messages": [{"id": "wamid.HBgL…", "message_status": "accepted"}]}
class Answer(Struct):
    """The answer to a message that was taken; `contacts` may be missing and is not needed."""

    messages: list[Accepted]


def request_body(message: OutgoingMessage) -> bytes:
    """The request's JSON. Raises PermanentFailure."""
    check_limits(message)
    kind, content = _content(message.content)
    body: Json = {"messaging_product": "whatsapp", **_target(message.to)}
    if message.in_reply_to and kind != "reaction":
        body["context"] = {"message_id": message.in_reply_to}
    body["biz_opaque_callback_data"] = message.reference
    body["type"] = kind
    body[kind] = content
    return msgspec.json.encode(body)


def mark_read_body(provider_message_id: str, *, is_typing: bool) -> bytes:
    """The request's JSON."""
    body: Json = {"messaging_product": "whatsapp", "status": "read", "message_id": provider_message_id}
    if is_typing:
        body["typing_indicator"] = {"type": "text"}
    return msgspec.json.encode(body)


def sent(body: bytes) -> Sent:
    """What the answer says. Raises OutcomeUnknown if it names no message."""
    try:
        return Sent(provider_message_id=msgspec.json.decode(body, type=Answer).messages[0].id)
    except (*UNREADABLE, IndexError) as error:
        raise OutcomeUnknown("Meta answered 200 without a message id") from error


def _target(to: tuple[Address, ...]) -> Json:
    """A phone number if there is one: some kinds cannot go to an id, and of both Meta would take the number.

    Without the plus sign Meta would put the business's own country code in front.
    """
    known = {address.kind: address.value for address in reversed(to)}
    if "group" in known:
        return {"recipient_type": "group", "to": known["group"]}
    if "phone" in known:
        return {"recipient_type": "individual", "to": "+" + known["phone"].lstrip("+")}
    scoped = known.get("scoped_id") or known.get("parent_scoped_id")
    if not scoped:
        raise PermanentFailure("the contact has no address that Meta knows", code="no_address")
    return {"recipient_type": "individual", "recipient": scoped}


def _content(content: Content) -> tuple[str, Any]:
    match content:
        case Text():
            return "text", {"body": content.body, **({"preview_url": True} if content.shows_preview else {})}
        case Media():
            return content.kind, _media(content)
        case Location():
            return "location", _location(content)
        case ContactCards():
            return "contacts", [_card(card) for card in content.cards]
        case Reaction():
            return "reaction", {"message_id": content.provider_message_id, "emoji": content.emoji}
        case Template():
            return "template", _template(content)
        case Buttons() | ListMenu() | LinkButton() | LocationRequest() | ContactInfoRequest() | Form():
            return "interactive", interactive_object(content)
        case _:
            kind = type(content).__name__
            raise PermanentFailure(f"WhatsApp cannot send a message of kind {kind}", code="unsupported_content")


def _media(media: Media) -> Json:
    body: Json = {"id": media.media_id} if media.media_id else {"link": media.link}
    if media.caption and media.kind not in {"audio", "sticker"}:
        body["caption"] = media.caption
    if media.filename and media.kind == "document":
        body["filename"] = media.filename
    if media.is_voice and media.kind == "audio":
        body["voice"] = True
    return body


def _location(location: Location) -> Json:
    return {
        "latitude": _degrees(location.latitude),
        "longitude": _degrees(location.longitude),
        **_given(name=location.name, address=location.address),
    }


def _degrees(value: float) -> str:
    """A centimetre is enough, and no exponent."""
    return f"{value:.7f}".rstrip("0").rstrip(".")


def _card(card: ContactCard) -> Json:
    """Meta wants one part of the name besides the whole."""
    name = {
        "formatted_name": card.formatted_name,
        **_given(first_name=card.first_name, last_name=card.last_name),
    }
    if len(name) == 1:
        name["first_name"] = card.formatted_name
    lists: Mapping[str, list[Json]] = {
        "phones": [_card_phone(phone) for phone in card.phones],
        "emails": [{"email": email, "type": "WORK"} for email in card.emails],
    }
    company = {"org": {"company": card.organisation}} if card.organisation else {}
    return {"name": name, **{key: entries for key, entries in lists.items() if entries}, **company}


def _card_phone(phone: str) -> Json:
    """With `wa_id` the card gets a button to write to that number."""
    digits = "".join(filter(str.isdigit, phone))
    return {"phone": phone, "type": "WORK", **({"wa_id": digits} if phone.startswith("+") and digits else {})}


def _template(template: Template) -> Json:
    body: Json = {"name": template.name, "language": {"code": template.language}}
    if template.parts:
        body["components"] = [_part(part) for part in template.parts]
    return body


def _part(part: TemplatePart) -> Json:
    button = {"sub_type": part.button, "index": str(part.index or 0)} if part.part == "button" else {}
    return {"type": part.part, **button, "parameters": [_parameter(each, part.button) for each in part.parameters]}


def _parameter(parameter: TemplateParameter, button: str | None) -> Json:
    if parameter.media is not None:
        kind = parameter.media.kind
        return {"type": kind, kind: _media(parameter.media)}
    if parameter.payload is not None:
        return {"type": "payload", "payload": parameter.payload}
    text = parameter.text or ""
    if button == "copy_code":
        return {"type": "coupon_code", "coupon_code": text}
    return {"type": "text", **_given(parameter_name=parameter.name), "text": _one_line(text)}


def _one_line(text: str) -> str:
    """Meta refuses line breaks, tabs and long gaps in a template's values; a blank says the same."""
    return " ".join(text.split())


def _given(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}
