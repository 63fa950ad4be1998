"""A language model without a language model: deterministic and offline. It answers with the sentences of the best
passage that share the question's words, and admits when no passage matches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Self

from msgspec import Meta, Struct

from frontdesk.core.event import Usage
from frontdesk.core.money import Most
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.plugin import Providers, Tools, hookimpl
from frontdesk.ports import Completion

_WORD = re.compile(r"\w{3,}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*\n|\n(?=\s*[-*|#>])")
STEM = 5
"""Characters that two forms of a word share ("deliver", "delivery")."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options under `[language_model]`."""

    sentences_max: Annotated[int, Meta(ge=1, description="Sentences in an answer.")] = 3


class StubModel:
    """See the module."""

    def __init__(self, sentences_max: int) -> None:
        self._sentences_max = sentences_max

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",  # noqa: ARG002 -- it tells nobody apart
        within_seconds: float | None = None,  # noqa: ARG002 -- it never waits
    ) -> Completion:
        """See the port. It neither chooses nor summarises."""
        if prompt.task != "answer":
            return Completion(text="", is_answer=False, model="stub")
        best = next((passage for passage in passages if passage.text.strip()), None)
        if best is None:
            return Completion(text="", is_answer=False, model="stub")
        text = " ".join(_matching(best, _stems(prompt.question), self._sentences_max))
        usage = Usage(tokens_in=len(prompt.question.split()), tokens_out=len(text.split()))
        return Completion(text=text, model="stub", usage=usage, sources=(best.id,))

    def most(self, _prompt: Prompt, _passages: Sequence[Passage]) -> Most:
        """See `Priced`: it costs nothing."""
        return Most(tokens_in=0, tokens_out=0, price_in="0", price_out="0")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in _WORD.findall(text.casefold())}


def _matching(passage: Passage, wanted: set[str], limit: int) -> list[str]:
    """The sentences with the most of the wanted words, in the order of the passage; the first ones on a tie."""
    sentences = [" ".join(sentence.split()) for sentence in _SENTENCE.split(passage.text) if sentence.strip()]
    ranked = sorted(range(len(sentences)), key=lambda place: (-len(wanted & _stems(sentences[place])), place))
    return [sentences[place] for place in sorted(ranked[:limit])]


def _build(_name: str, options: Options, _tools: Tools) -> StubModel:
    return StubModel(options.sentences_max)


@hookimpl
def register(providers: Providers) -> None:
    """Offer the model."""
    providers.language_model("stub_model", Options, _build)
