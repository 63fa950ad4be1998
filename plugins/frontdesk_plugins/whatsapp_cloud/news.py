"""News of the account as one sentence for people: templates, quality, limits, security, and what nobody knows yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from frontdesk.whatsapp.reading import UNREADABLE

_BAD_FOR_THE_ACCOUNT = {
    "ACCOUNT_DELETED",
    "ACCOUNT_OFFBOARDED",
    "ACCOUNT_RESTRICTION",
    "ACCOUNT_VIOLATION",
    "DISABLED_UPDATE",
    "PARTNER_APP_UNINSTALLED",
    "PARTNER_REMOVED",
}


def describe(field: str, raw: Raw) -> tuple[str, bool]:
    """What happened, and whether a person has to act."""
    value = _Words(raw)
    sentence = _SENTENCES.get(field)
    if sentence is None:
        return f"Meta sent news of the field {field}, which nothing here follows from.", False
    is_bad = field == "account_update" and value["event"] in _BAD_FOR_THE_ACCOUNT
    return sentence(value), is_bad or field in {"account_alerts", "security"}


class _Words:
    """A value's keys as text, nested ones joined; empty where there is nothing. News is only shown, never acted on."""

    def __init__(self, raw: Raw) -> None:
        try:
            self._value = msgspec.json.decode(raw, type=dict[str, Any])
        except UNREADABLE:
            self._value = {}

    def __getitem__(self, path: str) -> str:
        value: Any = self._value
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return _spoken(value)


def _spoken(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_spoken(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return "; ".join(map(_spoken, value))
    return "" if value is None else str(value)


def _told(sentence: str, *more: str) -> str:
    details = ", ".join(detail.rstrip(".") for detail in more if detail)
    return f"{sentence}: {details}." if details else f"{sentence}."


def _template(value: _Words) -> str:
    return f"Template {value['message_template_name']} ({value['message_template_language']})"


def _template_status(value: _Words) -> str:
    event = value["event"]
    if not event:
        before, after = value["previous_quality_score"], value["new_quality_score"]
        return f"{_template(value)} went from quality {before} to {after}."
    reason = "" if value["reason"] == "NONE" else value["reason"]
    more = (value["rejection_info"], value["other_info"], value["disable_info"])
    return _told(f"{_template(value)} is now {event}", reason, *more)


def _template_category(value: _Words) -> str:
    if value["correct_category"]:
        return f"{_template(value)} will be moved to category {value['correct_category']}; it may cost more."
    return f"{_template(value)} moved from {value['previous_category']} to {value['new_category']}; it may cost more."


def _account_update(value: _Words) -> str:
    details = ("restriction_info", "violation_info", "ban_info", "volume_tier_info", "waba_info")
    return _told(f"The account's state changed to {value['event']}", *(value[key] for key in details))


def _number_quality(value: _Words) -> str:
    limit = value["max_daily_conversations_per_business"] or value["current_limit"]
    return _told(f"Number {value['display_phone_number']} has news on its quality", value["event"], limit)


def _number_name(value: _Words) -> str:
    sentence = f"The name {value['requested_verified_name']} is {value['decision']}"
    return _told(sentence, value["rejection_reason"])


def _handover(value: _Words) -> str:
    kind = value["type"]
    return _told(
        f"A conversation with {value['sender.phone_number'] or 'a contact'} changed hands ({kind})",
        value[f"{kind}.new_owner_role"],
        value[f"{kind}.metadata"],
    )


_SENTENCES: Mapping[str, Callable[[_Words], str]] = {
    "message_template_status_update": _template_status,
    "message_template_quality_update": _template_status,
    "message_template_components_update": lambda value: f"{_template(value)} has new words or buttons.",
    "template_category_update": _template_category,
    "phone_number_quality_update": _number_quality,
    "phone_number_name_update": _number_name,
    "account_update": _account_update,
    "account_review_update": lambda value: _told("The account was reviewed", value["decision"]),
    "account_alerts": lambda value: _told("Meta warns about the account", value["alert_info"]),
    "business_capability_update": lambda value: _told(
        "The account's limits changed",
        value["max_daily_conversations_per_business"],
    ),
    "security": lambda value: _told(
        f"Number {value['display_phone_number']} had a change of security. If it was not you, act now",
        value["event"],
        value["requester"],
    ),
    "flows": lambda value: _told(f"Form {value['flow_id']} has news", value["event"], value["message"]),
    "business_username_update": lambda value: _told(
        "The business's username changed", value["username"], value["status"]
    ),
    "business_username_updates": lambda value: _told(
        "The business's username changed", value["username"], value["status"]
    ),
    "payment_configuration_update": lambda value: _told(
        f"Payment configuration {value['configuration_name']} changed", value["status"]
    ),
    "partner_solutions": lambda value: _told("A partner solution changed", value["event"], value["solution_status"]),
    "messaging_handovers": _handover,
    "smb_app_state_sync": lambda _: "The address book of the phone app changed; it is not used here.",
    "group_lifecycle_update": lambda value: _told("A group began or ended", value["groups"]),
    "group_participants_update": lambda value: _told("Somebody joined or left a group", value["groups"]),
    "group_settings_update": lambda value: _told("A group's settings changed", value["groups"]),
    "group_status_update": lambda value: _told("A group's state changed", value["groups"]),
}
