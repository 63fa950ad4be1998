"""A decision in the making, and what it becomes. See `decide` for the rules that make it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import RECENT_MAX, Conversation, HeldTurn
from frontdesk.core.effect import Effect, EffectKind, SendMessage, ToDo, kind_of
from frontdesk.core.event import Address, Contact, Event
from frontdesk.core.flow import NO_FLOWS, Book, Flows
from frontdesk.core.guard import digest
from frontdesk.core.markup import split
from frontdesk.core.message import Content, Template, Text
from frontdesk.core.pacing import pace
from frontdesk.core.policy import Policy
from frontdesk.core.position import DraftAwaited, Run
from frontdesk.core.prompt import Turn
from frontdesk.core.states import FlowCause, check_move
from frontdesk.core.transcript import as_text

FLOW_WORK: tuple[EffectKind, ...] = ("wake_at.flow", "call_http")
"""What a flow waits for, and nothing else does."""

TURN_CHARACTERS_MAX = 4_000
"""What the model sees of one message; a contact may write 65,536 characters."""

FADING_MAX = 40
FADING_CHARACTERS_MAX = 300
"""What is kept of a turn until it is summed up."""


class Decision(Struct, frozen=True, kw_only=True):
    """What an event led to. `withdrawn`: kinds of effects that must not start (again) any more. `closed`: effects whose
    outcome is waited for no longer. `repeated`: effects of unknown outcome that are to be tried again. `path`: the
    steps of flows that were performed, as `flow/step`, in order; for tests of flows and for people who ask why.
    `is_known`: the event tells a message that another event has told, and adds none."""

    conversation: Conversation
    effects: tuple[Effect, ...] = ()
    withdrawn: tuple[EffectKind, ...] = ()
    closed: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    is_known: bool = False


class Plan:
    """A decision in the making: lives for one call of `decide` and is seen by nobody else."""

    def __init__(self, conversation: Conversation, event: Event, policy: Policy, flows: Flows = NO_FLOWS) -> None:
        self.now = event.at
        self.state = conversation
        self.policy = policy
        self.flows = flows
        self.event_id = event.id
        self.flows_version = event.flows
        self._effects: list[Effect] = []
        self._asked = 0
        self._withdrawn: list[EffectKind] = []
        self.closed: tuple[str, ...] = ()
        self.repeated: tuple[str, ...] = ()
        self.path: list[str] = []
        self.is_known = False

    def change(self, **fields: Any) -> None:
        """Replace fields of the state."""
        self.state = msgspec.structs.replace(self.state, **fields)

    def add(self, effect: type[ToDo], due_at: datetime | None = None, **fields: Any) -> str:
        """Ask for an effect, due now unless told otherwise; its id."""
        made: Any = effect(id=f"{self.event_id}.{self._asked}", due_at=due_at or self.now, **fields)
        self._asked += 1
        self._effects.append(made)
        return str(made.id)

    def withdraw(self, *kinds: EffectKind) -> None:
        """What earlier decisions asked for, and this one so far: the last word counts."""
        self._withdrawn.extend(kind for kind in kinds if kind not in self._withdrawn)
        self._effects = [effect for effect in self._effects if kind_of(effect) not in kinds]

    @property
    def book(self) -> Book | None:
        """The flows that hold for this conversation now: those on which its flow began, else those in force. Raises
        UnknownBook."""
        version = self.state.run.book if self.state.run else self.flows_version
        return self.flows.book(version) if version else None

    def stand(self, run: Run | None, cause: FlowCause) -> None:
        """Come to stand somewhere in a flow, or in none. Raises IllegalMove."""
        before = self.state.run.waits if self.state.run else None
        check_move(before, cause, run.waits if run else None)
        self.change(run=run)

    def leave_flow(self, cause: FlowCause) -> None:
        """The flow under way ends here, and nothing that it asked for will come: what its step asked the model about is
        answered no more."""
        if self.state.run is None:
            return
        self.withdraw(*FLOW_WORK)
        if isinstance(self.state.run.waits, DraftAwaited):
            self.withdraw("draft_reply")
        self.stand(None, cause)

    def announce(self) -> None:
        """What the bot says in this decision is part of the hand-off to which it leads, and goes with its notice."""
        self._effects = [
            msgspec.structs.replace(effect, author="notice")
            if isinstance(effect, SendMessage) and effect.author == "bot"
            else effect
            for effect in self._effects
        ]

    def decision(self) -> Decision:
        """What became of it."""
        return Decision(
            conversation=self.state,
            effects=tuple(self._effects),
            withdrawn=tuple(self._withdrawn),
            closed=self.closed,
            repeated=self.repeated,
            path=tuple(self.path),
            is_known=self.is_known,
        )

    def meet(self, contact: Contact) -> None:
        """Who writes, and where they are reached from now on."""
        self.change(
            addresses=merged(contact.addresses, self.state.addresses),
            name=contact.name or contact.username or self.state.name,
            is_group=any(address.kind == "group" for address in contact.addresses),
        )

    @property
    def window_closes_at(self) -> datetime | None:
        """Until when free-form messages may leave: the window's end, less the margin."""
        if self.state.window_until is None:
            return None
        return self.state.window_until - timedelta(seconds=self.policy.window_margin_seconds)

    @property
    def is_window_open(self) -> bool:
        """Whether a free-form message may leave now."""
        return self.window_closes_at is not None and self.now < self.window_closes_at

    def send(self, content: Content, author: Literal["bot", "notice", "agent"]) -> None:
        """Ask for a message to leave, paced; outside the window the worker will refuse to let it."""
        due_at, ready_at = pace(
            self.state.pair_ready_at,
            self.now,
            burst=self.policy.pair_burst,
            interval_seconds=self.policy.pair_interval_seconds,
        )
        not_after = None if isinstance(content, Template) else (self.window_closes_at or self.now)
        self.add(SendMessage, due_at, to=self.state.addresses, content=content, author=author, not_after=not_after)
        words = as_text(content)
        self.change(pair_ready_at=ready_at, said=(*self.state.said, digest(words))[-RECENT_MAX:])
        self.remember("agent" if author == "agent" else "bot", words)

    def say(self, text: str, author: Literal["bot", "notice"] = "bot") -> None:
        """Words, in as many messages as they need."""
        for piece in split(text, self.policy.reply_characters_max):
            self.send(Text(body=piece), author)

    def utter(self, content: Content) -> None:
        """Any content as the bot's; words in as many messages as they need."""
        if isinstance(content, Text) and len(content.body) > self.policy.reply_characters_max:
            self.say(content.body)
        elif not isinstance(content, Text) or content.body.strip():
            self.send(content, "bot")

    def remember(
        self, role: Literal["contact", "bot", "agent"], text: str, message_id: str = "", *, is_open: bool = False
    ) -> None:
        """What the model is to see of a message."""
        shown = Turn(role=role, text=text[:TURN_CHARACTERS_MAX])
        turns = (*self.state.turns, HeldTurn(turn=shown, provider_message_id=message_id, is_open=is_open))
        gone = tuple(held.turn for held in turns[: -self.policy.turns_max])
        self.change(turns=turns[-self.policy.turns_max :], fading=fade(self.state.fading, gone))

    def close_turns(self) -> None:
        """Nothing of what was said waits for an answer any more."""
        self.change(turns=tuple(msgspec.structs.replace(turn, is_open=False) for turn in self.state.turns))

    def stop_drafting(self) -> None:
        """No draft that was asked for so far will be used."""
        self.withdraw("wake_at.burst", "draft_reply")
        self.change(burst=None, draft_id="", intent_id="")


def fade(fading: tuple[Turn, ...], gone: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns that wait to be summed up, cut short and not too many: where nobody asks for a summary, the first
    stay and the rest is forgotten."""
    cut = (msgspec.structs.replace(turn, text=turn.text[:FADING_CHARACTERS_MAX]) for turn in gone)
    return (*fading, *cut)[:FADING_MAX] if gone else fading


def merged(first: tuple[Address, ...], then: tuple[Address, ...]) -> tuple[Address, ...]:
    """The newest address of each kind: what the vendor named last is where the contact is now."""
    known = {address.kind for address in first}
    return tuple(sorted((*first, *(address for address in then if address.kind not in known))))
