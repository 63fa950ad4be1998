"""A post as MSG91 filled in the operator's template: JSON, more or less, in which strings hold more JSON.

Numbers are kept as they were written. Whether MSG91 escapes what it puts between the template's quotation marks is
nowhere said: line breaks are taken as they are, and a name that comes twice is refused, for somebody could have
written the second one into a message to be taken for somebody else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

Post = dict[str, Any]

_EMPTY_WORDS = {"", "null", "undefined", "None", "-"}
_UNFILLED = re.compile(r"\{\{\s*\w+\s*\}\}")


class Unreadable(ValueError):
    """Nothing can be made of a body, for the reason given."""


def read_posts(body: bytes, content_type: str = "") -> list[Any]:
    """The posts in a body: an object, a list of them, either under `data` or `entry` (alone, or with words about the
    delivery beside it), or a form that holds one. What stands between them in a list comes along as it is. Raises
    Unreadable."""
    text = body.decode("utf-8-sig", "replace").strip()
    if "form-urlencoded" in content_type or text.startswith(("data=", "payload=")):
        form = parse_qs(text, max_num_fields=100)
        text = next((form[key][0] for key in ("payload", "data") if key in form), "")
    found = _parse(text)
    if isinstance(found, dict):
        found = _unwrapped(found)
    posts = found if isinstance(found, list) else [found]
    if not any(is_post(post) for post in posts):
        raise Unreadable("it holds no JSON object")
    return posts


# {"data": [{"customerNumber": "…", …}], "ok": 1}
def _unwrapped(found: Post) -> Any:
    """What is in a wrapper. Beside other keys only a list of posts is taken for one: an object may be the operator's
    own way to write a post, to be walked into by the map."""
    key = next((name for name in ("data", "entry") if name in found), "")
    inside = found.get(key)
    if key and len(found) == 1:
        return _parse(inside) if isinstance(inside, str) else inside
    return inside if isinstance(inside, list) and any(is_post(post) for post in inside) else found


def is_post(value: Any) -> bool:
    """Whether there is something to read in it."""
    return isinstance(value, dict) and bool(value)


def _parse(text: str) -> Any:
    try:
        return _loads(text)
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no JSON ({type(error).__name__})") from error


def _loads(text: str) -> Any:
    """Strict but for line breaks and tabs inside strings; numbers stay text, half characters become U+FFFD."""
    return json.loads(
        text, strict=False, parse_int=str, parse_float=str, parse_constant=_nothing, object_pairs_hook=_object
    )


def _nothing(_: str) -> None:
    return None


def _object(pairs: list[tuple[str, Any]]) -> Post:
    found = {_whole(key): _clean(value) for key, value in pairs}
    if len(found) < len(pairs):
        raise Unreadable("a name comes twice in it")
    return found


def _clean(value: Any) -> Any:
    match value:
        case str():
            return _whole(value)
        case list():
            return [_clean(one) for one in value]
        case _:
            return value


def _whole(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class Fields:
    """One post, to be asked by paths."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self._opened: dict[str, Any] = {}

    def first(self, paths: Sequence[str]) -> str:
        """The first word that one of the paths leads to; "" where none does. At the top of a post the words with which
        MSG91 says nothing count as nothing; further in they are what a contact wrote."""
        for path in paths:
            found = self._walk(path)
            if isinstance(found, str) and found and ("." in path or not is_nothing(found)):
                return found
        return ""

    def written(self, paths: Sequence[str]) -> str:
        """As `first`, for a post that says itself that there is something: a contact may write "-" or "null"."""
        found = (self.post.get(path) for path in paths if "." not in path)
        words = (word for word in found if isinstance(word, str) and word and not _UNFILLED.fullmatch(word.strip()))
        return self.first(paths) or next(words, "")

    def part(self, *paths: str) -> Post | None:
        """The first object that one of the paths leads to."""
        found = (self._open(self._walk(path)) for path in paths)
        return next((part for part in found if isinstance(part, dict) and part), None)

    def has(self, *names: str) -> bool:
        """Whether the post has something under one of these names."""
        return any(value is not None and not (isinstance(value, str) and is_nothing(value))
                   for value in map(self.post.get, names))  # fmt: skip

    def _walk(self, path: str) -> Any:
        found: Any = self.post
        for key in path.split("."):
            found = self._open(found)
            if isinstance(found, list):
                found = (
                    found[int(key)]
                    if key.isascii() and key.isdecimal() and len(key) < 4 and int(key) < len(found)
                    else None
                )
            elif isinstance(found, dict):
                found = found if key == "0" and key not in found else found.get(key)
            else:
                return None
        return found

    def _open(self, value: Any) -> Any:
        """JSON in a string as what it holds, everything else as it is."""
        if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
            return value
        if value not in self._opened:
            try:
                self._opened[value] = _loads(value)
            except (ValueError, RecursionError):
                self._opened[value] = None
        return self._opened[value]


def is_nothing(word: str) -> bool:
    """Whether a word at the top of a post stands for nothing: empty, `null` in some spelling, or not filled in."""
    return word.strip() in _EMPTY_WORDS or _UNFILLED.fullmatch(word.strip()) is not None


def digits(number: str) -> str:
    """A phone number as MSG91 wants it and as it is kept: country code and digits."""
    return "".join(letter for letter in number if "0" <= letter <= "9")
