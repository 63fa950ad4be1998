"""What a new version of the flows means for somebody who stands in an older one. The rules themselves are asked, so
that what is told is what will happen at their next event."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import NoteAdded
from frontdesk.core.flow import Book, UnknownBook
from frontdesk.core.plan import Plan
from frontdesk.core.policy import Policy
from frontdesk.core.position import Frame, Run, TapAwaited
from frontdesk.core.steering import follow
from frontdesk.flows.compare import kind_of_step, tool_changes

_NOW = datetime(2026, 1, 1, tzinfo=UTC)  # what is asked does not depend on it


class Fate(Struct, frozen=True, kw_only=True):
    """What becomes of somebody whose step changed, or the tool whose confirmation they are asked for (`tool`).
    `moves_to`: flow and step, "" where they stay on their version."""

    flow: str
    step: str
    why: str
    moves_to: str = ""
    tool: str = ""

    @property
    def sentence(self) -> str:
        """For people."""
        if self.tool:
            return f"stands at {self.flow}/{self.step}, {self.why}: a tap does what was shown, as in the old version"
        there = f"moves to {self.moves_to}" if self.moves_to else "stays on the old version until the flow ends"
        return f"stands at {self.flow}/{self.step}, {self.why}: {there}"


def fate(run: Run, old: Book | None, new: Book) -> Fate | None:
    """What will become of a run: None where all its steps are in the new version, of the same kinds, and so is the tool
    that it waits to be let use. `old` is the version that it stands on, None where that is lost."""
    if run.book == new.version:
        return None
    changed = [(frame, why) for frame in run.frames if (why := _why(frame, old, new))]
    if not changed:
        return _tool_fate(run, old, new)
    frame, why = changed[-1]
    return Fate(flow=frame.flow, step=frame.step, why=why, moves_to=_moves_to(run, new))


def _tool_fate(run: Run, old: Book | None, new: Book) -> Fate | None:
    if not isinstance(run.waits, TapAwaited):
        return None
    name = run.waits.tooling.tool
    before, after = old.tools.get(name) if old else None, new.tools.get(name)
    if after is not None and (before is None or not any(tool_changes(before, after))):
        return None
    why = f"asked to confirm the tool {name}, which {'is gone' if after is None else 'has changed'}"
    return Fate(flow=run.frames[-1].flow, step=run.frames[-1].step, why=why, tool=name)


def _why(frame: Frame, old: Book | None, new: Book) -> str:
    flow = new.flows.get(frame.flow)
    if flow is None:
        return "a flow that is gone"
    after = flow.steps.get(frame.step)
    if after is None:
        return "a step that is gone"
    known = old.flows.get(frame.flow) if old else None
    before = known.steps.get(frame.step) if known else None
    if before is not None and type(before) is not type(after):
        return f"which was {kind_of_step(before)} and is {kind_of_step(after)} now"
    return ""


class _Shelf:
    """The new version, and nothing else."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def book(self, version: str) -> Book:
        if version != self._book.version:
            raise UnknownBook(version)
        return self._book

    def shows_buttons(self, _channel: str) -> bool:
        return True


def _moves_to(run: Run, new: Book) -> str:
    """Where the rules put the run at its next event."""
    event = NoteAdded(id="n", at=_NOW, channel="", flows=new.version, conversation_id="c", agent="", body="")
    plan = Plan(Conversation(id="c", channel="", run=run), event, Policy(), _Shelf(new))
    follow(plan)
    moved = plan.state.run
    if moved is None or moved.book != new.version:
        return ""
    return f"{moved.frames[-1].flow}/{moved.frames[-1].step}"
