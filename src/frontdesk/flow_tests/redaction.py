"""Takes out of a recorded conversation what tells who it was: names, phone numbers, e-mail addresses, long numbers,
places. What is the same stays the same, so that the talk still makes sense and can be played.

Only the contact's own name is known. Other people whom somebody mentions are not found: a person has to look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

NAMES = ("Kim", "Doe")
"""What the words of the contact's name become; further ones are numbered."""

NAME_LETTERS_MIN = 2
DIGITS_MIN = 6
PHONE_DIGITS_MIN = 9
SAME_DIGITS = 9
"""Two spellings of a phone number end in so many equal digits."""

_PERSONAL = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?|\d{1,2}\.\d{1,2}\.\d{4})"
    r"|(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<phone>\+?\d(?:[\s().-]{0,2}\d){8,17})"
    r"|(?P<digits>\d{6,})"
)
_PART = re.compile(r"[^/?&=]+")
_NAME = re.compile(r"\w+")


class Redactor:
    """For one conversation."""

    def __init__(self, names: Iterable[str]) -> None:
        words = dict.fromkeys(word for name in names for word in _NAME.findall(name) if len(word) >= NAME_LETTERS_MIN)
        self._names = {
            word: NAMES[place] if place < len(NAMES) else f"Person{place + 1}" for place, word in enumerate(words)
        }
        self._written: dict[str, str] = dict(self._names)
        self._phones: dict[str, str] = {}
        self._emails: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._places: dict[str, str] = {}

    def name(self, name: str) -> str:
        """The contact's name, word by word."""
        return " ".join(self._names.get(word, word) for word in _NAME.findall(name)) if name else ""

    def heard(self, text: str) -> str:
        """What the contact wrote: their name is found in any spelling, and known in that one from now on."""
        by_folded = {word.casefold(): placeholder for word, placeholder in self._names.items()}
        for word in _NAME.findall(text):
            if word.casefold() in by_folded:
                self._written.setdefault(word, by_folded[word.casefold()])
        return self.text(text)

    def text(self, text: str) -> str:
        """Any other text."""
        text = _PERSONAL.sub(self._replaced, text)
        for place, placeholder in self._places.items():
            text = text.replace(place, placeholder)
        return _NAME.sub(lambda word: self._written.get(word[0], word[0]), text)

    def data(self, value: Any) -> Any:
        """Any texts in plain data."""
        match value:
            case str():
                return self.text(value)
            case list() | tuple():
                return [self.data(one) for one in value]
            case dict():
                return {key: self.data(one) for key, one in value.items()}
            case int() if not isinstance(value, bool) and abs(value) >= 10 ** (DIGITS_MIN - 1):
                return int(self._number(str(abs(value))))
            case _:
                return value

    def path(self, path: str) -> str:
        """A path and its query, part by part."""
        return _PART.sub(lambda part: quote(self.text(unquote(part[0])), safe=""), path)

    def place(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Somewhere else; and how the place is written, which is recognised from now on."""
        spelled = f"{latitude:g},{longitude:g}"
        number = float(len(self._places) + 1)
        known = self._places.setdefault(spelled, f"{number:g},{number:g}")
        self._places.setdefault(f"{latitude:g} {longitude:g}", known.replace(",", " "))
        latitude_now, longitude_now = known.split(",")
        return float(latitude_now), float(longitude_now)

    def _replaced(self, found: re.Match[str]) -> str:
        match found.lastgroup:
            case "email":
                return self._emails.setdefault(found[0].lower(), f"person{len(self._emails) + 1}@example.com")
            case "phone":
                return self._phone(found[0])
            case "digits":
                return self._number(found[0])
            case _:
                return found[0]

    def _phone(self, text: str) -> str:
        """A number that anybody can see is none, and that is read as one all the same."""
        digits = "".join(one for one in text if one.isdigit())
        known = self._phones.setdefault(digits[-SAME_DIGITS:], f"1202555{len(self._phones) + 101:04}")
        return f"+{known}" if text.startswith("+") or len(digits) <= SAME_DIGITS + 2 else known

    def _number(self, digits: str) -> str:
        """As long as it was."""
        return self._numbers.setdefault(digits, "9" + str(len(self._numbers) + 1).zfill(len(digits) - 1))
