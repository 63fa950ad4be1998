"""A conversation in tests: events in, decisions out, time by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

import msgspec

from frontdesk.core.conversation import Conversation
from frontdesk.core.decide import decide
from frontdesk.core.effect import DraftReply, Effect, EffectKind, NotifyDesk, SendMessage, WakeAt, kind_of
from frontdesk.core.event import (
    Address,
    AgentReplied,
    Contact,
    Event,
    HandedOff,
    InConversation,
    MessageReceived,
    Outcome,
    Released,
    ReplyDrafted,
    StatusChanged,
    TimerFired,
)
from frontdesk.core.flow import NO_FLOWS, Flows
from frontdesk.core.message import Content, MessageStatus, Text
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.core.transcript import as_text

CONTACT = Contact(addresses=(Address("phone", "15550100777"),), name="Mira")
NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
QUIET = Policy(greeting="", marks_read=False)
"""No greeting and no read marks: what is left is what a test is about."""

_Made = TypeVar("_Made", bound=Event)


class Talk:
    """Folds events into a conversation and remembers the last decision."""

    def __init__(self, policy: Policy = QUIET, flows: Flows = NO_FLOWS, version: str = "") -> None:
        self.policy = policy
        self.flows = flows
        self.version = version
        self.now = NOW
        self.state = Conversation(id="c", channel="main")
        self.decision = Decision(conversation=self.state)
        self._events = 0

    def take(self, event: Event) -> Decision:
        stamped = msgspec.structs.replace(event, flows=self.version)
        self.decision = decide(self.state, stamped, self.policy, self.flows)
        self.state = self.decision.conversation
        return self.decision

    def make(self, event: type[_Made], **fields: Any) -> _Made:
        """An event with the fields that all events have."""
        self._events += 1
        common: dict[str, Any] = {"id": f"e{self._events}", "at": self.now, "channel": "main"}
        if issubclass(event, InConversation):
            common["conversation_id"] = "c"
        elif not issubclass(event, StatusChanged):
            common["contact"] = CONTACT
        if issubclass(event, Outcome):
            common["attempt"] = 1
        return event(**{**common, **fields})

    def happens(self, event: type[Event], **fields: Any) -> Decision:
        return self.take(self.make(event, **fields))

    def wait(self, seconds: float) -> Self:
        self.now += timedelta(seconds=seconds)
        return self

    def wrote(self, content: Content | str, **fields: Any) -> Decision:
        self._events += 1
        body = Text(body=content) if isinstance(content, str) else content
        event = MessageReceived(
            **{
                "id": f"e{self._events}",
                "at": self.now,
                "channel": "main",
                "contact": CONTACT,
                "provider_message_id": f"wamid.{self._events}",
                "sent_at": self.now,
                "content": body,
                **fields,
            }
        )
        return self.take(event)

    def silence(self) -> Decision:
        """The burst's timer fires."""
        assert self.state.burst is not None
        return self.happens(TimerFired, effect_id=self.state.burst.timer_id, purpose="burst")

    def asked(self, question: str) -> Decision:
        """A question whose draft is under way."""
        self.wrote(question)
        return self.silence()

    def drafted(self, text: str = "Yes.", **fields: Any) -> Decision:
        return self.happens(ReplyDrafted, **{"effect_id": self.state.draft_id, "text": text, **fields})

    def replied(self, text: str = "Asha here") -> Decision:
        return self.happens(AgentReplied, agent="asha", content=Text(body=text))

    def handed_off(self) -> Decision:
        return self.happens(HandedOff, reason="by hand")

    def released(self) -> Decision:
        return self.happens(Released, agent="asha")

    def told(self, status: MessageStatus, **fields: Any) -> Decision:
        return self.happens(
            StatusChanged, **{"provider_message_id": "wamid.out", "status": status, "changed_at": self.now, **fields}
        )

    # What was decided last

    @property
    def said(self) -> list[str]:
        return [as_text(effect.content) for effect in self.decision.effects if isinstance(effect, SendMessage)]

    @property
    def sends(self) -> list[SendMessage]:
        return [effect for effect in self.decision.effects if isinstance(effect, SendMessage)]

    @property
    def kinds(self) -> list[EffectKind]:
        return [kind_of(effect) for effect in self.decision.effects]

    @property
    def notified(self) -> list[str]:
        return [effect.reason for effect in self.decision.effects if isinstance(effect, NotifyDesk)]

    def only(self, kind: type[Effect]) -> Any:
        (found,) = [effect for effect in self.decision.effects if isinstance(effect, kind)]
        return found

    @property
    def question(self) -> str:
        draft: DraftReply = self.only(DraftReply)
        return draft.prompt.question

    @property
    def timer_due_after(self) -> float:
        timer: WakeAt = self.only(WakeAt)
        return (timer.due_at - self.now).total_seconds()


def with_policy(**fields: Any) -> Talk:
    return Talk(msgspec.structs.replace(QUIET, **fields))
