"""Whatever customers do in the sample shop: nothing raises, loops, grows or leaves WhatsApp's limits."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings, strategies as st

from core.flow_talk import Shelf
from core.talk import CONTACT, NOW, QUIET
from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.decide import decide
from frontdesk.core.effect import CallHttp, DraftReply, Effect, SendMessage, WakeAt
from frontdesk.core.event import CallReturned, DraftFailed, Event, MessageReceived, Released, ReplyDrafted, TimerFired
from frontdesk.core.message import Button, Buttons, Choice, Content, ListMenu, Location, Media, Row, Text, Unsupported
from frontdesk.core.running import DEPTH_MAX, STEPS_MAX
from frontdesk.flows.book import compile_book
from frontdesk.flows.folder import read_sources

BOOK = compile_book(read_sources(Path(__file__).parents[2] / "config/flows"))
SHELF = Shelf(BOOK)
STATE_BYTES_MAX = 250_000

HOSTILE = (
    "{{ contact.name }}",
    "= 1 + 1",
    "\u202eevil\u202c",
    "\u200b\u200d",
    "👨‍👩‍👧‍👦" * 40,
    "x" * 65_536,
    "\x00",
    "%2e%2e/",
    "मेनू",
)
WORDS = (
    "menu stop start agent language complaint 1 2 3 10 yes no cancel tomorrow 24.12. sunday A1001 broken english "
    "hi ok मेनू शिकायत रद्द"
).split()
contents: st.SearchStrategy[Content] = st.one_of(
    st.sampled_from([*WORDS, "where is my order", "book a visit", "no photo", "Order status", "Book it"]).map(
        lambda words: Text(body=words)
    ),
    st.sampled_from(HOSTILE).map(lambda words: Text(body=words)),
    st.text(max_size=40).map(lambda words: Text(body=words)),
    st.sampled_from(
        [
            Media(kind="image", media_id="m"),
            Media(kind="audio", media_id="m", is_voice=True),
            Media(kind="image", caption="menu"),
            Location(latitude=1.0, longitude=2.0),
            Unsupported(kind="poll"),
            Choice(id="order_status", title="Order status", kind="template_button"),
            Choice(id="a/b/c#d", title="?"),
            Choice(id="menu/topic/nothing#e1", title="?"),
            Choice(id="////#", title=""),
        ]
    ),
)
actions = st.lists(
    st.one_of(
        st.tuples(st.just("writes"), contents),
        st.tuples(st.just("taps"), st.integers(0, 30)),
        st.tuples(st.just("waits"), st.sampled_from([1, 30, 700, 8_000, 100_000])),
        st.tuples(st.just("happens"), st.integers(0, 5)),
    ),
    max_size=25,
)


class Customer:
    """Plays actions against the fold and remembers what could come of them."""

    def __init__(self) -> None:
        self.state = Conversation(id="c", channel="main")
        self.now = NOW
        self.count = 0
        self.offered: list[Button | Row] = []
        self.open: dict[str, Effect] = {}
        self.events: list[Event] = []

    def act(self, action: tuple[str, Any]) -> None:
        self.now += timedelta(seconds=3 + self.count % 7)
        self.count += 1
        match action:
            case ("writes", content):
                self._write(content)
            case ("taps", number) if self.offered:
                button = self.offered[-1 - number % len(self.offered)]
                self._write(Choice(id=button.id, title=button.title))
            case ("waits", seconds):
                self.now += timedelta(seconds=seconds)
                for effect in [one for one in self.open.values() if isinstance(one, WakeAt) and one.due_at <= self.now]:
                    self._settle(effect, 0)
            case ("happens", how) if self.open:
                self._settle(next(iter(self.open.values())), how)

    def _common(self) -> dict[str, Any]:
        return {"id": f"e{self.count}.{len(self.events)}", "at": self.now, "channel": "main", "flows": BOOK.version}

    def _write(self, content: Content) -> None:
        self._take(
            MessageReceived(
                **self._common(),
                contact=CONTACT,
                provider_message_id=f"wamid.{self.count}",
                sent_at=self.now,
                content=content,
            )
        )
        if self.state.handler is not Handler.BOT:
            self._take(Released(**self._common(), conversation_id="c"))

    def _settle(self, effect: Effect, how: int) -> None:
        self.open.pop(effect.id, None)
        outcome = {**self._common(), "conversation_id": "c", "effect_id": effect.id, "attempt": 1}
        match effect:
            case WakeAt() if effect.due_at <= self.now:
                self._take(TimerFired(**outcome, purpose=effect.purpose, about=effect.about))
            case CallHttp():
                answers: list[dict[str, Any]] = [
                    {"flow.status": "shipped", "flow.expected_on": "2026-12-01"},
                    {"flow.status": 5},
                    {name: "y" * 9_000 for name, _ in effect.wants},
                    {},
                ]
                failure = "the shop answered 500" if how > 3 else ""
                self._take(CallReturned(**outcome, status=200, values=answers[how % 4], failure=failure))
            case DraftReply() if how < 3:
                chosen = effect.prompt.choices[0] if effect.prompt.choices and how == 1 else "Three days. " * 500
                self._take(ReplyDrafted(**outcome, text=chosen, is_answer=how > 0))
            case DraftReply():
                self._take(DraftFailed(**outcome, reason="away"))
            case _:
                pass

    def _take(self, event: Event) -> None:
        decision = decide(self.state, event, QUIET, SHELF)
        assert decide(self.state, event, QUIET, SHELF) == decision  # nothing but its arguments counts
        self.events.append(event)
        self.state = decision.conversation
        gone = set(decision.withdrawn)
        self.open = {known: one for known, one in self.open.items() if _kind(one) not in gone}
        for effect in decision.effects:
            self._check(effect)
            if not isinstance(effect, SendMessage):
                self.open[effect.id] = effect
        assert len(decision.path) <= STEPS_MAX
        assert len(self.state.run.frames if self.state.run else ()) <= DEPTH_MAX
        assert len(msgspec.json.encode(self.state)) < STATE_BYTES_MAX
        assert not [told for told in self._told(decision.effects) if "the rules failed" in told]

    @staticmethod
    def _told(effects: tuple[Effect, ...]) -> list[str]:
        return [str(getattr(effect, "reason", "")) for effect in effects]

    def _check(self, effect: Effect) -> None:
        """WhatsApp's limits, on whatever leaves."""
        if isinstance(effect, CallHttp):
            assert effect.path.isascii()
            assert effect.path.startswith("/")
            assert "/../" not in f"{effect.path}/"
        if not isinstance(effect, SendMessage):
            return
        match effect.content:
            case Text(body=body):
                assert 1 <= len(body) <= 4_096
            case Buttons(body=body, buttons=buttons):
                assert 1 <= len(body) <= 1_024
                assert 1 <= len(buttons) <= 3
                assert len({button.title for button in buttons}) == len(buttons)
                assert all(1 <= len(button.title) <= 20 and len(button.id) <= 200 for button in buttons)
                self.offered.extend(buttons)
            case ListMenu(body=body, button=label, sections=sections):
                rows = [row for section in sections for row in section.rows]
                assert 1 <= len(body) <= 1_024
                assert 1 <= len(label) <= 20
                assert 1 <= len(rows) <= 10
                assert all(1 <= len(row.title) <= 24 and len(row.description or "") <= 72 for row in rows)
                self.offered.extend(rows)


def _kind(effect: Effect) -> str:
    from frontdesk.core.effect import kind_of

    return kind_of(effect)


@settings(max_examples=400, deadline=None)
@given(actions)
def test_no_sequence_of_input_raises_loops_or_exceeds_a_limit(played: list[tuple[str, Any]]) -> None:
    customer = Customer()
    for action in played:
        customer.act(action)
    state = Conversation(id="c", channel="main")
    for event in customer.events:  # from the journal, with states that went through the store
        state = decide(state, event, QUIET, SHELF).conversation
        state = msgspec.json.decode(msgspec.json.encode(state), type=Conversation)
    assert msgspec.json.encode(state) == msgspec.json.encode(customer.state)
