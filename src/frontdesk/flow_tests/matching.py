"""Whether what the bot said is what a line of the talk expects."""

from __future__ import annotations

import re
from collections.abc import Iterator

from frontdesk.core.message import (
    Buttons,
    Choice,
    ContactCards,
    Content,
    LinkButton,
    ListMenu,
    Location,
    Media,
    Template,
    Text,
)
from frontdesk.core.transcript import as_text
from frontdesk.flow_tests.document import SaidPart

Offered = tuple[tuple[str, str], ...]
"""What can be tapped: the id and the title of each, in order."""


def words_of(content: Content) -> str:
    """The words of a message without what can be tapped below them; of one without words, what a person would call
    it."""
    match content:
        case Text() | Buttons() | ListMenu() | LinkButton():
            return content.body
        case Media(caption=str() as caption) if caption:
            return caption
        case _:
            return as_text(content)


def kind_of_content(content: Content) -> str:
    """What a test file calls it."""
    match content:
        case Buttons():
            return "buttons"
        case ListMenu():
            return "list"
        case LinkButton():
            return "link"
        case Media():
            return content.kind
        case Template():
            return "template"
        case Location():
            return "location"
        case ContactCards():
            return "contact"
        case _:
            return "text" if isinstance(content, Text) else str(content.__struct_config__.tag)


def offered(content: Content) -> Offered:
    """What can be tapped in a message."""
    match content:
        case Buttons(buttons=buttons):
            return tuple((button.id, button.title) for button in buttons)
        case ListMenu(sections=sections):
            return tuple((row.id, row.title) for section in sections for row in section.rows)
        case _:
            return ()


def tapped(content: Content, known_id: str, title: str) -> Choice:
    """What comes back when it is tapped."""
    return Choice(id=known_id, title=title, kind="list" if isinstance(content, ListMenu) else "button")


def fits_text(expected: str | SaidPart, text: str) -> bool:
    """Whether a text alone is as expected."""
    return not any(_misfits(expected, (text,)))


def fits(expected: str | SaidPart, content: Content) -> bool:
    """Whether the message is as expected."""
    if any(_misfits(expected, (words_of(content), as_text(content)))):
        return False
    if isinstance(expected, str):
        return True
    if expected.kind is not None and expected.kind != kind_of_content(content):
        return False
    titles = [title for _, title in offered(content)]
    return expected.options is None or [str(one) for one in expected.options] == titles


def _misfits(expected: str | SaidPart, texts: tuple[str, ...]) -> Iterator[bool]:
    """Whether none of the texts is as expected, for each thing that is."""
    if isinstance(expected, str):
        yield all(_same(text) != _same(expected) for text in texts)
        return
    if expected.text is not None:
        yield all(_same(text) != _same(expected.text) for text in texts)
    if expected.contains is not None:
        yield all(expected.contains.casefold() not in text.casefold() for text in texts)
    if expected.matches is not None:
        pattern = ".*".join(map(re.escape, expected.matches.strip().casefold().split("*")))
        yield all(re.fullmatch(pattern, text.strip().casefold(), re.DOTALL) is None for text in texts)


def _same(text: str) -> str:
    """Without what a block of YAML adds at the end of lines."""
    return "\n".join(line.rstrip() for line in text.strip().split("\n"))


def described(expected: str | SaidPart) -> str:
    """An expectation in one line."""
    if isinstance(expected, str):
        return str(expected).strip()
    told = [
        f"{key}: {', '.join(value) if isinstance(value, list) else value}"
        for key in ("text", "contains", "matches", "kind", "options")
        if (value := getattr(expected, key)) is not None
    ]
    return "{" + "; ".join(told) + "}"


def shown(content: Content) -> str:
    """A message in one line, with what can be tapped."""
    titles = [title for _, title in offered(content)]
    return f"{words_of(content)} [{' | '.join(titles)}]" if titles else words_of(content)
