"""How good a search is: questions in customers' words, whose right passages somebody has named."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from frontdesk.core.prompt import Passage
from frontdesk.plugin import ConfigError

DEPTH = 5
"""Passages that are looked at: recall@5."""


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a customer asks. `sources`: ids of the passages that answer it; a heading or a file stands for all below."""

    question: Annotated[str, Meta(min_length=1)]
    sources: Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]


class Measured(Struct, frozen=True, kw_only=True):
    """One question. `found`: the ids of what came, the best first; `recall`: the share of its sources among them;
    `rank`: the place of the first that is right, 0 where none is."""

    question: str
    sources: tuple[str, ...]
    found: tuple[str, ...]
    recall: float
    rank: int


class Evaluation(Struct, frozen=True, kw_only=True):
    """All questions. `recall_at_5` and `mrr` (mean reciprocal rank) are means over them."""

    recall_at_5: float
    mrr: float
    questions: tuple[Measured, ...]


def read_questions(file: Path) -> list[Question]:
    """The questions of a YAML file. Raises ConfigError."""
    try:
        questions = msgspec.yaml.decode(file.read_bytes(), type=list[Question])
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}); name a file of questions") from error
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"{file} is no list of questions ({error}); write: - {{question: …, sources: [file.md#heading]}}"
        ) from error
    if not questions:
        raise ConfigError(f"{file} asks nothing; write: - {{question: …, sources: [file.md#heading]}}")
    return questions


async def evaluate(
    questions: Sequence[Question], search: Callable[[str, int], Awaitable[Sequence[Passage]]]
) -> Evaluation:
    """Ask every question. Raises what the search does."""
    measured: list[Measured] = []
    for one in questions:
        found = [passage.id for passage in await search(one.question, DEPTH)]
        right = [any(_is_in(known, source) for source in one.sources) for known in found]
        hit = sum(any(_is_in(known, source) for known in found) for source in one.sources)
        measured.append(
            Measured(
                question=one.question,
                sources=tuple(one.sources),
                found=tuple(found),
                recall=hit / len(one.sources),
                rank=right.index(True) + 1 if any(right) else 0,
            )
        )
    count = len(measured)
    return Evaluation(
        recall_at_5=sum(one.recall for one in measured) / count,
        mrr=sum(1 / one.rank for one in measured if one.rank) / count,
        questions=tuple(measured),
    )


def _is_in(passage: str, source: str) -> bool:
    """Whether a passage is the one that is meant, or stands below it, or goes on with it."""
    rest = passage.removeprefix(source)
    return passage.startswith(source) and (not rest or rest[0] in "#/" or (rest[0] == "." and rest[1:].isdigit()))
