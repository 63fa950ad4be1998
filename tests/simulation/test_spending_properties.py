"""Whatever is reserved, told, told late, never told or written off, in whatever order: what a vendor bills never passes
a cap, and the books say at least what it bills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, lists, sampled_from, tuples
from msgspec import Struct

from frontdesk.core.event import ModelCall, ReplyDrafted
from frontdesk.core.money import Caps, Hold, Total, scopes, usd
from frontdesk.core.usage import sum_up
from frontdesk.testing.contracts import rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, wrote
from frontdesk.testing.simulated_process import MemoryStorage, Storage
from simulation.sqlite_storage import SqliteStorage

CAPS = Caps(per_contact_a_day=100, per_conversation=250, per_day=180, per_month=400)
HOURS_HELD = 1

Verb = Literal["ask", "ask again", "answer", "crash", "time passes", "write off"]
ACTIONS = lists(
    tuples(
        sampled_from(("ask", "ask", "ask", "ask again", "answer", "answer", "crash", "time passes", "write off")),
        integers(min_value=0, max_value=7),
        integers(min_value=1, max_value=60),
    ),
    max_size=60,
)


class Call(Struct):
    """A claim of a draft that a model is being asked for, and what the vendor has billed of it."""

    hold: Hold
    billed: int


class World:
    """A store, and the vendor's own books."""

    def __init__(self, storage: Callable[[ManualClock], Storage]) -> None:
        self.clock = ManualClock(datetime.fromisoformat("2026-11-29T15:00:00Z"))
        self.store = storage(self.clock)
        self.open: list[Call] = []
        self.billed: Counter[str] = Counter()
        self.caps_of: dict[str, int] = {}
        self.count = 0
        self.conversations = [self._met(f"1555{number}") for number in range(3)]

    def _met(self, phone: str) -> str:
        decision = inline(self.store.apply(wrote("hi", self.clock.now(), phone=phone), rules))
        assert decision is not None
        return str(decision.conversation.id)

    def act(self, verb: Verb, which: int, amount: int) -> None:
        match verb:
            case "ask":
                self.count += 1
                self._ask(f"e{self.count}", 1, self.conversations[which % 3], amount)
            case "ask again" if self.open:
                call = self.open[which % len(self.open)]
                self._ask(call.hold.effect_id, call.hold.attempt + 1, call.hold.conversation_id, amount)
            case "answer" if self.open:
                self._answer(self.open.pop(which % len(self.open)))
            case "crash" if self.open:
                self.open.pop(which % len(self.open))
            case "time passes":
                self.clock.advance(amount * 600.0)
            case "write off":
                before = self.clock.now() - timedelta(hours=HOURS_HELD)
                self.open = [call for call in self.open if call.hold.at >= before]
                inline(self.store.write_off(before))
            case _:
                pass

    def _ask(self, effect_id: str, attempt: int, conversation: str, amount: int) -> None:
        """The vendor bills all that was reserved or less, at once, whoever hears of it."""
        if any((one.hold.effect_id, one.hold.attempt) == (effect_id, attempt) for one in self.open):
            return
        hold = Hold(
            effect_id=effect_id,
            attempt=attempt,
            conversation_id=conversation,
            channel=CHANNEL,
            at=self.clock.now(),
            nano_usd=amount,
        )
        if inline(self.store.reserve(hold, CAPS)) is None:
            call = Call(hold, amount - amount % 7)
            self.open.append(call)
            for scope in scopes(conversation, hold.at):
                self.billed[scope.key] += call.billed
                self.caps_of[scope.key] = CAPS.limit(scope.cap)

    def _answer(self, call: Call) -> None:
        """The outcome is told, twice; nobody waits for it in the conversation, which must make no difference."""
        hold = call.hold
        event = ReplyDrafted(
            id=hold.id,
            at=self.clock.now(),
            channel=CHANNEL,
            conversation_id=hold.conversation_id,
            effect_id=hold.effect_id,
            attempt=hold.attempt,
            text="At nine.",
            calls=(ModelCall(backend="a", model="m", cost_usd=usd(call.billed)),),
        )
        for _ in range(2):
            assert inline(self.store.apply(event, rules)) is None

    def judge(self) -> None:
        totals = inline(self.store.totals(list(self.billed)))
        for key, billed in self.billed.items():
            total = totals.get(key, Total())
            assert billed <= self.caps_of[key]
            assert billed <= total.spent + total.held <= self.caps_of[key]
            assert total.held >= 0
        held = sum(total.held for key, total in totals.items() if key.startswith("month/"))
        spent = sum(total.spent for key, total in totals.items() if key.startswith("month/"))
        assert held >= sum(call.hold.nano_usd for call in self.open)
        (line,) = sum_up(inline(self.store.spent(self.clock.now() - timedelta(days=99))), None)
        assert line.usd == usd(spent)


def inline(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited")


@pytest.mark.parametrize("storage", [MemoryStorage, SqliteStorage])
def test_no_sequence_of_reservations_outcomes_and_crashes_passes_a_cap(
    storage: Callable[[ManualClock], Storage],
) -> None:
    @settings(max_examples=150, deadline=None)
    @given(ACTIONS)
    def play(actions: list[tuple[Verb, int, int]]) -> None:
        world = World(storage)
        for action in actions:
            world.act(*action)
            world.judge()
        world.clock.advance(7_200)
        world.act("write off", 0, 1)
        world.judge()
        totals = inline(world.store.totals(list(world.billed)))
        assert all(total.held == 0 for total in totals.values())

    play()
