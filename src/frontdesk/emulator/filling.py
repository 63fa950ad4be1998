"""Templates as they are sent: do the parameters fit what was approved, and what does the contact read then."""

from __future__ import annotations

import re

from frontdesk.emulator.catalogue import MessageTemplate, TemplateButton
from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.parts import Body, HasMedia, check_file, invalid, known, obj, words

_FORBIDDEN = re.compile(r"[\n\t]| {4,}")
_COMPONENT_KEYS = {"type", "sub_type", "index", "parameters"}


def find_template(templates: tuple[MessageTemplate, ...], template: Body) -> MessageTemplate:
    """The approved template that a message names, or Meta's refusal."""
    known(template, {"name", "language", "components"}, "template")
    name = words(template, "name", "template", most=512)
    language = obj(template, "language", "template")
    known(language, {"code", "policy"}, "template['language']")
    code = words(language, "code", "template['language']", most=15)
    for approved in templates:
        if (approved.name, approved.language) == (name, code):
            if approved.is_paused:
                raise GraphError("132015_template_paused")
            return approved
    raise GraphError("132001_template_missing", f"template name ({name}) does not exist in {code}")


def check_filling(approved: MessageTemplate, template: Body, has_media: HasMedia) -> None:
    """Raise Meta's refusal unless every placeholder, and nothing else, is filled in the approved form."""
    parts = _components(template)
    for part in parts:
        known(part, _COMPONENT_KEYS, "template['components']")
    header = [part for part in parts if part.get("type") == "header"]
    body = [part for part in parts if part.get("type") == "body"]
    buttons = [part for part in parts if part.get("type") == "button"]
    if len(header) + len(body) + len(buttons) != len(parts) or len(header) > 1 or len(body) > 1:
        raise invalid("Param template['components'] must hold one header, one body and buttons at most.")
    _check_header(approved, header[0] if header else {}, has_media)
    _check_body(approved, body[0] if body else {})
    _check_buttons(approved, buttons)


def filled(approved: MessageTemplate, template: Body) -> str:
    """The body as the contact reads it; call it after `check_filling`."""
    body = next((part for part in _components(template) if part.get("type") == "body"), {})
    text = approved.body
    for number, parameter in enumerate(body.get("parameters", []), start=1):
        text = text.replace("{{" + str(parameter.get("parameter_name", number)) + "}}", str(parameter.get("text", "")))
    return text


def _components(template: Body) -> list[Body]:
    parts = template.get("components", [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise invalid("Param template['components'] must be an array of JSON objects.")
    return parts


def _parameters(part: Body) -> list[Body]:
    parameters = part.get("parameters", [])
    if not isinstance(parameters, list) or not all(isinstance(parameter, dict) for parameter in parameters):
        raise invalid("Param parameters must be an array of JSON objects.")
    return parameters


def _miscounted(part: str, given: int, expected: int) -> GraphError:
    reason = f"{part}: number of localizable_params ({given}) does not match the expected number of params ({expected})"
    return GraphError("132000_param_count", reason)


def _check_header(approved: MessageTemplate, part: Body, has_media: HasMedia) -> None:
    parameters = _parameters(part)
    expected = 0 if approved.header in (None, "text") else 1
    if approved.header is None or expected == 0:
        if parameters:
            raise _miscounted("header", len(parameters), 0)
        return
    if len(parameters) != 1:
        raise GraphError(
            "132012_param_format", f"header: Format mismatch, expected {approved.header.upper()}, received UNKNOWN"
        )
    parameter = parameters[0]
    if parameter.get("type") != approved.header:
        received = str(parameter.get("type", "unknown")).upper()
        raise GraphError(
            "132012_param_format", f"header: Format mismatch, expected {approved.header.upper()}, received {received}"
        )
    check_file(obj(parameter, approved.header, "parameter"), f"parameter['{approved.header}']", has_media)


def _check_body(approved: MessageTemplate, part: Body) -> None:
    parameters = _parameters(part)
    if len(parameters) != approved.parameter_count:
        raise _miscounted("body", len(parameters), approved.parameter_count)
    for parameter in parameters:
        _check_words(parameter, "body")
    if approved.names and {parameter.get("parameter_name") for parameter in parameters} != set(approved.names):
        raise GraphError("132012_param_format", "body: Parameter name is missing or empty")


def _check_words(parameter: Body, part: str) -> None:
    known(parameter, {"type", "text", "parameter_name"}, part)
    if parameter.get("type") != "text":
        received = str(parameter.get("type", "unknown")).upper()
        raise GraphError("132012_param_format", f"{part}: Format mismatch, expected TEXT, received {received}")
    text = words(parameter, "text", part, most=1024)
    if _FORBIDDEN.search(text):
        reason = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        raise GraphError("132012_param_format", f"{part}: {reason}")


def _check_buttons(approved: MessageTemplate, parts: list[Body]) -> None:
    given: dict[int, Body] = {}
    for part in parts:
        place = str(part.get("index", ""))
        if not place.isdecimal() or int(place) >= len(approved.buttons) or int(place) in given:
            raise GraphError("132012_param_format", f"button: There is no button at index {place or 'none'}")
        given[int(place)] = part
    for index, button in enumerate(approved.buttons):
        if index in given:
            _check_button(button, given[index])
        elif button.takes_parameter and button.kind != "quick_reply":
            raise GraphError(
                "131008_missing_param", f"Button at index {index} of type {button.kind} requires a parameter"
            )


def _check_button(button: TemplateButton, part: Body) -> None:
    if part.get("sub_type") != button.kind:
        raise GraphError("132012_param_format", f"button: expected {button.kind}, received {part.get('sub_type')}")
    parameters = _parameters(part)
    if len(parameters) != 1:
        raise _miscounted("button", len(parameters), 1)
    key = {"quick_reply": "payload", "url": "text", "copy_code": "coupon_code"}[button.kind]
    if parameters[0].get("type") not in (key, "text" if button.kind == "copy_code" else key):
        raise GraphError("132012_param_format", f"button: expected {key}, received {parameters[0].get('type')}")
    words(parameters[0], str(parameters[0]["type"]), "button", most=2000)
