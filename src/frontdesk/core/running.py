"""A flow in motion: from step to step until it has to wait for somebody.

`Runner` lives for one decision. It performs steps through the plan (so that what flows say is paced, ordered and kept
like everything else) and ends in one of four positions, or in none. What an event means for the position that a flow
stands at is for `hearing` (a message) and `steering` (all else).

A flow never loops for ever (`STEPS_MAX` in one decision), never nests without end (`DEPTH_MAX`), and a step that cannot
be performed (an expression without a value, free text outside the service window) gives the conversation to people
with a sentence that names flow and step.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import assert_never
from urllib.parse import quote

import msgspec

from frontdesk.core.conversation import Handler, Handover
from frontdesk.core.drafting import prompt_for, tools_offered
from frontdesk.core.effect import CallHttp, DraftReply, WakeAt
from frontdesk.core.event import MessageReceived
from frontdesk.core.expression import EvaluationError
from frontdesk.core.flow import (
    Answer,
    AnyStep,
    Ask,
    Assign,
    Book,
    Branch,
    Call,
    Choose,
    Consent,
    End,
    Flow,
    GiveToPeople,
    Jump,
    Resolve,
    Say,
    Silence,
    SubFlow,
    Tag,
    Variable,
    Wait,
    Words,
)
from frontdesk.core.handing import give_back, hand_off, not_answered
from frontdesk.core.hours import opens_at
from frontdesk.core.message import Content, Template
from frontdesk.core.offering import offer
from frontdesk.core.plan import FLOW_WORK, Plan
from frontdesk.core.position import (
    AnswerAwaited,
    CallAwaited,
    DraftAwaited,
    Frame,
    Position,
    Run,
    Stored,
    TimeAwaited,
)
from frontdesk.core.saying import content_of
from frontdesk.core.scope import LANGUAGE, fitted, heard_values, languages_of, value_of, values_of
from frontdesk.core.states import FlowCause
from frontdesk.core.tool import Tooling
from frontdesk.core.transcript import says_nothing
from frontdesk.core.value import Value, shown

STEPS_MAX = 100
DEPTH_MAX = 8
TAGS_MAX = 50
FAILURE = "failure"
"""`flow.failure` says why a call or an answer failed."""


class CannotGoOn(Exception):
    """The flow cannot be continued: a sentence for people."""


class Runner:
    """See the module. `values` is every variable that can be read now."""

    def __init__(self, plan: Plan, book: Book, run_id: str, frames: tuple[Frame, ...]) -> None:
        self.plan = plan
        self.book = book
        self.run_id = run_id
        self.frames = list(frames)
        self.values: dict[str, Value] = {}
        self.is_unread = False  # what it was started by says nothing
        self._enter()

    @property
    def flow(self) -> Flow:
        """The one that is performed now."""
        return self.book.flows[self.frames[-1].flow]

    @property
    def step(self) -> AnyStep:
        """Where it stands."""
        return self.flow.steps[self.frames[-1].step]

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.flow.name}, step {self.frames[-1].step}"

    @property
    def languages(self) -> tuple[str, ...]:
        """The best first."""
        return languages_of(self.plan.state, self.book)

    @property
    def has_buttons(self) -> bool:
        """Whether the channel shows any."""
        return self.plan.flows.shows_buttons(self.plan.state.channel)

    def words(self, words: Words) -> str:
        """A text in the contact's language."""
        return words.render(self.languages, self.values)

    # Variables

    def _enter(self) -> None:
        """See the variables of the flow that is on top now."""
        heard = {name: value for name, value in self.values.items() if name.startswith("message.")}
        self.values = values_of(self.plan.state, self.book, self.flow, self.plan.now)
        self.values.update(heard)
        self.values.update((f"flow.{name}", value) for name, value in self.frames[-1].variables.items())

    def declared(self, variable: str) -> Variable | None:
        """What the business said of a variable."""
        return self.flow.variables.get(variable) or self.book.defaults.get(variable)

    def assign(self, variable: str, value: Value) -> None:
        """Write a variable back to where it lives."""
        scope, _, name = variable.partition(".")
        kept = fitted(value, self.declared(variable))
        match scope:
            case "contact" if name == LANGUAGE:
                self.plan.change(facts={**self.plan.state.facts, LANGUAGE: shown(kept)})
            case "contact":
                self.plan.change(facts={**self.plan.state.facts, name: kept})
            case "conversation":
                self.plan.change(variables={**self.plan.state.variables, name: kept})
            case _:
                self._set_local(name, kept)
        self.values[variable] = kept
        if variable == f"contact.{LANGUAGE}":
            self.values[variable] = self.languages[0]

    def _set_local(self, name: str, value: Stored) -> None:
        frame = self.frames[-1]
        self.frames[-1] = msgspec.structs.replace(frame, variables={**frame.variables, name: value})

    # Walking

    def go_to(self, step_id: str, cause: FlowCause) -> None:
        """Perform steps from `step_id` ("": the flow ends there) until one has to wait, or nothing is left."""
        try:
            position = self._walk(step_id)
        except (CannotGoOn, EvaluationError) as error:
            self.plan.announce()
            hand_off(self.plan, f"the flow {self.name} cannot go on: {error}", self.plan.policy.hand_off_text)
            return
        if not isinstance(position, CallAwaited | DraftAwaited):
            self.plan.close_turns()
        if position is not None:
            self.stand(position, cause)
        elif self.plan.state.run is not None:
            self.plan.stand(None, cause)

    def first_question(self) -> AnyStep | None:
        """The step at which the flow waits first, without saying what stands before it; None if that cannot be told."""
        step: AnyStep | None = self.step
        for _ in range(STEPS_MAX):
            if not isinstance(step, Say | Tag | Assign | Branch):
                return step
            try:
                reached = step.next if isinstance(step, Say) else self._perform(step)
            except EvaluationError:
                return None
            step = self.flow.steps.get(reached) if isinstance(reached, str) else None
        return None

    def stand(self, position: Position, cause: FlowCause) -> None:
        """Wait at the step that was performed last."""
        run = Run(id=self.run_id, book=self.book.version, frames=tuple(self.frames), waits=position)
        self.plan.stand(run, cause)

    def _walk(self, step_id: str) -> Position | None:
        for _ in range(STEPS_MAX):
            while not step_id:
                back = self._return(None)
                if back is None:
                    return None
                step_id = back
            self.frames[-1] = msgspec.structs.replace(self.frames[-1], step=step_id)
            self.plan.path.append(f"{self.flow.name}/{step_id}")
            reached = self._perform(self.step)
            if not isinstance(reached, str):
                return reached
            step_id = reached
        raise CannotGoOn(f"it took {STEPS_MAX} steps without waiting for anybody")

    def _return(self, result: Value) -> str | None:
        """Leave the flow on top for the one that called it: the step there, "" if that ends too; None if none did."""
        left = self.frames.pop()
        if not self.frames:
            self.frames.append(left)  # still named where something goes wrong
            return None
        caller = self.step
        self._enter()
        if left.returns_to:
            self.assign(left.returns_to, result)
        return caller.next

    def _perform(self, step: AnyStep) -> str | Position | None:  # noqa: C901, PLR0912 -- one case a step
        """Do it. A step's id: go on there; a position: wait; None: over."""
        match step:
            case Say():
                self.send(content_of(step.said, self.values, self.languages, self.plan.state.refused_consents))
                return step.next
            case Ask() | Choose():
                self.ask(step)
                return self.awaiting(step)
            case Assign():
                for assignment in step.assignments:
                    self.assign(assignment.variable, value_of(assignment.source, self.values))
                return step.next
            case Branch():
                return next((case.next for case in step.cases if case.test.evaluate(self.values)), step.next)
            case Call():
                return self.call(step, self.values)
            case Answer():
                return self._not_read(step) if self.is_unread and step.question is None else self.draft(step)
            case SubFlow():
                return self._enter_flow(step)
            case Jump():
                return self._replace_flow(step.flow)
            case Wait():
                return self._wait(step)
            case Tag():
                kept = [tag for tag in self.plan.state.tags if tag not in step.remove]
                self.plan.change(tags=tuple(dict.fromkeys((*kept, *step.add)))[:TAGS_MAX])
                return step.next
            case Consent():
                self._consent(step)
                return step.next
            case GiveToPeople():
                self._give_to_people(step)
                return None
            case Resolve():
                give_back(self.plan, is_resolved=True)
                return None
            case End():
                result = value_of(step.result, self.values) if step.result is not None else None
                return self._return(result)
            case _ as unreachable:
                assert_never(unreachable)

    # Steps that need more than a line

    def send(self, content: Content | None) -> None:
        """Say it, if the service window allows; None: there is nothing to say."""
        if content is None:
            return
        if not isinstance(content, Template) and not self.plan.is_window_open:
            raise CannotGoOn("the service window is closed, and only a template may be said")
        self.plan.utter(content)

    def ask(self, step: Ask | Choose, before: str = "") -> None:
        """Put the question, after a sentence about the answer before."""
        if isinstance(step, Choose):
            self.send(
                offer(
                    step,
                    flow=self.flow.name,
                    run=self.run_id,
                    event=self.plan.event_id,
                    languages=self.languages,
                    values=self.values,
                    sentences=self.book.rules.sentences,
                    has_buttons=self.has_buttons,
                    before=before,
                )
            )
            return
        self.say("\n\n".join(filter(None, (before, self.words(step.words)))))

    def say(self, text: str) -> None:
        """Words, if the service window allows."""
        if not self.plan.is_window_open:
            raise CannotGoOn("the service window is closed, and only a template may be said")
        self.plan.say(text)

    def silences(self, step: Ask | Choose) -> tuple[Silence, ...]:
        """What happens when the contact does not answer."""
        return self.book.rules.silence if step.silence is None else step.silence

    def awaiting(self, step: Ask | Choose, misfits: int = 0, reminders: int = 0) -> AnswerAwaited:
        """The position behind a question, with the timer for the next reminder."""
        stages = self.silences(step)
        if reminders >= len(stages):
            return AnswerAwaited(misfits=misfits, reminders=reminders)
        waited = stages[reminders - 1].after_seconds if reminders else 0.0
        timer_id = self.wake(max(stages[reminders].after_seconds - waited, 0.0))
        return AnswerAwaited(misfits=misfits, reminders=reminders, timer_id=timer_id)

    def wake(self, seconds: float) -> str:
        """Set a timer of the flow's; its id."""
        return self.plan.add(WakeAt, self.plan.now + timedelta(seconds=seconds), purpose="flow", about=self.run_id)

    def call(self, step: Call, values: Mapping[str, Value]) -> CallAwaited:
        """Ask a host, with what the variables hold."""
        query = "&".join(
            f"{quote(name, safe='')}={quote(shown(value_of(source, values)), safe='')}" for name, source in step.query
        )
        body = {name: value_of(source, values) for name, source in step.body}
        path = "".join(part if isinstance(part, str) else _encoded(part.render(values)) for part in step.path.parts)
        effect_id = self.plan.add(
            CallHttp,
            host=step.host,
            method=step.method,
            path=f"{path}?{query}" if query else path,
            body=msgspec.json.encode(body).decode() if step.body else "",
            wants=step.saves,
            timeout_seconds=step.timeout_seconds,
            is_repeatable=step.is_repeatable or step.method == "GET",
        )
        return CallAwaited(effect_id=effect_id)

    def draft(self, step: Answer, tooling: Tooling | None = None) -> DraftAwaited:
        """Ask the model on the step's behalf."""
        question = step.question.render(self.values) if step.question else ""
        directions, meant = step.instructions.referring(self.values) if step.instructions else ("", ())
        tooling = tooling or (Tooling(since=self.plan.now) if step.tools else None)
        prompt = prompt_for(
            self.plan,
            question,
            directions=directions,
            meant=meant,
            scope=step.scope,
            tools=tools_offered(self.book, step, tooling),
            results=tooling.results if tooling else (),
            queries=tooling.queries if tooling else (),
            demands_sources=self.plan.policy.demands_sources if step.demands_sources is None else step.demands_sources,
        )
        since = tooling.since if tooling and tooling.since < self.plan.now else None
        return DraftAwaited(effect_id=self.plan.add(DraftReply, prompt=prompt, since=since), tooling=tooling)

    def _not_read(self, step: Answer) -> str | None:
        """There are no words to ask the model about."""
        if step.if_unanswered:
            return step.if_unanswered
        not_answered(self.plan, self.plan.policy.unreadable_text, "a message that the bot cannot read")
        return step.next if self.plan.state.handler is Handler.BOT else None

    def _enter_flow(self, step: SubFlow) -> str:
        if len(self.frames) >= DEPTH_MAX:
            raise CannotGoOn(f"flows called one another {DEPTH_MAX} deep")
        inputs = [(item.variable, value_of(item.source, self.values)) for item in step.inputs]
        flow = self._known(step.flow)
        self.frames.append(Frame(flow=flow.name, step=flow.first, returns_to=step.save))
        self._enter()
        for variable, value in inputs:
            self.assign(variable, value)
        return flow.first

    def _replace_flow(self, name: str) -> str:
        flow = self._known(name)
        self.frames[-1] = Frame(flow=name, step=flow.first, returns_to=self.frames[-1].returns_to)
        self._enter()
        return flow.first

    def _known(self, name: str) -> Flow:
        flow = self.book.flows.get(name)
        if flow is None:
            raise CannotGoOn(f"there is no flow {name}")
        return flow

    def _wait(self, step: Wait) -> str | TimeAwaited:
        until = self.plan.now + timedelta(seconds=step.seconds or 0.0)
        if step.is_until_open:
            opening = opens_at(self.book.rules.hours, self.plan.now)
            if opening is None:
                raise CannotGoOn("the business does not open within a year")
            until = opening
        if until <= self.plan.now:
            return step.next
        timer_id = self.plan.add(WakeAt, until, purpose="flow", about=self.run_id)
        return TimeAwaited(timer_id=timer_id, until=until)

    def _consent(self, step: Consent) -> None:
        refused = tuple(one for one in self.plan.state.refused_consents if one != step.category)
        self.plan.change(refused_consents=refused if step.is_granted else (*refused, step.category))

    def _give_to_people(self, step: GiveToPeople) -> None:
        summary = step.summary.render(self.values) if step.summary else ""
        text = self.words(step.words) if step.words else self.plan.policy.hand_off_text
        handover = Handover(team=step.team, priority=step.priority, summary=summary)
        self.plan.announce()
        hand_off(self.plan, f"the flow {self.flow.name} asks for a person", text, handover)


def _encoded(text: str) -> str:
    """A variable, after its filters, as it may stand in a path: nothing in it can leave its segment; one of dots only
    becomes `_`, for `..` climbs."""
    return quote(text, safe="") if text.strip(".") else "_" * len(text)


def make_way(plan: Plan) -> None:
    """What is under way ends, for a flow that begins: its timers and calls, and drafts for what was open."""
    plan.withdraw(*FLOW_WORK)
    plan.stop_drafting()


def at_start(plan: Plan, book: Book, flow: Flow, event: MessageReceived | None = None) -> Runner:
    """A runner at the beginning of a flow; nothing is performed yet."""
    runner = Runner(plan, book, plan.event_id, (Frame(flow=flow.name, step=flow.first),))
    if event is not None:
        runner.values.update(heard_values(event))
        runner.is_unread = says_nothing(event.content)
    return runner


def begin(
    plan: Plan,
    book: Book,
    flow: str,
    event: MessageReceived | None = None,
    inputs: Mapping[str, Value] | None = None,
) -> None:
    """Start a flow, by a message or without one, in place of whatever is under way."""
    make_way(plan)
    found = book.flows[flow]
    runner = at_start(plan, book, found, event)
    for name, value in (inputs or {}).items():
        runner.assign(f"flow.{name}", value)
    runner.go_to(found.first, "started")


def resume(plan: Plan, run: Run) -> Runner:
    """The runner of the flow that is under way. Raises UnknownBook."""
    return Runner(plan, plan.flows.book(run.book), run.id, run.frames)
