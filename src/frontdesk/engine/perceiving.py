"""Have a contact's file made out: within its size, its time and its money. What came of it is told by an event, in
vain or not, so that nobody waits for words that will not come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, Self

import msgspec
import structlog

from frontdesk.config.senses import SenseSection, SenseSettings
from frontdesk.core.effect import Perceive
from frontdesk.core.event import ModelCall, Sense, Usage
from frontdesk.core.money import nano_usd
from frontdesk.engine.budget import Budget
from frontdesk.engine.ladder import Limit
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.refused import Refused
from frontdesk.perception import WORDS_CHARACTERS_MAX, ContactFile, MadeOut, Perception
from frontdesk.ports import Claim, Clock, OutcomeUnknown, PermanentFailure, ProviderFailure

log = structlog.get_logger("frontdesk.perceiving")

ENOUGH_SECONDS = 1.0
"""With less left nobody is asked."""


class Perceiving:
    """Those who make out files, by what is needed. It opens and closes them."""

    def __init__(
        self,
        perceptions: Mapping[Sense, Perception],
        sections: Mapping[Sense, SenseSection],
        media: MediaFolder,
        clock: Clock,
        budget: Budget | None = None,
        limit: Limit = asyncio.wait_for,
        refused: Refused | None = None,
    ) -> None:
        self._refused = refused
        self._perceptions = perceptions
        self._settings = {sense: section.settings for sense, section in sections.items()}
        self._media = media
        self._clock = clock
        self._budget = budget
        self._limit = limit
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for perception in self._perceptions.values():
                await stack.enter_async_context(perception)
            self._opened = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._opened.aclose()

    async def perceive(self, claim: Claim, effect: Perceive) -> dict[str, Any]:
        """The fields of `Perceived`: the words, and what there is to tell of the call. Raises the three failures; they
        carry the call too."""
        perception, settings = self._perceptions.get(effect.sense), self._settings.get(effect.sense, SenseSettings())
        if perception is None:
            raise PermanentFailure(f"nobody makes out a {effect.sense} here", code="no_perception")
        seconds = min(settings.call_seconds, (effect.not_after - self._clock.now()).total_seconds())
        if seconds < ENOUGH_SECONDS:
            raise PermanentFailure("there was no time left to make out the file", code="deadline")
        body = await self._media.read(effect.stored_as, settings.bytes_max)
        if body is None:
            reason = f"the file is larger than {settings.bytes_max} bytes (bytes_max), or gone"
            raise PermanentFailure(reason, code="too_large")
        await self._reserve(claim, effect, settings)
        file = ContactFile(body=body, mime_type=effect.mime_type, sense=effect.sense)
        words, call = await self._ask(perception, file, settings, seconds)
        return {"message_id": effect.message_id, "sense": effect.sense, "words": words, "calls": (call,)}

    async def _ask(
        self, perception: Perception, file: ContactFile, settings: SenseSettings, seconds: float
    ) -> tuple[str, ModelCall]:
        began_at = self._clock.now()
        try:
            made_out = await self._limit(perception.perceive(file, within_seconds=seconds), timeout=seconds)
        except Exception as error:  # noqa: BLE001 -- a provider's bug may have cost something too, and is logged
            failure = _sorted(error, seconds)
            failure.calls = (self._call(file, settings, began_at, failure=failure),)
            if self._refused is not None:
                await self._refused.tell(f"[language_model.{_backend(file)}]", failure)
            raise failure from (None if failure is error else error)
        return made_out.words[:WORDS_CHARACTERS_MAX], self._call(file, settings, began_at, made_out=made_out)

    async def _reserve(self, claim: Claim, effect: Perceive, settings: SenseSettings) -> None:
        """Set the money aside. Raises PermanentFailure and TemporaryFailure where there is none."""
        if (
            self._budget is None
            or not self._budget.caps.are_set
            or (settings.cost_max and not nano_usd(settings.cost_max))
        ):
            return
        worst, hold = nano_usd(settings.cost_max), self._budget.hold(claim, f"perceive_{effect.sense}")
        if worst is None:
            reason = "nobody knows what making out a file costs, and there are caps; set cost_max of its section"
            await self._budget.unpriced(hold, f"making out a {effect.sense}", reason)
            raise PermanentFailure(reason, code="unknown_price")
        await self._budget.reserve(msgspec.structs.replace(hold, nano_usd=worst), worst, f"making out a {effect.sense}")

    def _call(
        self,
        file: ContactFile,
        settings: SenseSettings,
        began_at: datetime,
        *,
        made_out: MadeOut | None = None,
        failure: ProviderFailure | None = None,
    ) -> ModelCall:
        usage: Usage | None = made_out.usage if made_out else failure.usage if failure else None
        is_told = usage is not None and nano_usd(usage.cost_usd) is not None
        may_be_billed = made_out is not None or isinstance(failure, OutcomeUnknown) or usage is not None
        seconds = (self._clock.now() - began_at).total_seconds()
        return ModelCall(
            backend=_backend(file),
            model=made_out.model if made_out else "",
            code=(failure.code or "failed") if failure else "",
            reason=str(failure) if failure else "",
            seconds=seconds,
            usage=usage,
            task=f"perceive_{file.sense}",
            cost_usd="" if is_told or not may_be_billed else settings.cost_max,
            is_estimated=may_be_billed and not is_told,
            may_be_billed=may_be_billed,
        )


def _backend(file: ContactFile) -> str:
    return "voice" if file.sense == "voice" else "pictures"


def _sorted(error: Exception, seconds: float) -> ProviderFailure:
    """A provider's own bug too: what it asked may be billed."""
    if isinstance(error, ProviderFailure):
        return error
    if isinstance(error, TimeoutError):
        return OutcomeUnknown(f"nothing was made out within {seconds:.0f} s", code="timeout")
    log.error("making out a file broke", exc_info=error)
    return OutcomeUnknown(f"{type(error).__name__}: {error}", code="broken")


def not_made_out(effect: Perceive, failure: ProviderFailure) -> dict[str, Any]:
    """The same where nothing came of it."""
    told = {"message_id": effect.message_id, "sense": effect.sense, "failure": str(failure)}
    return {**told, "calls": failure.calls}
