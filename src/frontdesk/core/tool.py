"""What a language model may ask to be done, as data; `core.arguments` reads its words, `core.tooling` has the rules.

A model names a tool and gives arguments; whom it concerns it never says. What a tool does is bound to the contact of
the conversation by the author's own `contact.…` variables, so an id that the model names reaches nothing but the place
of an argument, as data.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

SEARCH = "search_knowledge"
"""The tool that is always there: look for other words in the business's files."""

CALLS_MAX = 4
"""Of one answer, those included that were refused."""

CALLS_A_MESSAGE_MAX = 12
"""Of all answers, in whatever flows, until the contact writes again."""

ARGUMENTS_CHARACTERS_MAX = 4_000
NAME_CHARACTERS_MAX = 60
ArgumentKind = Literal["text", "number", "yes_no", "date"]


class Argument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a tool is given. `longest` in characters, of texts; `choices`: the only texts that fit, where there are
    some."""

    name: str
    kind: ArgumentKind = "text"
    description: str = ""
    longest: int = 200
    choices: tuple[str, ...] = ()


class ToolOffered(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tool as a model sees it."""

    name: str
    description: str
    arguments: tuple[Argument, ...] = ()


class ToolCall(Struct, frozen=True, kw_only=True):
    """What a model asked for: any name, and any text where a JSON object of arguments should be."""

    name: str
    arguments: str = ""


class ToolResult(Struct, frozen=True, kw_only=True):
    """What came of a call, as data for the model."""

    tool: str
    text: str


SEARCH_OFFERED = ToolOffered(
    name=SEARCH,
    description="Looks for other words in the business's files, where the passages do not hold the answer.",
    arguments=(Argument(name="query", description="A few words to look for."),),
)


class Tooling(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an `answer` step has come to: since when the contact waits for it, what tools gave back, what else is looked
    for, how many calls were made, and the `tool` that is under way or waits for a tap. `has_erred`: one call was
    refused already."""

    since: datetime
    results: tuple[ToolResult, ...] = ()
    queries: tuple[str, ...] = ()
    calls: int = 0
    tool: str = ""
    has_erred: bool = False
