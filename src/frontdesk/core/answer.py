"""What a contact answered, read as what was asked for: a number among words, a date, a photo, one of the options.

Forgiving where one meaning is left ("two of them, so 2 please" holds one number), strict where two are: `1,200` is a
number in one country and another in the next, so it is asked again. Values are plain data: texts, numbers; a date is
YYYY-MM-DD, a phone number +491711234567, a place "48.137,11.575", a file the id of its message.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TypeAlias

from msgspec import Struct

from frontdesk.core.calendar import read_date
from frontdesk.core.flow import Expected, ExpectedKind, Rules
from frontdesk.core.functions import number
from frontdesk.core.message import Choice, ContactCards, Content, FormAnswer, Location, Media, Text
from frontdesk.core.transcript import as_text
from frontdesk.core.value import TEXT_CHARACTERS_MAX, Value

_NUMBER = re.compile(r"(?<![\w.,])[+-]?\d{1,15}(?:[.,]\d{1,6})?(?![\w]|[.,]\d)")
_AMBIGUOUS = re.compile(r"[+-]?\d{1,3}[.,]\d{3}")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}")
_READ_CHARACTERS_MAX = 500
"""A number, an address or a date in a longer text is not an answer to a question for one."""

_FILES: dict[ExpectedKind, tuple[str, ...]] = {
    "image": ("image", "sticker"),
    "video": ("video",),
    "audio": ("audio",),
    "document": ("document",),
    "media": ("image", "video", "audio", "document", "sticker"),
}


class Misfit(Struct, frozen=True):
    """The answer is not what was asked for. `is_other_kind`: not even words, where words were asked for."""

    is_other_kind: bool = False


Reading: TypeAlias = "Value | Misfit"


def read_answer(expected: Expected, content: Content, *, message_id: str, rules: Rules, today: date) -> Reading:
    """What `content` says, as `expected.kind`; its tests and bounds of dates are the caller's."""
    kind = expected.kind
    if kind == "anything":
        return message_id if isinstance(content, Media) else as_text(content)[:TEXT_CHARACTERS_MAX]
    if kind in _FILES:
        is_one = isinstance(content, Media) and content.kind in _FILES[kind]
        return message_id if is_one else Misfit()
    if kind == "location":
        return _place(content) if isinstance(content, Location) else Misfit()
    if kind == "contact":
        return _card(content)
    text = _spoken(content)
    return Misfit(is_other_kind=True) if text is None else _read_text(expected, text, rules, today)


def _spoken(content: Content) -> str | None:
    """What was said in words."""
    match content:
        case Text(body=body):
            return body
        case Choice(title=title):
            return title
        case FormAnswer(answers=answers):
            return answers
        case _:
            return None


def _read_text(expected: Expected, text: str, rules: Rules, today: date) -> Reading:
    said = text.strip()
    match expected.kind:
        case "number":
            return _in_bounds(expected, _read_number(said))
        case "email":
            found = _EMAIL.findall(said[:_READ_CHARACTERS_MAX])
            return str(found[0]) if len(found) == 1 else Misfit()
        case "phone":
            return _read_phone(said[:_READ_CHARACTERS_MAX], rules.country)
        case "date":
            on = read_date(said, today, rules.date_order)
            return Misfit() if on is None else on.isoformat()
        case _:
            kept = said[:TEXT_CHARACTERS_MAX]
            return kept if kept and _is_within(expected, len(said)) else Misfit()


def _read_number(text: str) -> int | float | None:
    """The only number in the text; None where there is none, or several, or one that can be read in two ways."""
    plain = number(text)
    if isinstance(plain, int | float):
        return plain
    found = _NUMBER.findall(text[:_READ_CHARACTERS_MAX])
    if len(found) != 1 or _AMBIGUOUS.fullmatch(found[0]):
        return None
    read = number(found[0].replace(",", "."))
    return read if isinstance(read, int | float) else None


def _in_bounds(expected: Expected, value: float | None) -> Reading:
    if value is None or not _is_within(expected, value):
        return Misfit()
    if expected.is_whole:
        return int(value) if value == int(value) else Misfit()
    return value


def _is_within(expected: Expected, value: float) -> bool:
    return (expected.minimum is None or value >= expected.minimum) and (
        expected.maximum is None or value <= expected.maximum
    )


def _read_phone(text: str, country: str) -> Reading:
    import phonenumbers  # here, for its tables are large and most flows never ask for a number

    found = list(phonenumbers.PhoneNumberMatcher(text, country or None))
    if len(found) != 1:
        return Misfit()
    return str(phonenumbers.format_number(found[0].number, phonenumbers.PhoneNumberFormat.E164))


def _place(content: Location) -> str:
    return f"{content.latitude:g},{content.longitude:g}"


def _card(content: Content) -> Reading:
    if not isinstance(content, ContactCards) or not content.cards:
        return Misfit()
    card = content.cards[0]
    return " ".join(filter(None, (card.formatted_name, *card.phones)))[:TEXT_CHARACTERS_MAX] or Misfit()
