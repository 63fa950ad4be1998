"""Our contents as MSG91's requests: free-form messages to one address, templates to another, one recipient in each, for
a request has one id only. What MSG91 or WhatsApp would refuse anyway is refused here, before anything leaves."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.core.message import (
    Buttons,
    Content,
    LinkButton,
    ListMenu,
    Location,
    Media,
    Template,
    TemplateParameter,
    TemplatePart,
    Text,
)
from frontdesk.ports import OutgoingMessage, PermanentFailure
from frontdesk.whatsapp.interactive import interactive_object
from frontdesk.whatsapp.limits import check_limits
from frontdesk_plugins.msg91.api import BULK, SESSION
from frontdesk_plugins.msg91.fields import digits
from frontdesk_plugins.msg91.options import Options

Json = dict[str, Any]

QUERY_CHARACTERS_MAX = 2_000
"""Longer texts leave as JSON: 4,096 characters of Devanagari are 36 kB in an address."""


class Call(Struct, frozen=True, kw_only=True):
    """What is to be sent where: a JSON body, or a query."""

    path: str
    body: bytes = b""
    query: dict[str, str] | None = None


def call_for(message: OutgoingMessage, options: Options, *, text_transport: str) -> Call:
    """The request of one message. Raises PermanentFailure."""
    check_limits(message)
    head = {"integrated_number": digits(options.integrated_number), "recipient_number": _recipient(message)}
    if isinstance(message.content, Template):
        return _bulk(message, message.content, head, options)
    known = {**head, "CRQID": message.reference} if options.session_reference else head
    body = {**known, **_content(message.content, options)}
    if isinstance(message.content, Text) and text_transport == "query" and len(body["text"]) <= QUERY_CHARACTERS_MAX:
        return Call(path=SESSION, query=body)
    return Call(path=SESSION, body=msgspec.json.encode(body))


def _recipient(message: OutgoingMessage) -> str:
    """MSG91 knows numbers only."""
    number = next((address.value for address in message.to if address.kind == "phone"), "")
    if not number:
        raise PermanentFailure("the contact has no phone number, and MSG91 reaches nobody without", code="no_address")
    return digits(number)


def _content(content: Content, options: Options) -> Json:
    match content:
        case Text():
            return {"content_type": "text", "text": content.body}
        case Media(kind="image" | "video" | "audio" | "document"):
            return _media(content, options.media_style)
        case Buttons() | ListMenu() | LinkButton():
            return {"content_type": "interactive", "interactive": interactive_object(content)}
        case Location():
            return {"content_type": "location", "payload": {"type": "location", "location": _place(content)}}
        case _:
            kind = content.kind if isinstance(content, Media) else type(content).__name__
            raise PermanentFailure(f"MSG91 cannot send a message of kind {kind}", code="unsupported_content")


def _media(media: Media, style: str) -> Json:
    """One place for the three spellings that are in use."""
    if not media.link:
        raise PermanentFailure("MSG91 takes files by their public address only", code="media_missing")
    about = {
        **({"caption": media.caption} if media.caption and media.kind != "audio" else {}),
        **({"filename": media.filename} if media.filename and media.kind == "document" else {}),
    }
    match style:
        case "nested":
            return {"content_type": media.kind, media.kind: {"link": media.link, **about}}
        case "payload":
            return {
                "content_type": media.kind,
                "payload": {"type": media.kind, media.kind: {"link": media.link, **about}},
            }
        case _:
            return {"content_type": media.kind, "attachment_url": media.link, **about}


def _place(location: Location) -> Json:
    about = {"name": location.name, "address": location.address}
    place = {"latitude": location.latitude, "longitude": location.longitude}
    return {**place, **{key: value for key, value in about.items() if value}}


# {"integrated_number": "15550100001", "content_type": "template", "CRQID": "…", "payload": {"messaging_product":
#  "whatsapp", "type": "template", "template": {"name": "ticket_update_v2", "language": {"code": "en", "policy":
#  "deterministic"}, "to_and_components": [{"to": ["15550100045"], "components": {"body_1": {"type": "text", …}}}]}}}
def _bulk(message: OutgoingMessage, template: Template, head: Json, options: Options) -> Call:
    inner: Json = {
        "name": template.name,
        "language": {"code": template.language, "policy": "deterministic"},
        **({"namespace": options.template_namespace} if options.template_namespace else {}),
        "to_and_components": [{"to": [head["recipient_number"]], "components": _components(template)}],
    }
    body = {
        "integrated_number": head["integrated_number"],
        "content_type": "template",
        "CRQID": message.reference,
        "payload": {"messaging_product": "whatsapp", "type": "template", "template": inner},
    }
    return Call(path=BULK, body=msgspec.json.encode(body))


def _components(template: Template) -> Json:
    """An object by slots that count from 1, where Meta has a list."""
    slots: Json = {}
    for part in template.parts:
        if part.part == "button":
            slots[f"button_{(part.index or 0) + 1}"] = _button(part)
        else:
            for number, parameter in enumerate(part.parameters, start=1):
                slots[f"{part.part}_{number}"] = _value(parameter)
    return slots


def _button(part: TemplatePart) -> Json:
    """Only `url` is documented; the others follow its form."""
    parameter = part.parameters[0] if part.parameters else TemplateParameter()
    kind = part.button or "url"
    if kind == "quick_reply":
        return {"subtype": kind, "type": "payload", "value": parameter.payload or parameter.text or ""}
    return {"subtype": kind, "type": "text", "value": _one_line(parameter.text or "")}


def _value(parameter: TemplateParameter) -> Json:
    media = parameter.media
    if media is None:
        return {"type": "text", "value": _one_line(parameter.text or "")}
    if not media.link:
        raise PermanentFailure("MSG91 takes files by their public address only", code="media_missing")
    name = {"filename": media.filename} if media.filename and media.kind == "document" else {}
    return {"type": media.kind, "value": media.link, **name}


def _one_line(text: str) -> str:
    """Line breaks, tabs and long gaps are refused in a template's values; a blank says the same."""
    return " ".join(text.split())
