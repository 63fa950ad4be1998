"""What events mean for flows: which one a message starts, and what becomes of the one that is under way.

A message of the contact is led, in this order, to: an interrupt ("menu", "agent"; heard at any time, but only alone in
a message); the question that waits, if it fits; a flow that it starts by a button, a phrase or an advertisement; the
question again, with a sentence; the flow for first contacts; and else to whatever answers where there are no flows.

Buttons live for ever in a chat. One that was tapped twice within `SAME_TAP_SECONDS` is heard once. An old one whose
step is the first question of its flow starts that flow there; any other old one is told that it is old, and the
question that waits is put again.

A conversation stays on the version of the flows on which its flow began. Where the version in force declares a
migration, it moves at its next event; a position that the new version does not have stays on the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from frontdesk.core.answer import Misfit, Reading, read_answer
from frontdesk.core.conversation import Arrival, Handler, Handover
from frontdesk.core.drafting import draft, mark_read
from frontdesk.core.effect import NotifyDesk
from frontdesk.core.event import CallReturned, DraftFailed, FlowRequested, MessageReceived, ReplyDrafted
from frontdesk.core.expression import EvaluationError, Expression
from frontdesk.core.flow import Answer, AnyStep, Ask, Book, Call, Choose, Flow, Interrupt, Migration, Say, Tag, Wait
from frontdesk.core.handing import hand_off, not_answered
from frontdesk.core.language import detect
from frontdesk.core.markup import to_whatsapp
from frontdesk.core.message import CallPermission, Choice, Content, Text
from frontdesk.core.offering import Tap, read_choice, read_tap
from frontdesk.core.plan import Plan
from frontdesk.core.position import AnswerAwaited, CallAwaited, DraftAwaited, Frame, Position, Run, TimeAwaited
from frontdesk.core.running import FAILURE, CannotGoOn, Runner, begin, resume, start
from frontdesk.core.scope import heard_values, languages_of
from frontdesk.core.starting import advertised, heard, interrupt, is_phrase, keyword
from frontdesk.core.states import FlowCause
from frontdesk.core.transcript import as_text
from frontdesk.core.value import Value

SAME_TAP_SECONDS = 60
TAPS_MAX = 8


def hear(plan: Plan, event: MessageReceived, *, is_first: bool) -> bool:
    """Lead a message that the bot may answer through the flows; False where none of them wants it."""
    follow(plan)
    book = plan.flows.book(plan.flows_version) if plan.flows_version else plan.book
    if book is None or isinstance(event.content, CallPermission):
        return False
    _learn_language(plan, book, event)
    spoken = heard(as_text(event.content)) if isinstance(event.content, Text | Choice) else ()
    found = interrupt(book.rules, spoken)
    if found is not None:
        _interrupt(plan, book, event, found)
        return True
    if _is_tapped_again(plan, event):
        _remember(plan, event)
        return True
    run = plan.state.run
    if run is not None and not isinstance(run.waits, TimeAwaited):
        return _go_on(plan, book, run, event, spoken)
    return _start(plan, book, event, spoken, is_first=is_first)


def is_awaited(plan: Plan) -> bool:
    """Whether a flow waits for the contact's words, so that they may mean anything."""
    return plan.state.run is not None and isinstance(plan.state.run.waits, AnswerAwaited)


def _remember(plan: Plan, event: MessageReceived) -> None:
    """Open until something answers it: an `answer` step is asked about what is open."""
    plan.remember("contact", as_text(event.content), event.provider_message_id, is_open=True)


def _learn_language(plan: Plan, book: Book, event: MessageReceived) -> None:
    if isinstance(event.content, Text) and len(book.rules.languages) > 1:
        language = detect(event.content.body, book.rules.languages)
        if language:
            plan.change(language=language)


def _interrupt(plan: Plan, book: Book, event: MessageReceived, found: Interrupt) -> None:
    _remember(plan, event)
    mark_read(plan, is_typing=False)
    if found.flow:
        begin(plan, book, found.flow, event)
    else:
        handover = Handover(team=found.team)
        hand_off(plan, "the contact asked for a person", plan.policy.hand_off_text, handover)


def _is_tapped_again(plan: Plan, event: MessageReceived) -> bool:
    """The same button twice within a minute, which is one decision of an impatient thumb."""
    if not isinstance(event.content, Choice):
        return False
    recent = plan.now - timedelta(seconds=SAME_TAP_SECONDS)
    return any(tap.digest == event.content.id and tap.at >= recent for tap in plan.state.taps)


def _keep_tap(plan: Plan, content: Content) -> None:
    if isinstance(content, Choice):
        plan.change(taps=(*plan.state.taps, Arrival(at=plan.now, digest=content.id))[-TAPS_MAX:])


def _start(plan: Plan, book: Book, event: MessageReceived, spoken: tuple[str, ...], *, is_first: bool) -> bool:
    """Begin the flow that the message starts, if it starts one."""
    if _started_by_words(plan, book, event, spoken):
        return True
    tap = read_tap(event.content.id) if isinstance(event.content, Choice) else None
    if tap is not None:
        _old_button(plan, book, event, tap)
        return True
    flow = advertised(book, event.referral) or (book.triggers.first_contact if is_first else "")
    if not flow:
        return False
    _begin(plan, book, flow, event)
    return True


def _started_by_words(plan: Plan, book: Book, event: MessageReceived, spoken: tuple[str, ...]) -> bool:
    """A template's button, or a phrase."""
    if isinstance(event.content, Choice) and event.content.id in book.triggers.buttons:
        _begin(plan, book, book.triggers.buttons[event.content.id], event)
        return True
    found = keyword(book, spoken)
    if found is None:
        return False
    if found.language and not plan.state.language:
        plan.change(language=found.language)
    _begin(plan, book, found.flow, event)
    return True


def _begin(plan: Plan, book: Book, flow: str, event: MessageReceived) -> None:
    _keep_tap(plan, event.content)
    _remember(plan, event)
    mark_read(plan, is_typing=False)
    begin(plan, book, flow, event)


def _go_on(plan: Plan, book: Book, run: Run, event: MessageReceived, spoken: tuple[str, ...]) -> bool:
    """The contact wrote while a flow is under way."""
    match run.waits:
        case AnswerAwaited():
            _answered(plan, book, run, run.waits, event, spoken)
        case DraftAwaited():
            _remember(plan, event)
            plan.withdraw("draft_reply")
            runner = resume(plan, run)
            if isinstance(runner.step, Answer):
                runner.stand(runner.draft(runner.step), "asked_again")
        case _:
            _remember(plan, event)  # what the flow says next follows it
    return True


def _answered(
    plan: Plan, book: Book, run: Run, waits: AnswerAwaited, event: MessageReceived, spoken: tuple[str, ...]
) -> None:
    runner = resume(plan, run)
    runner.values.update(heard_values(event))
    step = runner.step
    if not isinstance(step, Ask | Choose):
        return
    reading = _read(runner, step, event)
    if step.way_out and is_phrase(spoken, step.way_out.phrases):
        _leave_question(plan, runner, event, step.way_out.next)
    elif isinstance(reading, Misfit) and _started_by_words(plan, book, event, spoken):
        return
    elif isinstance(reading, Misfit):
        _misfit(plan, runner, step, waits, event, reading)
    else:
        if step.save:
            runner.assign(step.save, reading)
        chosen = [one.next for one in step.options if one.id == reading] if isinstance(step, Choose) else []
        _leave_question(plan, runner, event, next(filter(None, chosen), step.next))


def _leave_question(plan: Plan, runner: Runner, event: MessageReceived, step_id: str) -> None:
    _keep_tap(plan, event.content)
    _remember(plan, event)
    mark_read(plan, is_typing=False)
    plan.withdraw("wake_at.flow")
    runner.go_to(step_id, "answered")


def _read(runner: Runner, step: Ask | Choose, event: MessageReceived) -> Reading:
    """What the contact answered, if it is what was asked for."""
    if isinstance(step, Choose):
        return read_choice(step, event.content, runner.flow.name, runner.run_id, runner.languages, runner.values)
    if isinstance(event.content, Choice) and read_tap(event.content.id) is not None:
        return Misfit()  # a button of another question
    today = event.at.astimezone(runner.book.rules.zone).date()
    reading = read_answer(step.expected, event.content, message_id=event.id, rules=runner.book.rules, today=today)
    return reading if isinstance(reading, Misfit) or _passes(runner, step, reading) else Misfit()


def _passes(runner: Runner, step: Ask, value: Value) -> bool:
    """The bounds of a date, and the step's own test; a test without a value is not passed."""
    expected = step.expected
    values = {**runner.values, "message.value": value}
    try:
        if expected.kind == "date" and isinstance(value, str):
            earliest = _bound(expected.earliest, values)
            latest = _bound(expected.latest, values)
            if (earliest and value < earliest) or (latest and value > latest):
                return False
        return expected.test is None or bool(expected.test.evaluate(values))
    except EvaluationError:
        return False


def _bound(expression: Expression | None, values: Mapping[str, Value]) -> str:
    """A date as it is compared: YYYY-MM-DD, "" for no bound."""
    value = expression.evaluate(values) if expression else None
    return value[:10] if isinstance(value, str) else ""


def _misfit(
    plan: Plan,
    runner: Runner,
    step: Ask | Choose,
    waits: AnswerAwaited,
    event: MessageReceived,
    misfit: Misfit,
) -> None:
    """Ask again, a few times; then go where the step says, or to people."""
    _remember(plan, event)
    mark_read(plan, is_typing=False)
    plan.withdraw("wake_at.flow")
    misfits = waits.misfits + 1
    if misfits >= step.tries:
        if step.otherwise:
            runner.go_to(step.otherwise, "misfit")
        else:
            hand_off(plan, f"the flow {runner.name} got {misfits} answers that do not fit", plan.policy.hand_off_text)
        return
    _ask_again(plan, runner, step, _complaint(runner, step, event.content, misfit), misfits, "misfit")


def _complaint(runner: Runner, step: Ask | Choose, content: Content, misfit: Misfit) -> str:
    """What is wrong with the answer, in the contact's language."""
    sentences = runner.book.rules.sentences
    if isinstance(content, Choice) and read_tap(content.id) is not None:
        return runner.words(sentences.old_button)
    if step.misfit is not None:
        return runner.words(step.misfit)
    return runner.words(sentences.unexpected_media if misfit.is_other_kind else sentences.misfit)


def _ask_again(plan: Plan, runner: Runner, step: Ask | Choose, before: str, misfits: int, cause: FlowCause) -> None:
    try:
        if isinstance(step, Ask) and step.misfit is not None:
            runner.say(before)
        else:
            runner.ask(step, before)
    except CannotGoOn as error:
        hand_off(plan, f"the flow {runner.name} cannot go on: {error}")
        return
    runner.stand(runner.awaiting(step, misfits), cause)


def _old_button(plan: Plan, book: Book, event: MessageReceived, tap: Tap) -> None:
    """Nothing waits for it. Where its question is the first of its flow, that is where the flow goes on."""
    flow = book.flows.get(tap.flow)
    step = first_question(flow) if flow else None
    if flow is not None and isinstance(step, Choose) and step.id == tap.step:
        option = next((one for one in step.options if one.id == tap.option), None)
        if option is not None:
            _keep_tap(plan, event.content)
            _remember(plan, event)
            mark_read(plan, is_typing=False)
            runner = start(plan, book, flow, event)
            if step.save:
                runner.assign(step.save, option.id)
            runner.go_to(option.next or step.next, "started")
            return
    _remember(plan, event)
    mark_read(plan, is_typing=False)
    plan.say(book.rules.sentences.old_button.render(languages_of(plan.state, book), {}))


def first_question(flow: Flow) -> AnyStep | None:
    """The step at which the flow waits first, if nothing but words stands before it."""
    step: AnyStep | None = flow.steps[flow.first]
    for _ in flow.steps:
        if not isinstance(step, Say | Tag):
            return step
        step = flow.steps.get(step.next)
    return None


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
        runner.stand(runner.awaiting(step, waits.misfits, waits.reminders + 1), "reminded")


def call_returned(plan: Plan, event: CallReturned) -> None:
    """What a host answered; only the call that the flow waits for counts."""
    follow(plan)
    run = plan.state.run
    if run is None or not isinstance(run.waits, CallAwaited) or run.waits.effect_id != event.effect_id:
        return
    runner = resume(plan, run)
    step = runner.step
    if not isinstance(step, Call):
        return
    runner.assign(f"flow.{FAILURE}", event.failure or None)
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
    text = to_whatsapp(event.text) if isinstance(event, ReplyDrafted) else ""
    if isinstance(event, ReplyDrafted) and event.hands_off:
        told = "\n\n".join(filter(None, (text, plan.policy.hand_off_text)))
        hand_off(plan, "the language model asked for a person", told)
    elif isinstance(event, ReplyDrafted) and event.is_answer and text:
        plan.close_turns()
        plan.change(unanswered=0)
        _say_and_go(plan, runner, text, step.next)
    else:
        plan.close_turns()
        reason = event.reason if isinstance(event, DraftFailed) else "the language model had no answer"
        runner.assign(f"flow.{FAILURE}", reason)
        _unanswered(plan, runner, step, reason)


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
    """The model said which flow the contact means; if none, it is asked for an answer."""
    plan.change(intent_id="")
    book = plan.book
    chosen = event.text.strip() if isinstance(event, ReplyDrafted) and event.is_answer else ""
    intent = next((one for one in book.triggers.intents if one.sentence == chosen), None) if book else None
    if book is None or intent is None:
        draft(plan)
    else:
        begin(plan, book, intent.flow)


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
    if all(frames) and _can_stand(run.waits, book, frames[-1]):
        plan.stand(msgspec.structs.replace(run, book=book.version, frames=tuple(filter(None, frames))), "moved")


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
            return isinstance(step, Call)
        case DraftAwaited():
            return isinstance(step, Answer)
        case TimeAwaited():
            return isinstance(step, Wait)
