"""Sends as MSG91 takes them, put into Meta's form, so that they are checked, ledgered and shown alike."""

from __future__ import annotations

import re
from typing import Any

from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.parts import Body, known, obj

_FILES = ("image", "video", "audio", "document")
_HEAD = {"integrated_number", "recipient_number", "content_type", "CRQID"}
_SLOT = re.compile(r"(header|body|button)_(\d+)")


class Msg91Error(Exception):
    """A refusal in MSG91's own words, with the HTTP status that it comes with."""

    def __init__(self, words: str, http_status: int = 200) -> None:
        super().__init__(words)
        self.http_status = http_status


def session_message(request: Body) -> Body:
    """A free-form message."""
    for key in ("integrated_number", "recipient_number", "content_type"):
        if not request.get(key):
            raise Msg91Error(f"{key} not found in request")
    kind = request["content_type"]
    if kind == "text":
        known(request, _HEAD | {"text"}, "")
        if not request.get("text"):
            raise Msg91Error("text not found in request")
        content: Body = {"body": request["text"]}
    elif kind in _FILES:
        content = _file(request, kind)
    elif kind == "interactive":
        known(request, _HEAD | {"interactive"}, "")
        content = obj(request, "interactive", "")
    elif kind == "location":
        known(request, _HEAD | {"payload"}, "")
        content = obj(obj(request, "payload", ""), "location", "payload")
    else:
        raise Msg91Error(f"{kind} is not a valid content_type")
    return _message(request["recipient_number"], kind, content, request.get("CRQID"))


def _message(to: str, kind: str, content: Body, reference: Any) -> Body:
    message: Body = {"messaging_product": "whatsapp", "to": f"+{to}", "type": kind, kind: content}
    return {**message, **({"biz_opaque_callback_data": reference} if reference else {})}


def _file(request: Body, kind: str) -> Body:
    """In one of the three spellings."""
    if "attachment_url" in request:
        known(request, _HEAD | {"attachment_url", "caption", "filename"}, "")
        told: Body = {key: request[key] for key in ("caption", "filename") if key in request}
        return {"link": request["attachment_url"], **told}
    known(request, _HEAD | {kind, "payload"}, "")
    if "payload" in request:
        return obj(obj(request, "payload", ""), kind, "payload")
    if kind not in request:
        raise Msg91Error("attachment_url not found in request")
    return obj(request, kind, "")


def template_messages(request: Body) -> list[Body]:
    """The messages of a bulk request, one for each number."""
    if request.get("content_type") != "template":
        raise Msg91Error("for now, only template is supported for bulk")
    payload = obj(request, "payload", "")
    template = obj(payload, "template", "payload")
    known(template, {"name", "language", "namespace", "to_and_components"}, "template")
    found = []
    for target in template.get("to_and_components") or ():
        parts = _components(target.get("components") or {})
        content = {"name": template.get("name"), "language": template.get("language"), "components": parts}
        found += [_message(to, "template", content, request.get("CRQID")) for to in target.get("to") or ()]
    if not found:
        raise Msg91Error("to not found in request")
    return found


def _components(slots: Body) -> list[Body]:
    """A list, where MSG91 has an object by slots that count from 1."""
    parts: dict[str, Body] = {}
    for name in sorted(slots, key=_place):
        found, slot = _SLOT.fullmatch(name), slots[name]
        if found is None or not isinstance(slot, dict):
            raise GraphError("132012_param_format", f"{name} is not a component")
        part: Body = {"type": found[1], "parameters": []}
        if found[1] == "button":
            part |= {"sub_type": slot.get("subtype"), "index": str(int(found[2]) - 1)}
        parts.setdefault(name if found[1] == "button" else found[1], part)["parameters"].append(_parameter(slot))
    return list(parts.values())


def _place(name: str) -> tuple[str, int]:
    head, _, number = name.partition("_")
    return head, int(number) if number.isdecimal() else 0


def _parameter(slot: Body) -> Body:
    kind, value = slot.get("type"), slot.get("value")
    if kind in _FILES:
        name = {"filename": slot["filename"]} if "filename" in slot else {}
        return {"type": kind, kind: {"link": value, **name}}
    if slot.get("subtype") == "copy_code":
        return {"type": "coupon_code", "coupon_code": value}
    return {"type": kind, str(kind): value}
