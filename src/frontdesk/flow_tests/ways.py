"""Which steps examples perform, and which ways out of them they take.

`Decision.path` tells steps, and where two ways lead to one step it does not tell which was taken. So examples are
played under the same flows with a *mark* put on every way: a step that does nothing and stands between. The rules know
nothing of it, and nobody ever waits at one. What an author did not write is no way: that people take over after three
misfits, or where a call fails, is the rules' own and tested with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.event import Event, MessageReceived, TimerFired
from frontdesk.core.flow import Answer, AnyStep, Ask, Book, Branch, Call, Choose, Flow, Question, Tag
from frontdesk.core.message import Choice, Text
from frontdesk.core.plan import Decision
from frontdesk.core.position import AnswerAwaited, Run
from frontdesk.core.starting import heard, interrupt
from frontdesk.core.transcript import as_text

MARK = ">"
RULES = "rules"


class Way(Struct, frozen=True, kw_only=True):
    """One way out of a step. `name` is what a person calls it; `line` is the step's, 1 in the rules."""

    flow: str
    step: str
    name: str
    line: int

    @property
    def is_of_rules(self) -> bool:
        """Whether it stands in rules.yaml and in no flow."""
        return not self.step


class Watched(Struct, frozen=True, kw_only=True, eq=False):
    """A book with marks, what each mark stands for, and the line of each step; keys are as in `Decision.path`."""

    book: Book
    ways: Mapping[str, Way]
    steps: Mapping[str, int]

    def shows_buttons(self, _channel: str) -> bool:
        """As `core.flow.Flows`."""
        return True


def watched(book: Book) -> Watched:
    """The book with marks."""
    ways = _ways_of_rules(book)
    flows: dict[str, Flow] = {}
    for name, flow in book.flows.items():
        marking = _Marking(flow)
        flows[name] = msgspec.structs.replace(flow, steps=marking.steps())
        ways.update((f"{name}/{key}", way) for key, way in marking.ways.items())
    steps = {f"{name}/{step.id}": step.line for name, flow in book.flows.items() for step in flow.steps.values()}
    return Watched(book=msgspec.structs.replace(book, flows=flows), ways=ways, steps=steps)


def _ways_of_rules(book: Book) -> dict[str, Way]:
    """Interrupts, and what follows silence; once for all questions that have nothing of their own."""
    names = {f"interrupt {number}": f"the words “{' '.join(one.phrases[0])}”" for number, one in _interrupts(book)}
    for number, stage in enumerate(book.rules.silence):
        names[f"silence {number}"] = "the end after silence" if stage.closes else "the reminder after silence"
    return {f"{RULES}{MARK}{key}": Way(flow=RULES, step="", name=name, line=1) for key, name in names.items()}


def _interrupts(book: Book) -> Iterable[tuple[int, Any]]:
    return ((number, one) for number, one in enumerate(book.rules.interrupts) if one.phrases)


class _Marking:
    """Of one flow."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.ways: dict[str, Way] = {}
        self._marks: dict[str, AnyStep] = {}

    def steps(self) -> dict[str, AnyStep]:
        """All steps with marks between, and the marks."""
        marked = {name: self._marked(step) for name, step in self.flow.steps.items()}
        return {**marked, **self._marks}

    def _marked(self, step: AnyStep) -> AnyStep:
        def way(name: str, target: str) -> str:
            return self._way(step, name, target)

        changes = _changes(step, way)
        if isinstance(step, Question):
            if step.otherwise:
                changes["otherwise"] = way("otherwise, after answers that do not fit", step.otherwise)
            if step.way_out:
                left = way("the way out", step.way_out.next)
                changes["way_out"] = msgspec.structs.replace(step.way_out, next=left)
            self._note_what_stays(step)
        return msgspec.structs.replace(step, **changes) if changes else step

    def _way(self, step: AnyStep, name: str, target: str) -> str:
        key = f"{step.id}{MARK}{len(self.ways)}"
        self.ways[key] = Way(flow=self.flow.name, step=step.id, name=name, line=step.line)
        if target:
            self._marks[key] = Tag(id=key, line=step.line, next=target)
        return key if target else ""

    def _note_what_stays(self, step: Question) -> None:
        """Ways on which the conversation stays at the question, or is over."""
        told = {f"silence {number}": "an end" if one.closes else "a reminder" for number, one in _silences(step)}
        names = {key: f"{what} after silence" for key, what in told.items()}
        if step.tries > 1 and not (isinstance(step, Ask) and step.expected.kind == "anything"):
            names["misfit"] = "an answer that does not fit"
        for key, name in names.items():
            self.ways[f"{step.id}{MARK}{key}"] = Way(flow=self.flow.name, step=step.id, name=name, line=step.line)


def _silences(step: Question) -> Iterable[tuple[int, Any]]:
    return enumerate(step.silence or ())


def _changes(step: AnyStep, way: Callable[[str, str], str]) -> dict[str, Any]:
    """The step's fields in which a mark comes before the next step."""
    match step:
        case Branch():
            cases = tuple(
                msgspec.structs.replace(case, next=way(f"if {case.test.text}", case.next)) for case in step.cases
            )
            return {"cases": cases, "next": way("else", step.next)}
        case Choose():
            options = tuple(
                msgspec.structs.replace(one, next=way(f"the option “{one.id}”", one.next or step.next))
                for one in step.options
            )
            return {"options": options}
        case Ask():
            return {"next": way("an answer that fits", step.next)}
        case Call(if_failed=str() as failed) if failed:
            return {"next": way("an answer of the host", step.next), "if_failed": way("if_failed", failed)}
        case Answer(if_unanswered=str() as unanswered) if unanswered:
            return {"next": way("an answer of the model", step.next), "if_unanswered": way("if_unanswered", unanswered)}
        case _:
            return {}


class Tally:
    """What examples performed and took so far."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._rules = watched.book.rules
        self.steps: set[str] = set()
        self.ways: set[str] = set()

    def note(self, before: Conversation, event: Event, decision: Decision) -> None:
        """One decision."""
        for place in decision.path:
            (self.ways if MARK in place else self.steps).add(place)
        if before.run is not None and isinstance(before.run.waits, AnswerAwaited):
            self._note_question(before.run, before.run.waits, event, decision.conversation.run)
        if isinstance(event, MessageReceived) and before.handler is Handler.BOT:
            self._note_interrupt(event)

    def _note_question(self, run: Run, waits: AnswerAwaited, event: Event, after: Run | None) -> None:
        frame = run.frames[-1]
        place = f"{frame.flow}/{frame.step}{MARK}"
        again = after.waits if after is not None and after.id == run.id else None
        if isinstance(event, MessageReceived) and isinstance(again, AnswerAwaited) and again.misfits > waits.misfits:
            self.ways.add(f"{place}misfit")
        if isinstance(event, TimerFired) and event.effect_id == waits.timer_id:
            own = f"{place}silence {waits.reminders}"
            self.ways.add(own if own in self._watched.ways else f"{RULES}{MARK}silence {waits.reminders}")

    def _note_interrupt(self, event: MessageReceived) -> None:
        if not isinstance(event.content, Text | Choice):
            return
        found = interrupt(self._rules, heard(as_text(event.content)))
        if found is not None:
            self.ways.add(f"{RULES}{MARK}interrupt {self._rules.interrupts.index(found)}")


class Covered(Struct, frozen=True, kw_only=True):
    """How much of something was performed. `missing`: the rest, as places in files and what stands there."""

    name: str
    steps: int
    steps_all: int
    ways: int
    ways_all: int
    missing: tuple[tuple[str, int, str], ...] = ()

    @property
    def steps_percent(self) -> float:
        """Of all steps; 100 where there are none."""
        return 100.0 * self.steps / self.steps_all if self.steps_all else 100.0

    @property
    def ways_percent(self) -> float:
        """Of all ways; 100 where there are none."""
        return 100.0 * self.ways / self.ways_all if self.ways_all else 100.0


def covered(watched: Watched, tally: Tally) -> list[Covered]:
    """Flow by flow, the rules last, where they have ways."""
    names = [*watched.book.flows, *([RULES] if any(one.is_of_rules for one in watched.ways.values()) else [])]
    return [_covered(name, watched, tally) for name in names]


def _covered(name: str, watched: Watched, tally: Tally) -> Covered:
    steps = {key: line for key, line in watched.steps.items() if key.startswith(f"{name}/")}
    ways = {key: way for key, way in watched.ways.items() if way.flow == name}
    file = f"{name}.yaml"
    missing = [
        (file, line, f"the step “{key.partition('/')[2]}” is never performed")
        for key, line in steps.items()
        if key not in tally.steps
    ]
    missing += [
        (file, way.line, f"never taken{f' from “{way.step}”' if way.step else ''}: {way.name}")
        for key, way in ways.items()
        if key not in tally.ways and (way.is_of_rules or f"{name}/{way.step}" in tally.steps)
    ]
    return Covered(
        name=name,
        steps=len(steps.keys() & tally.steps),
        steps_all=len(steps),
        ways=len(ways.keys() & tally.ways),
        ways_all=len(ways),
        missing=tuple(sorted(missing)),
    )


def total(parts: Iterable[Covered]) -> Covered:
    """All together."""
    rows = list(parts)
    return Covered(
        name="all",
        steps=sum(one.steps for one in rows),
        steps_all=sum(one.steps_all for one in rows),
        ways=sum(one.ways for one in rows),
        ways_all=sum(one.ways_all for one in rows),
        missing=tuple(one for row in rows for one in row.missing),
    )
