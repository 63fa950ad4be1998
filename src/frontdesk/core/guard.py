"""Is a machine writing to us? Two bots that answer each other spend money all night; this is what stops them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from frontdesk.core.conversation import Arrival, Conversation
from frontdesk.core.event import identify
from frontdesk.core.message import Content, Text
from frontdesk.core.policy import Policy

Suspicion = Literal["", "too many messages", "the same text again and again", "an even beat", "an echo of our own text"]

SAME_TEXT_SPAN = timedelta(minutes=10)
ECHO_CHARACTERS_MIN = 12
"""Shorter texts of ours ("Thank you!") are what people say too."""


def digest(text: str) -> str:
    """What two texts share when they differ in case and blanks only."""
    return identify(" ".join(text.casefold().split()))[:12]


def is_echo(conversation: Conversation, content: Content) -> bool:
    """Whether a message says what we said. For vendors that hand our own messages back: it is not answered, and the bot
    does not talk to itself. A short text of ours ("Bye!") counts only right behind it, for people say it too."""
    if not isinstance(content, Text) or digest(content.body) not in conversation.said:
        return False
    last = conversation.turns[-1].turn if conversation.turns else None
    is_last = last is not None and last.role != "contact" and digest(last.text) == digest(content.body)
    return is_last or len(content.body) >= ECHO_CHARACTERS_MIN


def arrival(at: datetime, content: Content) -> Arrival:
    """What is remembered of an arrival. Only typed words can repeat: buttons are made to be tapped again."""
    return Arrival(at=at, digest=digest(content.body) if isinstance(content, Text) else "")


def suspicion(conversation: Conversation, content: Content, policy: Policy) -> Suspicion:
    """Why the contact's latest message, the last of `conversation.arrivals`, looks like a machine's; "" if it does
    not."""
    arrivals = conversation.arrivals
    latest = arrivals[-1]
    recent = [one for one in arrivals if (latest.at - one.at).total_seconds() <= policy.inbound_span_seconds]
    if len(recent) > policy.inbound_max:
        return "too many messages"
    if isinstance(content, Text) and len(content.body) >= ECHO_CHARACTERS_MIN and latest.digest in conversation.said:
        return "an echo of our own text"
    same = [one for one in arrivals if one.digest == latest.digest and latest.at - one.at <= SAME_TEXT_SPAN]
    if latest.digest and len(same) >= policy.same_text_max:
        return "the same text again and again"
    return "an even beat" if _is_even(arrivals, policy) else ""


def _is_even(arrivals: tuple[Arrival, ...], policy: Policy) -> bool:
    """A machine's beat: gaps that hardly differ. Gaps under the jitter are a person's burst delivered together."""
    last = arrivals[-policy.cadence_count :]
    if len(last) < policy.cadence_count:
        return False
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(last)]
    return min(gaps) > policy.cadence_jitter_seconds and max(gaps) - min(gaps) <= policy.cadence_jitter_seconds
