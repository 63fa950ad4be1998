"""The limits of interactive messages: buttons, lists, links and the questions that WhatsApp itself asks."""

from __future__ import annotations

from collections.abc import Callable

from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.parts import Body, HasMedia, array, check_header, invalid, known, obj, path, words

_ANY_HEADER = ("text", "image", "video", "document")


def check_interactive(interactive: Body, has_media: HasMedia) -> None:
    """Raise Meta's refusal unless the message keeps every rule of its kind."""
    kind = interactive.get("type")
    if not isinstance(kind, str) or kind not in _ACTIONS:
        known_kinds = ", ".join(_ACTIONS)
        raise GraphError("131009_bad_param", f"Param interactive['type'] must be one of {{{known_kinds}}}.")
    known(interactive, {"type", "header", "body", "footer", "action"}, "interactive")
    body = obj(interactive, "body", "interactive")
    known(body, {"text"}, "interactive['body']")
    words(body, "text", "interactive['body']", most=1024)
    if "footer" in interactive:
        footer = obj(interactive, "footer", "interactive")
        known(footer, {"text"}, "interactive['footer']")
        words(footer, "text", "interactive['footer']", most=60)
    if "header" in interactive:
        kinds = _HEADERS.get(kind, ())
        check_header(obj(interactive, "header", "interactive"), "interactive['header']", kinds, has_media)
    _ACTIONS[kind](obj(interactive, "action", "interactive"))


_HEADERS = {"button": _ANY_HEADER, "cta_url": _ANY_HEADER, "flow": _ANY_HEADER, "list": ("text",)}
_ACTION = "interactive['action']"


def _title(value: Body, key: str, *, most: int, noun: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not 1 <= len(text) <= most or not text.strip():
        raise GraphError("131009_bad_param", f"{noun} length invalid. Min length: 1, Max length: {most}")
    return text


def _unique(values: list[str], noun: str) -> None:
    if len(set(values)) != len(values):
        raise GraphError("131009_bad_param", f"Duplicated {noun}.")


def _check_buttons(action: Body) -> None:
    known(action, {"buttons"}, _ACTION)
    buttons = array(action, "buttons", _ACTION, most=3, noun="buttons")
    replies = []
    for index, button in enumerate(buttons):
        where = f"{_ACTION}['buttons'][{index}]"
        known(button, {"type", "reply"}, where)
        if button.get("type") != "reply":
            raise GraphError("131009_bad_param", f"Param {where}['type'] must be one of {{reply}}.")
        reply = obj(button, "reply", where)
        known(reply, {"id", "title"}, path(where, "reply"))
        replies.append(reply)
    _unique([_title(reply, "id", most=256, noun="Button id") for reply in replies], "button id")
    _unique([_title(reply, "title", most=20, noun="Button title") for reply in replies], "button title")


def _check_list(action: Body) -> None:
    known(action, {"button", "sections"}, _ACTION)
    _title(action, "button", most=20, noun="Button label")
    sections = array(action, "sections", _ACTION, most=10, noun="sections")
    ids: list[str] = []
    for index, section in enumerate(sections):
        known(section, {"title", "rows"}, f"{_ACTION}['sections'][{index}]")
        if len(sections) > 1 or "title" in section:
            _title(section, "title", most=24, noun="Section title")
        rows = array(section, "rows", f"{_ACTION}['sections'][{index}]", most=10, noun="rows")
        ids.extend(_check_row(row) for row in rows)
    if len(ids) > 10:
        raise GraphError("131009_bad_param", "Total row count exceed max allowed count: 10")
    _unique(ids, "row id")


def _check_row(row: Body) -> str:
    known(row, {"id", "title", "description"}, "row")
    _title(row, "title", most=24, noun="Row title")
    if row.get("description"):
        _title(row, "description", most=72, noun="Row description")
    return _title(row, "id", most=200, noun="Row id")


def _check_link(action: Body) -> None:
    _named(action, "cta_url", {"parameters"})
    parameters = obj(action, "parameters", _ACTION)
    known(parameters, {"display_text", "url"}, f"{_ACTION}['parameters']")
    _title(parameters, "display_text", most=20, noun="Button display text")
    url = words(parameters, "url", f"{_ACTION}['parameters']", most=2000)
    if not url.startswith(("https://", "http://")):
        raise invalid(f"Param {_ACTION}['parameters']['url'] is not a valid URI.")


def _check_flow(action: Body) -> None:
    _named(action, "flow", {"parameters"})
    parameters = obj(action, "parameters", _ACTION)
    where = f"{_ACTION}['parameters']"
    names = {"flow_id", "flow_name"}
    more = {"flow_message_version", "flow_cta", "flow_token", "mode", "flow_action", "flow_action_payload"}
    known(parameters, names | more, where)
    if parameters.get("flow_message_version") != "3":
        raise GraphError("131009_bad_param", f"Param {where}['flow_message_version'] must be 3.")
    if len(names & parameters.keys()) != 1:
        raise GraphError("131009_bad_param", f"Param {where} must hold exactly one of flow_id and flow_name.")
    _title(parameters, "flow_cta", most=30, noun="Flow button")
    if parameters.get("flow_action", "navigate") not in ("navigate", "data_exchange"):
        raise GraphError(
            "131009_bad_param", f"Param {where}['flow_action'] must be one of {{navigate, data_exchange}}."
        )
    if "flow_action_payload" in parameters:
        words(obj(parameters, "flow_action_payload", where), "screen", path(where, "flow_action_payload"), most=200)


def _named(action: Body, name: str, more: set[str]) -> None:
    known(action, {"name"} | more, _ACTION)
    if action.get("name") != name:
        raise GraphError("131009_bad_param", f"Param {_ACTION}['name'] must be one of {{{name}}}.")


_ACTIONS: dict[str, Callable[[Body], None]] = {
    "button": _check_buttons,
    "list": _check_list,
    "cta_url": _check_link,
    "location_request_message": lambda action: _named(action, "send_location", set()),
    "request_contact_info": lambda action: _named(action, "request_contact_info", set()),
    "flow": _check_flow,
}
