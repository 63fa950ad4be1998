"""What all that is not a message means to the flow under way: its timers, its calls, its drafts, and its versions.

A conversation stays on the version of the flows on which its flow began. Where the version in force declares a
migration, it moves at its next event; a position that the new version does not have stays on the old one, and so does
one that waits for a tap, which is for what the contact was shown.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from frontdesk.core.conversation import Handler
from frontdesk.core.drafting import draft
from frontdesk.core.effect import NotifyDesk
from frontdesk.core.event import CallReturned, DraftFailed, FlowRequested, ReplyDrafted
from frontdesk.core.flow import Answer, Ask, Book, Call, Choose, Migration, Wait
from frontdesk.core.grounding import visible
from frontdesk.core.handing import given_to_people, hand_off, not_answered
from frontdesk.core.plan import Plan
from frontdesk.core.position import AnswerAwaited, CallAwaited, DraftAwaited, Frame, Position, TapAwaited, TimeAwaited
from frontdesk.core.running import FAILURE, CannotGoOn, Runner, begin, resume
from frontdesk.core.scope import FAILURE_CHARACTERS_MAX
from frontdesk.core.tooling import tool_returned, tool_wanted


def reminder_due(plan: Plan, effect_id: str) -> None:
    """A flow's timer fired: a reminder, the end of the question, or the end of a `wait`."""
    follow(plan)
    run = plan.state.run
    match run.waits if run else None:
        case TimeAwaited(timer_id=timer_id) if run and timer_id == effect_id:
            runner = resume(plan, run)
            runner.go_to(runner.step.next, "elapsed")
        case AnswerAwaited(timer_id=timer_id) as waits if run and timer_id == effect_id:
            _remind(plan, resume(plan, run), waits)
        case TapAwaited(timer_id=timer_id) if run and timer_id == effect_id:
            plan.leave_flow("closed")
            plan.close_turns()
        case _:
            pass


def _remind(plan: Plan, runner: Runner, waits: AnswerAwaited) -> None:
    step = runner.step
    stages = runner.silences(step) if isinstance(step, Ask | Choose) else ()
    if not isinstance(step, Ask | Choose) or waits.reminders >= len(stages):
        return
    stage = stages[waits.reminders]
    if stage.words and plan.is_window_open:
        plan.say(runner.words(stage.words))
    if stage.closes:
        plan.leave_flow("closed")
    else:
        later = runner.awaiting(step, waits.misfits, waits.reminders + 1)
        runner.stand(msgspec.structs.replace(later, offered_as=waits.offered_as), "reminded")


def call_returned(plan: Plan, event: CallReturned) -> None:
    """What a host answered; only the call that the flow waits for counts."""
    follow(plan)
    run = plan.state.run
    if run is None or not isinstance(run.waits, CallAwaited) or run.waits.effect_id != event.effect_id:
        return
    runner = resume(plan, run)
    step = runner.step
    if isinstance(step, Answer) and run.waits.tooling is not None:
        tool_returned(plan, runner, step, run.waits.tooling, event)
        return
    if not isinstance(step, Call):
        return
    runner.assign(f"flow.{FAILURE}", event.failure[:FAILURE_CHARACTERS_MAX] or None)
    for variable, _ in step.saves:
        runner.assign(variable, event.values.get(variable))
    if not event.failure:
        runner.go_to(step.next, "returned")
    elif step.if_failed:
        runner.go_to(step.if_failed, "returned")
    else:
        hand_off(plan, f"the flow {runner.name} could not go on: {event.failure}", plan.policy.hand_off_text)


def is_of_flow(plan: Plan, effect_id: str) -> bool:
    """Whether a draft is what the flow waits for."""
    run = plan.state.run
    return run is not None and isinstance(run.waits, DraftAwaited) and run.waits.effect_id == effect_id


def step_drafted(plan: Plan, event: ReplyDrafted | DraftFailed) -> None:
    """The model answered for an `answer` step, or could not."""
    follow(plan)
    run = plan.state.run
    if run is None:
        return
    runner = resume(plan, run)
    step = runner.step
    if not isinstance(step, Answer):
        return
    text = visible(event) if isinstance(event, ReplyDrafted) else ""
    tooling = run.waits.tooling if isinstance(run.waits, DraftAwaited) else None
    if isinstance(event, ReplyDrafted) and event.wants is not None and tooling is not None and not event.hands_off:
        tool_wanted(plan, runner, step, tooling, event.wants)
        return
    if isinstance(event, ReplyDrafted) and given_to_people(plan, event, demands_sources=_demands(plan, step)):
        return
    if isinstance(event, ReplyDrafted) and event.is_answer and text:
        plan.close_turns()
        plan.change(unanswered=0)
        _say_and_go(plan, runner, text, step.next)
    else:
        plan.close_turns()
        reason = event.reason if isinstance(event, DraftFailed) else "the language model had no answer"
        runner.assign(f"flow.{FAILURE}", reason[:FAILURE_CHARACTERS_MAX])
        _unanswered(plan, runner, step, reason)


def _demands(plan: Plan, step: Answer) -> bool:
    return plan.policy.demands_sources if step.demands_sources is None else step.demands_sources


def _say_and_go(plan: Plan, runner: Runner, text: str, step_id: str) -> None:
    try:
        runner.say(text)
    except CannotGoOn as error:
        hand_off(plan, f"the flow {runner.name} cannot go on: {error}")
        return
    runner.go_to(step_id, "drafted")


def _unanswered(plan: Plan, runner: Runner, step: Answer, reason: str) -> None:
    if step.if_unanswered:
        runner.go_to(step.if_unanswered, "drafted")
        return
    not_answered(plan, plan.policy.unanswered_text, reason)
    if plan.state.handler is Handler.BOT:
        runner.go_to(step.next, "drafted")


def intent_chosen(plan: Plan, event: ReplyDrafted | DraftFailed) -> None:
    """The model said which flow the contact means; if none, it is asked for an answer, within the same deadline: where
    every model hangs, the contact must not wait for two of them."""
    since = _waited_since(plan, event)
    plan.change(intent_id="", intent_since=None)
    book = plan.book
    chosen = event.text.strip() if isinstance(event, ReplyDrafted) and event.is_answer else ""
    intent = next((one for one in book.triggers.intents if one.sentence == chosen), None) if book else None
    if book is None or intent is None:
        draft(plan, since)
    else:
        begin(plan, book, intent.flow)


def _waited_since(plan: Plan, event: ReplyDrafted | DraftFailed) -> datetime | None:
    """From when the deadline counts. Of a choice that was made at once when somebody came to ask for it, only the time
    that the models took: before that nothing ran, and who wrote meanwhile is to be answered, not turned away."""
    since = plan.state.intent_since
    is_at_once = isinstance(event, ReplyDrafted) and event.attempt == 1 and event.calls
    if since is None or not is_at_once:
        return since
    return max(since, event.at - timedelta(seconds=sum(call.seconds for call in event.calls)))


def flow_requested(plan: Plan, event: FlowRequested) -> None:
    """A program asks for a flow; people who have the conversation are told instead."""
    book = plan.flows.book(plan.flows_version) if plan.flows_version else None
    if book is None or event.flow not in book.flows:
        plan.add(NotifyDesk, reason=f"a program asked for the flow {event.flow}, which there is not")
    elif plan.state.handler is not Handler.BOT:
        plan.add(NotifyDesk, reason=f"a program asked for the flow {event.flow}, but people have the conversation")
    else:
        begin(plan, book, event.flow, inputs=event.values)


def follow(plan: Plan) -> None:
    """Move to the flows in force, where they say how."""
    run = plan.state.run
    if run is None or not plan.flows_version or run.book == plan.flows_version:
        return
    book = plan.flows.book(plan.flows_version)
    frames = tuple(_moved(frame, book, run.book) for frame in run.frames)
    if not all(frames) or not _can_stand(run.waits, book, frames[-1]):
        return
    waits = run.waits
    if isinstance(waits, AnswerAwaited) and not waits.offered_as:
        waits = msgspec.structs.replace(waits, offered_as=run.frames[-1].step)
    moved = msgspec.structs.replace(run, book=book.version, frames=tuple(filter(None, frames)), waits=waits)
    plan.stand(moved, "moved")


def _moved(frame: Frame, book: Book, version: str) -> Frame | None:
    """Where the frame stands in the new version; None where that is not said."""
    flow = book.flows.get(frame.flow)
    migration: Migration | None = flow.migration if flow else None
    if flow is None or migration is None or not {"*", version} & set(migration.versions):
        return None
    step = migration.steps.get(frame.step, frame.step)
    return msgspec.structs.replace(frame, step=step) if step in flow.steps else None


def _can_stand(position: Position, book: Book, frame: Frame | None) -> bool:
    """Whether the step there waits for the same."""
    step = book.flows[frame.flow].steps[frame.step] if frame else None
    match position:
        case AnswerAwaited():
            return isinstance(step, Ask | Choose)
        case CallAwaited():
            return isinstance(step, Call | Answer) and isinstance(step, Answer) is (position.tooling is not None)
        case DraftAwaited():
            return isinstance(step, Answer)
        case TapAwaited():
            return False
        case TimeAwaited():
            return isinstance(step, Wait)
