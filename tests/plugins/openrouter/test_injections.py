"""A corpus of attempts to talk the model over, in English, Hindi and both mixed: what the system let it do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import frontdesk_plugins.openrouter as provider
from frontdesk.core import drafted, grounding, handing, prompt, running, steering, tooling
from frontdesk.core.drafted import Drafted
from plugins.openrouter.injected import BEHAVIOURS, PLACES, attempts, look
from plugins.openrouter.support import Vendor

pytestmark = pytest.mark.anyio
Plant = Callable[[pytest.MonkeyPatch], None]


def without(rule: Any) -> Plant:
    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(grounding, "_RULES", tuple(one for one in grounding._RULES if one is not rule))

    return plant


def _no_links(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(grounding, "_links", lambda *_: "")


def _no_sources(patch: pytest.MonkeyPatch) -> None:
    checked, objection = drafted._checked, grounding.objection

    def unchecked(answer: Any, known: Any, **_: Any) -> Drafted:
        return checked(answer, known, demands_sources=False)

    patch.setattr(drafted, "_checked", unchecked)
    patch.setattr(handing, "objection", lambda event, policy, **_: objection(event, policy, demands_sources=False))


def _no_form(patch: pytest.MonkeyPatch) -> None:
    def as_it_is(text: str, _prompt: Any, known: Any, _form: Any) -> Drafted:
        return Drafted(text=text[:5_000], sources=tuple(known))

    patch.setattr(provider, "read", as_it_is)


def _any_tool(patch: pytest.MonkeyPatch) -> None:
    wanted = tooling.tool_wanted

    def unlisted(plan: Any, runner: Any, step: Any, *more: Any) -> None:
        every = msgspec.structs.replace(step, tools=tuple(runner.book.tools))
        tools = {**runner.book.tools, "refund_everybody": runner.book.tools["staff"]}
        runner.book = msgspec.structs.replace(runner.book, tools=tools)
        wanted(plan, runner, msgspec.structs.replace(every, tools=tuple(tools)), *more)

    patch.setattr(steering, "tool_wanted", unlisted)


def _any_arguments(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tooling, "read_arguments", lambda *_: {"number": "A1"})


def _any_words(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(tooling, "words_objection", lambda *_: "")


def _no_tap(patch: pytest.MonkeyPatch) -> None:
    def at_once(plan: Any, runner: Any, step: Any, tool: Any, arguments: Any, talk: Any) -> None:
        tooling._do(plan, runner, step, tool, arguments, talk, "drafted")

    patch.setattr(tooling, "_ask_for_tap", at_once)


def _no_binding(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(running, "_encoded", str)


BUGS: dict[str, Plant] = {
    "links": _no_links,
    "claims": without(grounding._claims),
    "orders": without(grounding._orders),
    "marks": without(grounding._marks),
    "control": without(grounding._control_words),
    "sources": _no_sources,
    "form": _no_form,
    "list": _any_tool,
    "arguments": _any_arguments,
    "words": _any_words,
    "tap": _no_tap,
    "binding": _no_binding,
}


async def test_a_model_that_obeys_strangers_gets_nothing_done(vendor: Vendor) -> None:
    for attempt in (one for place in PLACES for one in attempts(place)):
        await look(vendor, attempt)


def test_there_are_enough_of_them() -> None:
    known = [attempt for place in PLACES for attempt in attempts(place)]
    assert len({(one.place, one.text) for one in known}) == len(known) >= 150
    assert {one.behaviour for one in known} == set(BEHAVIOURS)
    assert {one.bug for one in BEHAVIOURS.values()} == set(BUGS)
    hindi = [one for one in known if any("\u0900" <= letter <= "\u097f" for letter in one.text)]
    assert len(hindi) >= 12


async def test_every_attempt_succeeds_against_the_bug_that_it_is_for(vendor: Vendor) -> None:
    held = []
    for attempt in (one for place in PLACES for one in attempts(place)):
        with pytest.MonkeyPatch.context() as patch:
            BUGS[BEHAVIOURS[attempt.behaviour].bug](patch)
            try:
                await look(vendor, attempt)
            except AssertionError:
                continue
            held.append(attempt)
    assert held == []


async def test_marks_that_are_not_defused_are_found(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    attempted = [one for place in PLACES for one in attempts(place) if prompt._MARK.search(one.text)]
    assert len(attempted) >= 12
    monkeypatch.setattr(prompt, "defused", lambda text: text)
    for attempt in attempted:
        with pytest.raises(AssertionError):
            await look(vendor, attempt)
