"""One contact on one channel: the state that the rules fold events into. Bounded, so that a turn costs the same
after a year: the full past is in the messages and the journal, not here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from frontdesk.core.event import Address, MessageReceived
from frontdesk.core.position import Run, Stored
from frontdesk.core.prompt import Turn

RECENT_MAX = 24
"""How many recent arrivals (and digests of our own texts) the loop detection remembers."""


class Handler(StrEnum):
    """Who has the conversation. `agent` is always a person."""

    BOT = "bot"
    QUEUE = "queue"
    AGENT = "agent"


class Arrival(Struct, frozen=True, array_like=True):
    """When a message came, and the digest of its words ("" where it had none)."""

    at: datetime
    digest: str


class HeldTurn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A turn, and the vendor's id of the message it came from, for edits and deletions. Open: not answered yet."""

    turn: Turn
    provider_message_id: str = ""
    is_open: bool = False


class Burst(Struct, frozen=True, kw_only=True):
    """Texts that wait for the contact to finish: when the first came, and the timer that ends the wait."""

    began_at: datetime
    timer_id: str


class Handover(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a flow told people when it gave them the conversation."""

    team: str = ""
    priority: Literal["low", "normal", "high", "urgent"] = "normal"
    summary: str = ""


class Unheard(Struct, frozen=True, kw_only=True):
    """A voice message or a picture that is answered when a machine has written down what it says; `until` then it is
    answered as what it is."""

    event: MessageReceived
    until: datetime


class Conversation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state. `draft_id` is the only draft whose result will be used. `pair_ready_at` is the pacing's theoretical
    arrival time (GCRA). `unknown_sends` and `repeated_sends` (those that were resent already) are effect ids;
    `last_inbound_id`, `marked_id` (the one marked as read) and `delivered` are the vendor's message ids. `home`: the
    channel to which the conversation is to come back, while another stands in for it.

    Of flows: `run` is the one under way; `facts` are the `contact.…` variables, which stay for ever, `variables` the
    `conversation.…` ones, which go when it starts afresh. `memory` is what `turns` no longer holds, summed up; turns
    in `fading` wait for that, the first `summing_up` of them for the draft `summary_id`. `intent_id`: the draft that is
    to choose a flow for what is open, asked for at `intent_since`. `heard_at`: when the contact wrote last. `taps`: the
    ids of the buttons that were answered last, for those that are tapped twice. `tool_calls`: how often the model asked
    for a tool since the contact wrote."""

    id: str
    channel: str
    addresses: tuple[Address, ...] = ()
    name: str = ""
    handler: Handler = Handler.BOT
    agent: str = ""
    agent_at: datetime | None = None
    queued_at: datetime | None = None
    is_group: bool = False
    is_greeted: bool = False
    is_resolved: bool = False
    window_until: datetime | None = None
    burst: Burst | None = None
    draft_id: str = ""
    last_inbound_id: str = ""
    marked_id: str = ""
    unanswered: int = 0
    turns: tuple[HeldTurn, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    said: tuple[str, ...] = ()
    warned_at: datetime | None = None
    pair_ready_at: datetime | None = None
    unknown_sends: tuple[str, ...] = ()
    repeated_sends: tuple[str, ...] = ()
    delivered: tuple[str, ...] = ()
    refused_consents: tuple[str, ...] = ()
    run: Run | None = None
    facts: dict[str, Stored] = {}
    variables: dict[str, Stored] = {}
    language: str = ""
    tags: tuple[str, ...] = ()
    handover: Handover | None = None
    memory: str = ""
    fading: tuple[Turn, ...] = ()
    summary_id: str = ""
    summing_up: int = 0
    intent_id: str = ""
    intent_since: datetime | None = None
    heard_at: datetime | None = None
    taps: tuple[Arrival, ...] = ()
    unheard: tuple[Unheard, ...] = ()
    home: str = ""
    tool_calls: int = 0
