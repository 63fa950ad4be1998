"""Where a conversation stands in a flow: kept in its state, and explicit. The moves that are allowed stand in
`core.states`."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from frontdesk.core.tool import Tooling

Plain: TypeAlias = bool | int | float | str | None
Stored: TypeAlias = bool | int | float | str | tuple[Plain, ...] | None
"""What a variable may hold where it is kept: the expression language's values, without lists in lists."""


class Frame(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One flow that was begun and has not ended: the step it stands at, and its `flow.…` variables without the scope.
    `returns_to`: the variable of the calling flow that takes the result."""

    flow: str
    step: str
    variables: dict[str, Stored] = {}
    returns_to: str = ""


class Waiting(Struct, frozen=True, kw_only=True, tag_field="for", omit_defaults=True):
    """What all positions have in common."""


class AnswerAwaited(Waiting, frozen=True, kw_only=True, tag="answer"):
    """The contact was asked. `misfits`: answers that did not fit so far; `reminders`: how many were sent; `timer_id`
    ends the wait. `offered_as`: what the step was called when its buttons were sent, where a migration has renamed it
    since."""

    misfits: int = 0
    reminders: int = 0
    timer_id: str = ""
    offered_as: str = ""


class CallAwaited(Waiting, frozen=True, kw_only=True, tag="call"):
    """A `CallHttp` is under way; with `tooling` the model asked for it."""

    effect_id: str
    tooling: Tooling | None = None


class DraftAwaited(Waiting, frozen=True, kw_only=True, tag="draft"):
    """The language model was asked by a step."""

    effect_id: str
    tooling: Tooling | None = None


class TapAwaited(Waiting, frozen=True, kw_only=True, tag="tap"):
    """The model asked for a tool, and the contact for a tap that lets it: on a button of the offer, until a moment,
    once; then `timer_id` ends the flow."""

    offer_id: str
    arguments: dict[str, Stored]
    until: datetime
    tooling: Tooling
    timer_id: str = ""


class TimeAwaited(Waiting, frozen=True, kw_only=True, tag="time"):
    """A `wait` step."""

    timer_id: str
    until: datetime


Position: TypeAlias = AnswerAwaited | CallAwaited | DraftAwaited | TapAwaited | TimeAwaited


class Run(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A flow under way in a conversation. `book`: the version of the flows that it was begun on and stays on. The last
    frame is the flow that stands at `waits`; those before wait for its result."""

    id: str
    book: str
    frames: tuple[Frame, ...]
    waits: Position
