"""What a message means to flows: which one it starts, and whether it answers the question that waits.

It is led, in this order, to: an interrupt ("menu", "agent"; heard at any time, but only alone in a message); the
question that waits, if it fits; a flow that it starts by a button, a phrase or an advertisement; the question again,
with a sentence; the flow for first contacts; and else to whatever answers where there are no flows.

Buttons live for ever in a chat. One that was tapped twice within `SAME_TAP_SECONDS` is heard once; the same option of a
message that was sent again is another button. An old one whose
question is the first that its flow asks starts that flow there; any other old one is told that it is old, and the
question that waits is put again, which costs none of its tries.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from frontdesk.core.answer import Misfit, Reading, read_answer
from frontdesk.core.conversation import Arrival, Handover
from frontdesk.core.drafting import mark_read
from frontdesk.core.event import MessageReceived
from frontdesk.core.expression import EvaluationError, Expression
from frontdesk.core.flow import Answer, Ask, Book, Choose, Interrupt
from frontdesk.core.handing import hand_off, not_answered
from frontdesk.core.language import detect
from frontdesk.core.message import CallPermission, Choice, Content, Text
from frontdesk.core.offering import Tap, read_choice, read_tap
from frontdesk.core.plan import Plan
from frontdesk.core.position import AnswerAwaited, DraftAwaited, Run, TapAwaited, TimeAwaited
from frontdesk.core.running import CannotGoOn, Runner, at_start, begin, make_way, resume
from frontdesk.core.scope import heard_values, languages_of
from frontdesk.core.starting import advertised, heard, interrupt, is_phrase, keyword
from frontdesk.core.steering import follow
from frontdesk.core.tool import Tooling
from frontdesk.core.tooling import tap_awaited
from frontdesk.core.transcript import as_text, as_turn, says_nothing
from frontdesk.core.value import Value

SAME_TAP_SECONDS = 60
TAPS_MAX = 8


def hear(plan: Plan, event: MessageReceived, *, is_first: bool) -> bool:
    """Lead a message that the bot may answer through the flows; False where none of them wants it."""
    follow(plan)
    book = _book_to_hear(plan)
    if book is None or isinstance(event.content, CallPermission):
        return False
    _learn_language(plan, book, event)
    spoken = _spoken(event.content)
    found = _interrupting(book, event.content)
    if found is not None:
        _interrupt(plan, book, event, found)
        return True
    if _is_tapped_again(plan, event):
        plan.remember("contact", as_turn(event.content), event.provider_message_id)
        return True
    run = plan.state.run
    if run is not None and not isinstance(run.waits, TimeAwaited):
        return _go_on(plan, book, run, event, spoken)
    return _start(plan, book, event, spoken, is_first=is_first)


def _book_to_hear(plan: Plan) -> Book | None:
    """What starts flows: those in force, else those on which one is under way."""
    return plan.flows.book(plan.flows_version) if plan.flows_version else plan.book


def _spoken(content: Content) -> tuple[str, ...]:
    return heard(as_text(content)) if isinstance(content, Text | Choice) else ()


def _interrupting(book: Book, content: Content) -> Interrupt | None:
    return None if is_tap(content) else interrupt(book.rules, _spoken(content))


def is_interrupt(plan: Plan, content: Content) -> bool:
    """Whether the flows' own rules say what the whole message means: that goes before the policy's words for people,
    for it may name a team, or a flow."""
    book = _book_to_hear(plan)
    return book is not None and _interrupting(book, content) is not None


def is_tap(content: Content) -> bool:
    """Whether it is a button of a flow's, whatever is written on it."""
    return isinstance(content, Choice) and read_tap(content.id) is not None


def is_awaited(plan: Plan) -> bool:
    """Whether a flow waits for the contact's words, so that they may mean anything."""
    return plan.state.run is not None and isinstance(plan.state.run.waits, AnswerAwaited)


def _remember(plan: Plan, event: MessageReceived) -> None:
    """Open until something answers it: an `answer` step is asked about what is open."""
    plan.remember("contact", as_turn(event.content), event.provider_message_id, is_open=True)


def _learn_language(plan: Plan, book: Book, event: MessageReceived) -> None:
    if isinstance(event.content, Text) and len(book.rules.languages) > 1:
        language = detect(event.content.body, book.rules.languages)
        if language:
            plan.change(language=language)


def _interrupt(plan: Plan, book: Book, event: MessageReceived, found: Interrupt) -> None:
    _remember(plan, event)
    if found.flow:
        mark_read(plan, is_typing=False)
        begin(plan, book, found.flow, event)
    else:
        handover = Handover(team=found.team) if found.team else None
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


def _started_otherwise(plan: Plan, book: Book, event: MessageReceived, spoken: tuple[str, ...]) -> bool:
    """By words, or by the advertisement that brought the contact back."""
    if _started_by_words(plan, book, event, spoken):
        return True
    flow = advertised(book, event.referral)
    if flow:
        _begin(plan, book, flow, event)
    return bool(flow)


def _begin(plan: Plan, book: Book, flow: str, event: MessageReceived) -> None:
    _keep_tap(plan, event.content)
    _remember(plan, event)
    mark_read(plan, is_typing=False)
    begin(plan, book, flow, event)


def _go_on(plan: Plan, book: Book, run: Run, event: MessageReceived, spoken: tuple[str, ...]) -> bool:
    """The contact wrote while a flow is under way."""
    match run.waits:
        case DraftAwaited() | TapAwaited() if says_nothing(event.content):
            _not_read(plan, event)
        case AnswerAwaited():
            _answered(plan, book, run, run.waits, event, spoken)
        case DraftAwaited():
            _remember(plan, event)
            ask_again(plan, run)
        case TapAwaited():
            if tap_awaited(plan, run, run.waits, event):
                _keep_tap(plan, event.content)
        case _:
            _remember(plan, event)  # what the flow says next follows it
    return True


def _not_read(plan: Plan, event: MessageReceived) -> None:
    """Nothing in it could be asked of the model; what is under way goes on."""
    plan.remember("contact", as_turn(event.content), event.provider_message_id)
    mark_read(plan, is_typing=False)
    not_answered(plan, plan.policy.unreadable_text, f"a message that the bot cannot read: {as_text(event.content)}")


def ask_again(plan: Plan, run: Run) -> None:
    """What an `answer` step asks the model about has changed before it was answered."""
    if not isinstance(run.waits, DraftAwaited):
        return
    plan.withdraw("draft_reply")
    runner = resume(plan, run)
    if isinstance(runner.step, Answer):
        runner.stand(runner.draft(runner.step, _renewed(plan, run.waits)), "asked_again")


def _renewed(plan: Plan, waits: DraftAwaited) -> Tooling | None:
    """What tools gave back still holds; the wait begins anew."""
    return waits.tooling and msgspec.structs.replace(waits.tooling, since=plan.now)


def _answered(
    plan: Plan, book: Book, run: Run, waits: AnswerAwaited, event: MessageReceived, spoken: tuple[str, ...]
) -> None:
    runner = resume(plan, run)
    runner.values.update(heard_values(event))
    step = runner.step
    if not isinstance(step, Ask | Choose):
        return
    reading = _read(runner, step, event, waits.offered_as)
    if step.way_out and is_phrase(spoken, step.way_out.phrases):
        _leave_question(plan, runner, event, step.way_out.next)
    elif isinstance(reading, Misfit) and _started_otherwise(plan, book, event, spoken):
        return
    elif isinstance(reading, Misfit):
        _misfit(plan, runner, step, waits, event, reading)
    else:
        runner.values["message.value"] = reading
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


def _read(runner: Runner, step: Ask | Choose, event: MessageReceived, offered_as: str) -> Reading:
    """What the contact answered, if it is what was asked for."""
    if isinstance(step, Choose):
        return read_choice(
            step,
            event.content,
            flow=runner.flow.name,
            run=runner.run_id,
            languages=runner.languages,
            values=runner.values,
            has_buttons=runner.has_buttons,
            offered_as=offered_as,
        )
    if is_tap(event.content):
        return Misfit()  # a button of another question
    today = event.at.astimezone(runner.book.rules.zone).date()
    reading = read_answer(step.expected, event.content, message_id=event.id, rules=runner.book.rules, today=today)
    return reading if isinstance(reading, Misfit) or _passes(runner, step, reading) else Misfit()


def _passes(runner: Runner, step: Ask, value: Value) -> bool:
    """The room that the variable has (what a contact wrote is not cut behind their back), the bounds of a date, and
    the step's own test; a test without a value is not passed."""
    expected = step.expected
    kept = runner.declared(step.save)
    if kept is not None and kept.kind == "text" and isinstance(value, str) and len(value) > kept.longest:
        return False
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
    misfits = waits.misfits + (not is_tap(event.content))  # an old button is no try at an answer
    if misfits >= step.tries:
        if step.otherwise:
            runner.go_to(step.otherwise, "misfit")
        else:
            hand_off(plan, f"the flow {runner.name} got {misfits} answers that do not fit", plan.policy.hand_off_text)
        return
    try:
        _complain(runner, step, event.content, misfit)
    except CannotGoOn as error:
        hand_off(plan, f"the flow {runner.name} cannot go on: {error}")
        return
    plan.close_turns()
    runner.stand(runner.awaiting(step, misfits), "misfit")


def _complain(runner: Runner, step: Ask | Choose, content: Content, misfit: Misfit) -> None:
    """Say what is wrong with the answer, and put the question again; the step's own sentence says both at once."""
    sentences = runner.book.rules.sentences
    if is_tap(content):
        runner.ask(step, runner.words(sentences.old_button))
    elif misfit.is_other_kind:
        runner.ask(step, runner.words(sentences.unexpected_media))
    elif isinstance(step, Ask) and step.misfit is not None:
        runner.say(runner.words(step.misfit))
    else:
        runner.ask(step, runner.words(step.misfit or sentences.misfit))


def _old_button(plan: Plan, book: Book, event: MessageReceived, tap: Tap) -> None:
    """Nothing waits for it. Where its question is the first that its flow asks, that is where the flow goes on."""
    if _reopened(plan, book, event, tap):
        return
    _remember(plan, event)
    mark_read(plan, is_typing=False)
    plan.say(book.rules.sentences.old_button.render(languages_of(plan.state, book), {}))
    plan.close_turns()


def _reopened(plan: Plan, book: Book, event: MessageReceived, tap: Tap) -> bool:
    """Whether the flow could be taken up at the old button's question, and what the choice led to."""
    flow = book.flows.get(tap.flow)
    if flow is None:
        return False
    before = plan.state
    runner = at_start(plan, book, flow, event)
    step = runner.first_question()
    option = next((one for one in step.options if one.id == tap.option), None) if isinstance(step, Choose) else None
    if not isinstance(step, Choose) or step.id != tap.step or option is None:
        plan.state = before
        return False
    make_way(plan)
    _keep_tap(plan, event.content)
    _remember(plan, event)
    mark_read(plan, is_typing=False)
    if step.save:
        runner.assign(step.save, option.id)
    runner.go_to(option.next or step.next, "started")
    return True
