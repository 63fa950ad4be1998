"""What contacts were asked to let a tool do, by what stood on their screens; and what was done.

The names of tools and paths are those of `simulated_shop`, whose questions name what would be done: a tap on "Cancel
A1001?" is one for `/tools/cancel/A1001`, once, and for nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import CallHttp, SendMessage
from frontdesk.core.event import Event, MessageReceived
from frontdesk.core.message import Buttons, Choice
from frontdesk.core.plan import Decision

BY_TOOL = "/tools/"
LETS = "/yes#"
OFFERED_SECONDS_MAX = 600


class Offer(Struct, frozen=True):
    """A button that lets a tool run, as it stood in a chat."""

    conversation_id: str
    question: str
    at: datetime


class Taps:
    """Which offers were made, and which were used."""

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}
        self._used: Counter[str] = Counter()
        self.done = 0

    def decided(self, before: Conversation, event: Event, decision: Decision) -> str:
        """What a decision does by tools that nobody let it, or "". Keeps what it offers."""
        state = decision.conversation
        done = [_asked_for(one.path) for one in decision.effects if isinstance(one, CallHttp) and _is_by_tool(one)]
        city = state.facts.get("city")
        if city is not None and city != before.facts.get("city"):
            done.append(f"Note {city}?")
        problem = next(filter(None, (self._judge(what, state.id, event) for what in done)), "")
        for effect in decision.effects:
            if isinstance(effect, SendMessage) and isinstance(effect.content, Buttons):
                offer = Offer(state.id, effect.content.body, event.at)
                self._offers |= {one.id: offer for one in effect.content.buttons if LETS in one.id}
        return problem

    def _judge(self, what: str, conversation_id: str, event: Event) -> str:
        tapped = event.content if isinstance(event, MessageReceived) else None
        offer = self._offers.get(tapped.id) if isinstance(tapped, Choice) else None
        if offer is None or not isinstance(tapped, Choice):
            return f"“{what}” was done without a tap, at {event.id}"
        self._used[tapped.id] += 1
        self.done += 1
        if offer.conversation_id != conversation_id or offer.question != what:
            return f"“{what}” was done by a tap on “{offer.question}” of {offer.conversation_id}"
        if event.at - offer.at > timedelta(seconds=OFFERED_SECONDS_MAX):
            return f"“{what}” was done {event.at - offer.at} after it was offered"
        return f"“{what}” was done twice for one tap" if self._used[tapped.id] > 1 else ""


def _is_by_tool(effect: CallHttp) -> bool:
    return effect.method != "GET" and effect.path.startswith(BY_TOOL)


def _asked_for(path: str) -> str:
    verb, _, number = path.removeprefix(BY_TOOL).partition("/")
    return f"{verb.capitalize()} {number}?"
