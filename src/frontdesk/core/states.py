"""The moves that a conversation may make, as two tables: who has it, and where it stands in a flow.

Nothing else moves it: `handing` asks the first table, `running` the second, and a move that stands in neither is
refused (`IllegalMove`), which makes a dead letter of the event and gives the conversation to people. The documents draw
their diagrams from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from frontdesk.core.conversation import Handler
from frontdesk.core.position import AnswerAwaited, CallAwaited, DraftAwaited, Position, TapAwaited, TimeAwaited

HandlerCause = Literal["hand_off", "take", "give_back"]
PositionKind = Literal["idle", "answer", "call", "draft", "tap", "time"]
FlowCause = Literal[
    "started", "answered", "misfit", "reminded", "closed", "returned", "drafted", "tapped", "asked_again", "elapsed",
    "moved", "ended", "forgotten",
]  # fmt: skip

HANDLER_MOVES: Mapping[tuple[Handler, HandlerCause], Handler] = {
    (Handler.BOT, "hand_off"): Handler.QUEUE,
    (Handler.BOT, "take"): Handler.AGENT,
    (Handler.QUEUE, "take"): Handler.AGENT,
    (Handler.AGENT, "take"): Handler.AGENT,
    (Handler.BOT, "give_back"): Handler.BOT,
    (Handler.QUEUE, "give_back"): Handler.BOT,
    (Handler.AGENT, "give_back"): Handler.BOT,
}
"""`give_back`: released, resolved, or people were silent for too long."""

_ANYWHERE: frozenset[PositionKind] = frozenset({"idle", "answer", "call", "draft", "time"})
_GONE: frozenset[PositionKind] = frozenset({"idle"})

POSITION_MOVES: Mapping[tuple[PositionKind, FlowCause], frozenset[PositionKind]] = {
    ("idle", "started"): _ANYWHERE,
    ("answer", "started"): _ANYWHERE,
    ("call", "started"): _ANYWHERE,
    ("draft", "started"): _ANYWHERE,
    ("tap", "started"): _ANYWHERE,
    ("time", "started"): _ANYWHERE,
    ("answer", "answered"): _ANYWHERE,
    ("answer", "misfit"): _ANYWHERE,
    ("answer", "reminded"): frozenset({"answer"}),
    ("answer", "closed"): _GONE,
    ("answer", "forgotten"): _GONE,
    ("answer", "moved"): frozenset({"answer"}),
    ("call", "moved"): frozenset({"call"}),
    ("draft", "moved"): frozenset({"draft"}),
    ("time", "moved"): frozenset({"time"}),
    ("call", "returned"): _ANYWHERE,
    ("draft", "drafted"): _ANYWHERE | {"tap"},
    ("draft", "asked_again"): frozenset({"draft"}),
    ("tap", "tapped"): frozenset({"call", "draft"}),
    ("tap", "asked_again"): frozenset({"draft"}),
    ("tap", "forgotten"): _GONE,
    ("tap", "closed"): _GONE,
    ("time", "elapsed"): _ANYWHERE,
    ("answer", "ended"): _GONE,
    ("call", "ended"): _GONE,
    ("draft", "ended"): _GONE,
    ("tap", "ended"): _GONE,
    ("time", "ended"): _GONE,
}
"""From where, why, and where that may lead. `ended`: people took the conversation."""


class IllegalMove(Exception):
    """The rules tried to move a conversation in a way that no table allows: a bug of ours."""


def move_handler(handler: Handler, cause: HandlerCause) -> Handler:
    """Who has the conversation after that. Raises IllegalMove."""
    moved = HANDLER_MOVES.get((handler, cause))
    if moved is None:
        raise IllegalMove(f"a conversation that is with {handler} cannot be moved by {cause}")
    return moved


def kind_of_position(position: Position | None) -> PositionKind:
    """How the table names it."""
    match position:
        case None:
            return "idle"
        case AnswerAwaited():
            return "answer"
        case CallAwaited():
            return "call"
        case DraftAwaited():
            return "draft"
        case TapAwaited():
            return "tap"
        case TimeAwaited():
            return "time"


def check_move(before: Position | None, cause: FlowCause, after: Position | None) -> None:
    """Raise IllegalMove where the table does not know it."""
    old, new = kind_of_position(before), kind_of_position(after)
    if new not in POSITION_MOVES.get((old, cause), frozenset()):
        raise IllegalMove(f"a flow that stands at {old} cannot be moved to {new} by {cause}")


def handler_diagram() -> str:
    """The first table as a Mermaid state diagram."""
    return _diagram((str(old), cause, str(new)) for (old, cause), new in HANDLER_MOVES.items())


def position_diagram() -> str:
    """The second one. Causes that lead to several places are drawn once for each."""
    rows = [(old, cause, new) for (old, cause), places in POSITION_MOVES.items() for new in sorted(places)]
    joined: dict[tuple[str, str], list[str]] = {}
    for old, cause, new in rows:
        joined.setdefault((old, new), []).append(cause)
    return _diagram((old, ", ".join(causes), new) for (old, new), causes in joined.items())


def _diagram(rows: Iterator[tuple[str, str, str]]) -> str:
    return "\n".join(["stateDiagram-v2", *(f"    {old} --> {new}: {cause}" for old, cause, new in rows)])
