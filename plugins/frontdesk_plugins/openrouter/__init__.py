"""Language models behind OpenRouter, and behind every server that speaks OpenAI's chat completions.

`request` says what is sent, `reply` and `errors` what comes back may mean, `connection` carries it, and `core.prompt`
words it. Streaming would bring nothing, for WhatsApp cannot show a half message, and a whole answer can still be taken
from another model when the first one fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import msgspec

from frontdesk.core.drafted import Unusable, read, without_thoughts
from frontdesk.core.event import Usage
from frontdesk.core.money import Most
from frontdesk.core.prompt import Line, Passage, Prompt, lines, repair, result_ids, shortened
from frontdesk.plugin import Providers, Tools, hookimpl
from frontdesk.ports import Completion, LanguageModel, TemporaryFailure
from frontdesk_plugins.openrouter.connection import Connection
from frontdesk_plugins.openrouter.options import PROFILES, Options, address, check_options
from frontdesk_plugins.openrouter.perception import OpenRouterPerception
from frontdesk_plugins.openrouter.price import most_of
from frontdesk_plugins.openrouter.reply import Reply, both, trouble
from frontdesk_plugins.openrouter.request import as_told, form_of, request_body

__all__ = ["OpenRouter", "Options", "register"]

REPAIR_SECONDS = 1.0
"""With less left, a reply that is not in the form asked for is not asked for again."""

MARGIN_TOKENS = 256
"""For what a server's template adds around each message."""


class OpenRouter:
    """A server with one model or several."""

    def __init__(self, name: str, options: Options, tools: Tools) -> None:
        where = "language_model" if name == "language_model" else f"language_model.fallbacks.{name}"
        check_options(where, options)
        self._options = options
        self._clock = tools.clock
        self._connection = Connection(address(where, options), options, tools)
        context = options.context_tokens or PROFILES[options.profile].context_tokens
        self._prompt_tokens = max(context - options.max_tokens - MARGIN_TOKENS, context // 4)

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        """See the port."""
        return await self.complete_with(self.models, prompt, passages, conversation_id, within_seconds)

    @property
    def models(self) -> tuple[str, ...]:
        """All that may be asked, the best first."""
        return (self._options.model, *self._options.fallback_models)

    def by_model(self) -> Mapping[str, LanguageModel]:
        """See `ports.HasModels`. Asked for one model, a router may still take those after it."""
        is_router = PROFILES[self._options.profile].is_router
        models = self.models
        return {model: _OneModel(self, models[place:] if is_router else (model,)) for place, model in enumerate(models)}

    def most(self, prompt: Prompt, passages: Sequence[Passage]) -> Most:
        """See `Priced`."""
        prompt, known = shortened(as_told(self._options, prompt), passages, self._prompt_tokens)
        return most_of(self._options, prompt, lines(prompt, known, form_of(self._options)))

    async def complete_with(
        self,
        models: Sequence[str],
        prompt: Prompt,
        passages: Sequence[Passage],
        conversation_id: str,
        within_seconds: float | None,
    ) -> Completion:
        """A completion by the first of `models`. Raises the three failures."""
        asking = _Asking(self._options, self._connection, models, conversation_id)
        seconds = self._options.timeout_seconds if within_seconds is None else within_seconds
        began_at = self._clock.now()
        prompt, known = shortened(as_told(self._options, prompt), passages, self._prompt_tokens)
        told = lines(prompt, known, form_of(self._options))
        reply = await asking.ask(prompt, told, seconds)
        try:
            return self._completion(reply, prompt, known)
        except Unusable as unusable:
            complaint = str(unusable)
        left = seconds - (self._clock.now() - began_at).total_seconds()
        if left < REPAIR_SECONDS:
            raise _unusable(complaint, reply.usage)
        told = (*told, *repair(without_thoughts(reply.text), complaint))
        repaired = await asking.ask(prompt, told, left, reply.usage)
        # Without a source still: the rules see to that, and no other model is asked to find one.
        prompt = msgspec.structs.replace(prompt, demands_sources=False)
        try:
            return self._completion(repaired, prompt, known)
        except Unusable as unusable:
            raise _unusable(str(unusable), repaired.usage) from unusable

    def _completion(self, reply: Reply, prompt: Prompt, passages: Sequence[Passage]) -> Completion:
        if reply.tools and prompt.tools:
            return Completion(text="", is_answer=False, wants=reply.tools[0], model=reply.model, usage=reply.usage)
        known = {*(passage.id for passage in passages), *result_ids(prompt.results)}
        drafted = read(reply.text, prompt, known, form_of(self._options))
        return Completion(
            text=drafted.text,
            is_answer=drafted.is_answer,
            hands_off=drafted.hands_off,
            sources=drafted.sources,
            model=reply.model,
            usage=reply.usage,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class _Asking:
    """The requests of one completion."""

    def __init__(self, options: Options, connection: Connection, models: Sequence[str], conversation_id: str) -> None:
        self._options = options
        self._connection = connection
        self._models = models
        self._conversation_id = conversation_id

    async def ask(self, prompt: Prompt, told: Sequence[Line], seconds: float, used: Usage | None = None) -> Reply:
        """One of them, whose reply has words in it. `used` before; a failure tells it too."""
        body = request_body(self._options, self._models, prompt, told, self._conversation_id)
        reply = await self._connection.post(body, seconds, used, has_others=len(self._models) > 1)
        reply = msgspec.structs.replace(reply, usage=both(used, reply.usage), model=reply.model or self._models[0])
        failure = trouble(reply, has_tools=bool(prompt.tools))
        if failure is not None:
            raise failure
        return reply


def _unusable(complaint: str, usage: Usage | None) -> TemporaryFailure:
    return TemporaryFailure(f"the answer was not in the form asked for: {complaint}", code="unusable", usage=usage)


class _OneModel:
    """The provider, asked for one of its models first."""

    def __init__(self, provider: OpenRouter, models: Sequence[str]) -> None:
        self._provider = provider
        self._models = models

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        """See the port."""
        return await self._provider.complete_with(self._models, prompt, passages, conversation_id, within_seconds)

    def most(self, prompt: Prompt, passages: Sequence[Passage]) -> Most:
        """See `Priced`."""
        return self._provider.most(prompt, passages)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


@hookimpl
def register(providers: Providers) -> None:
    """Offer `provider = "openrouter"`."""
    providers.language_model("openrouter", Options, OpenRouter)
    providers.perception("openrouter", Options, OpenRouterPerception)
