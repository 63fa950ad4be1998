"""The flow language's smallest pieces: what expressions and wordings are cut into, and where a reader went wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct

SCOPES = ("contact", "conversation", "flow", "message")
LITERAL_CHARACTERS_MAX = 1_000
NUMBER_MAX = 2**53  # up to here every whole number is exact, as a float too

_PIECE = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    |(?P<name>[^\W\d]\w*(?:\.\w+)*)
    |(?P<number>[0-9]{1,30}(?:\.[0-9]{1,30})?(?![\w.]))
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<sign>==|!=|<=|>=|\*\*|//|&&|\|\||\}\}|[-+*/%<>()\[\],|=!])""",
    re.VERBOSE,
)
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*\.[A-Za-z][A-Za-z0-9_]*")
_NOT_IN_LITERALS = re.compile(r"[\\\x00-\x1f\x7f\ud800-\udfff]")


class Token(Struct, frozen=True):
    """One piece, as it is written, and how many characters stand before it."""

    kind: Literal["name", "number", "text", "sign"]
    text: str
    at: int

    @property
    def end(self) -> int:
        """Where the next one may begin."""
        return self.at + len(self.text)

    @property
    def literal(self) -> str | int | float:
        """What a number or a text in quotes means; of others, what is written."""
        if self.kind == "number":
            return float(self.text) if "." in self.text else int(self.text)
        return self.text[1:-1] if self.kind == "text" else self.text


class Misread(ValueError):
    """The author's text cannot be read: a sentence with the cure, and how many characters stand before the place."""

    def __init__(self, sentence: str, at: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.at = at


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The pieces from `start` on, blanks left out. Raises Misread on reaching what is none."""
    at = start
    while at < len(text):
        found = _PIECE.match(text, at)
        if found is None:
            raise Misread(_nothing_known(text[at]), at)
        if found.lastgroup != "blank":
            token = Token(found.lastgroup, found[0], at)  # type: ignore[arg-type]  # the groups are the kinds
            check_literal(token)
            yield token
        at = found.end()


def check_literal(token: Token) -> None:
    """No escapes: what a text is can be seen, and no reader after us finds another meaning in it."""
    if isinstance(token.literal, int | float) and token.literal > NUMBER_MAX:
        raise Misread(f"The number is too large; the largest is {NUMBER_MAX}.", token.at)
    if token.kind != "text":
        return
    if len(token.text) > LITERAL_CHARACTERS_MAX + 2:
        raise Misread(f"The text in quotes is too long; at most {LITERAL_CHARACTERS_MAX} characters fit.", token.at)
    foreign = _NOT_IN_LITERALS.search(token.text)
    if foreign:
        cure = "use the other kind of quotes to have quotes in it, and no backslash, line break or control character"
        raise Misread(f"The text in quotes holds a character that it cannot: {cure}.", token.at + foreign.start())


def variable(token: Token) -> str:
    """The name, if it is `scope.name`; else raises Misread."""
    if _VARIABLE.fullmatch(token.text) and token.text.split(".")[0] in SCOPES:
        return token.text
    shown = token.text[:40]
    scope, _, rest = shown.partition(".")
    if not rest:
        raise Misread(f"“{shown}” is not known; a variable is written with its scope, such as flow.{scope}.", token.at)
    if scope not in SCOPES:
        raise Misread(f"There is no scope “{scope}”{nearest(scope, SCOPES)}.", token.at)
    cure = "write a scope, one dot and a name of the letters a-z, digits and _, such as flow.count"
    raise Misread(f"“{shown}” is no variable; {cure}.", token.at)


def nearest(unknown: str, known: Iterable[str]) -> str:
    """The cure for a name that is not known: the one that was meant, or all there are."""
    names = sorted(known)
    near = difflib.get_close_matches(unknown[:40].lower(), names, 1)
    return f"; did you mean {near[0]}" if near else f"; there are {', '.join(names)}"


def _nothing_known(character: str) -> str:
    if character in "\"'":
        return "The text that begins here has no closing quote; add it."
    if character.isdigit():
        return "This is no number that can be read; write digits, and at most one point between them."
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return f"“{shown}” has no meaning here; take it out, or put it in quotes if it is text."
