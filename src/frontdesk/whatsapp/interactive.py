"""Questions and links as WhatsApp reads them: the object under `interactive`, which vendors pass through unchanged."""

from __future__ import annotations

from typing import Any, TypeAlias

from frontdesk.core.message import Buttons, ContactInfoRequest, Form, LinkButton, ListMenu, LocationRequest, Section

Json = dict[str, Any]
Interactive: TypeAlias = Buttons | ListMenu | LinkButton | LocationRequest | ContactInfoRequest | Form


def interactive_object(content: Interactive) -> Json:
    """The object that stands under `interactive`."""
    kind, action = _action(content)
    body: Json = {"type": kind}
    header, footer = getattr(content, "header", None), getattr(content, "footer", None)
    if header:
        body["header"] = {"type": "text", "text": header}
    body["body"] = {"text": content.body}
    if footer:
        body["footer"] = {"text": footer}
    body["action"] = action
    return body


def _action(content: Interactive) -> tuple[str, Json]:
    match content:
        case Buttons():
            replies = [{"id": button.id, "title": button.title} for button in content.buttons]
            return "button", {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}
        case ListMenu():
            return "list", {"button": content.button, "sections": [_section(section) for section in content.sections]}
        case LinkButton():
            parameters = {"display_text": content.label, "url": content.url}
            return "cta_url", {"name": "cta_url", "parameters": parameters}
        case LocationRequest():
            return "location_request_message", {"name": "send_location"}
        case ContactInfoRequest():
            return "request_contact_info", {"name": "request_contact_info"}
        case Form():
            return "flow", {"name": "flow", "parameters": _form(content)}


def _section(section: Section) -> Json:
    rows = [{"id": row.id, "title": row.title, **_given(description=row.description)} for row in section.rows]
    return {**_given(title=section.title), "rows": rows}


def _form(form: Form) -> Json:
    """With a first screen the form opens there; without one it asks its own server what to show."""
    parameters: Json = {
        "flow_message_version": "3",
        "flow_id": form.form_id,
        "flow_cta": form.label,
        **_given(flow_token=form.token),
        "mode": "published",
    }
    if not form.first_screen:
        return {**parameters, "flow_action": "data_exchange"}
    data = {"data": form.data} if form.data else {}
    return {**parameters, "flow_action": "navigate", "flow_action_payload": {"screen": form.first_screen, **data}}


def _given(**values: str | None) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}
