"""The date that a contact means: `24.12.`, `24 Dec 2026`, `12/24`, `tomorrow`, `on friday`.

Digits of every script, month and day names of a few languages. A date without a year is the next one; a year of two
digits is of this century. Nothing is guessed: what can be read in two ways is read in the order that the business
set, and what is no date is None.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal

from frontdesk.core.letters import fold, words

TEXT_CHARACTERS_MAX = 100

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_NUMERIC = re.compile(r"(?<!\d)(\d{1,2})[./-](\d{1,2})(?:[./-](\d{4}|\d{2}))?(?!\d)")

_TODAY = {"today", "aaj", "आज", "heute", "hoy", "hoje", "aujourdhui"}
_TOMORROW = {"tomorrow", "tmrw", "morgen", "manana", "amanha", "demain"}
_DAYS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "monday mon montag lunes segunda lundi सोमवार",
        "tuesday tue tues dienstag martes terca mardi मंगलवार",
        "wednesday wed mittwoch miercoles quarta mercredi बुधवार",
        "thursday thu thur thurs donnerstag jueves quinta jeudi गुरुवार",
        "friday fri freitag viernes sexta vendredi शुक्रवार",
        "saturday sat samstag sonnabend sabado samedi शनिवार",
        "sunday sun sonntag domingo dimanche रविवार",
    )
)
_MONTHS: tuple[frozenset[str], ...] = tuple(
    frozenset(names.split())
    for names in (
        "january jan januar enero janeiro janvier जनवरी",
        "february feb februar febrero fevereiro fevrier फरवरी",
        "march mar marz marzo marco mars मार्च",
        "april apr abril avril अप्रैल",
        "may mai mayo maio मई",
        "june jun juni junio junho juin जून",
        "july jul juli julio julho juillet जुलाई",
        "august aug agosto aout अगस्त",
        "september sep sept septiembre setembro septembre सितंबर",
        "october oct oktober okt octubre outubro octobre अक्टूबर",
        "november nov noviembre novembro novembre नवंबर",
        "december dec dezember dez diciembre dezembro decembre दिसंबर",
    )
)


def _numbered(rows: tuple[frozenset[str], ...], first: int) -> dict[str, int]:
    return {fold(name): number for number, names in enumerate(rows, first) for name in names}


_DAY_NUMBERS = _numbered(_DAYS, 0)
_MONTH_NUMBERS = _numbered(_MONTHS, 1)
_TODAY_FOLDED = {fold(word) for word in _TODAY}
_TOMORROW_FOLDED = {fold(word) for word in _TOMORROW}


def read_date(text: str, today: date, order: Literal["DMY", "MDY"]) -> date | None:
    """The one date that the text names, seen from `today`; None if it names none, or more than one."""
    said = text[:TEXT_CHARACTERS_MAX]
    for reading in (_iso(said), _numeric(said, today, order)):
        if reading is not None:
            return reading
    spoken = words(fold(said))
    return _relative(spoken, today) or _named(spoken, today)


def _iso(text: str) -> date | None:
    found = _ISO.findall(text)
    return _made(*(int(part) for part in found[0])) if len(found) == 1 else None


def _numeric(text: str, today: date, order: Literal["DMY", "MDY"]) -> date | None:
    found = _NUMERIC.findall(text)
    if len(found) != 1 or _ISO.search(text):
        return None
    first, second, year = found[0]
    day, month = (int(first), int(second)) if order == "DMY" else (int(second), int(first))
    if month > 12 >= day:  # 12/24 cannot be meant in the other order
        day, month = month, day
    return _next(day, month, year, today)


def _relative(spoken: tuple[str, ...], today: date) -> date | None:
    said = set(spoken)
    if "day after tomorrow" in " ".join(spoken) or "ubermorgen" in said:
        return today + timedelta(days=2)
    if said & _TOMORROW_FOLDED:
        return today + timedelta(days=1)
    if said & _TODAY_FOLDED:
        return today
    days = {_DAY_NUMBERS[word] for word in spoken if word in _DAY_NUMBERS}
    if len(days) != 1 or any(word.isdigit() for word in spoken):
        return None
    return today + timedelta(days=(days.pop() - today.weekday()) % 7 or 7)


def _named(spoken: tuple[str, ...], today: date) -> date | None:
    """`24 december 2026`, `december 24th`."""
    months = [_MONTH_NUMBERS[word] for word in spoken if word in _MONTH_NUMBERS]
    numbers = [re.sub(r"(?<=\d)(st|nd|rd|th|er)$", "", word) for word in spoken if word[0].isdigit()]
    if len(months) != 1 or not all(number.isdecimal() and len(number) <= 4 for number in numbers):
        return None
    years = [number for number in numbers if len(number) == 4]
    days = [number for number in numbers if len(number) <= 2]
    if len(days) != 1 or len(years) > 1 or len(years) + len(days) != len(numbers):
        return None
    return _next(int(days[0]), months[0], years[0] if years else "", today)


def _next(day: int, month: int, year: str, today: date) -> date | None:
    if year:
        return _made(int(year) + (2000 if len(year) == 2 else 0), month, day)
    made = [_made(today.year + later, month, day) for later in range(9)]  # the next 29th of February may be far
    return next((one for one in made if one is not None and one >= today), None)


def _made(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
