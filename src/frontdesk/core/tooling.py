"""The rules about tools: what a model asks for in an `answer` step is decided here, as everything else is.

A draft that wants a tool is an outcome like any other (`ReplyDrafted.wants`). The rules look whether the step lists the
tool and whether the arguments are what it takes, and then ask for what it does as an effect: a call of a host, a flow,
a variable. What came of it goes to the next draft as data. So each call is in the journal, is never made twice, and
can be replayed; nothing happens inside a model's call.

    draft -> wants a search or a call that only reads       -> effect -> draft with the result
          -> wants something that changes anything          -> buttons -> tap -> effect -> draft with the result
          -> wants what it may not, or says it badly        -> draft with the reason, once; then people

A tap counts on a button of this offer only, until `TAP_SECONDS` are over, and once: the position that waits for it is
left by it. When they are over the flow ends, so that what the contact writes hours later is heard as anything is. A
channel without buttons is answered by the number or the word. While a tap is waited for the conversation stays on its
version of the flows: what is done is what the contact was asked, whatever a tool of that name does by now.

All calls of a step together are few, and share one deadline, but for the time that the contact takes to tap. All that
follow one message of the contact's are few too, for a tool may start a flow whose step lists that tool.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from frontdesk.core.answer import Misfit
from frontdesk.core.arguments import BadArguments, read_arguments
from frontdesk.core.drafting import mark_read
from frontdesk.core.event import CallReturned, MessageReceived
from frontdesk.core.flow import Answer, Book, Call, Choose, Consent, Flow, Jump, Option, SubFlow, Tool
from frontdesk.core.grounding import words_objection
from frontdesk.core.handing import hand_off
from frontdesk.core.letters import clean
from frontdesk.core.links import links_in
from frontdesk.core.message import Choice, Content
from frontdesk.core.offering import offer, read_choice, read_tap
from frontdesk.core.plan import Plan
from frontdesk.core.position import Run, Stored, TapAwaited
from frontdesk.core.running import CannotGoOn, Runner, begin, resume
from frontdesk.core.states import FlowCause
from frontdesk.core.tool import (
    CALLS_A_MESSAGE_MAX,
    CALLS_MAX,
    NAME_CHARACTERS_MAX,
    SEARCH,
    SEARCH_OFFERED,
    ToolCall,
    Tooling,
    ToolResult,
)
from frontdesk.core.transcript import as_text

TAP_SECONDS = 600
RESULT_CHARACTERS_MAX = 2_000
_MAIL = re.compile(r"[\w.+\-]+@[\w.\-]+")
YES, NO = "yes", "no"


def changes_something(tool: Tool, flows: Mapping[str, Flow]) -> bool:
    """Whether a tool does more than read, so that the contact has to tap before. A flow does if anything that it leads
    to asks a host otherwise than by GET, or sets a consent."""
    if tool.call is not None:
        return tool.call.method != "GET"
    return bool(tool.remembers) or _flow_changes(tool.starts, flows)


def _flow_changes(first: str, flows: Mapping[str, Flow]) -> bool:
    seen: set[str] = set()
    left = [first]
    while left:
        name = left.pop()
        if name in seen or name not in flows:
            continue
        seen.add(name)
        for step in flows[name].steps.values():
            if isinstance(step, Consent) or (isinstance(step, Call) and step.method != "GET"):
                return True
            if isinstance(step, SubFlow | Jump):
                left.append(step.flow)
    return False


def tool_wanted(plan: Plan, runner: Runner, step: Answer, tooling: Tooling, wanted: ToolCall) -> None:
    """The model asks for a tool."""
    tooling = msgspec.structs.replace(tooling, calls=tooling.calls + 1, tool=wanted.name)
    plan.change(tool_calls=plan.state.tool_calls + 1)
    if plan.state.tool_calls > CALLS_A_MESSAGE_MAX:
        reason = f"the language model asked for tools {CALLS_A_MESSAGE_MAX} times without a word of the contact"
        hand_off(plan, reason, plan.policy.hand_off_text)
        return
    try:
        if tooling.calls > CALLS_MAX:
            raise BadArguments(f"{CALLS_MAX} calls were made; answer now")
        if wanted.name == SEARCH and SEARCH in step.tools:
            found = read_arguments(wanted.arguments, SEARCH_OFFERED.arguments)
            tooling = _with_result(tooling, "passages were looked up for it")
            _go_on(runner, step, msgspec.structs.replace(tooling, queries=(*tooling.queries, str(found["query"]))))
            return
        tool = runner.book.tools.get(wanted.name) if wanted.name in step.tools else None
        if tool is None:
            raise BadArguments("there is no such tool here")
        arguments = read_arguments(wanted.arguments, tool.arguments)
        _check_words(plan, tool, arguments)
        if tool.confirm is not None or changes_something(tool, runner.book.flows):
            _ask_for_tap(plan, runner, step, tool, arguments, tooling)
        else:
            _do(plan, runner, step, tool, arguments, tooling, "drafted")
    except BadArguments as error:
        _refuse(plan, runner, step, tooling, str(error))


def _check_words(plan: Plan, tool: Tool, arguments: Mapping[str, Stored]) -> None:
    """What a flow may say, or what is kept of the contact and said some day, keeps to the rules of an answer. Raises
    BadArguments."""
    if not tool.starts and not tool.remembers:
        return
    for name, value in arguments.items():
        wrong = words_objection(str(value), plan.policy, _own_addresses(plan))
        if wrong:
            raise BadArguments(f"its argument {name} cannot be used, for {wrong}")


def _own_addresses(plan: Plan) -> tuple[str, ...]:
    """The mail addresses that the contact wrote may be said back to them; a page may not, which may be a stranger's."""
    own = (link for held in plan.state.turns if held.turn.role == "contact" for link in links_in(held.turn.text))
    return tuple(link.text for link in own if link.is_plain and _MAIL.fullmatch(link.text))


def _refuse(plan: Plan, runner: Runner, step: Answer, tooling: Tooling, reason: str) -> None:
    """The model may try once more; its next draft's prompt, and so the journal, says why."""
    if tooling.has_erred:
        name = clean(tooling.tool)[:NAME_CHARACTERS_MAX]
        hand_off(
            plan, f"the language model's call of the tool {name!r} was refused: {reason}", plan.policy.hand_off_text
        )
        return
    tooling = msgspec.structs.replace(_with_result(tooling, f"refused: {reason}"), has_erred=True)
    _go_on(runner, step, tooling)


def _go_on(runner: Runner, step: Answer, tooling: Tooling, cause: FlowCause = "drafted") -> None:
    runner.stand(runner.draft(step, tooling), cause)


def _with_result(tooling: Tooling, text: str) -> Tooling:
    result = ToolResult(tool=clean(tooling.tool)[:NAME_CHARACTERS_MAX], text=text[:RESULT_CHARACTERS_MAX])
    return msgspec.structs.replace(tooling, results=(*tooling.results, result))


def _do(
    plan: Plan,
    runner: Runner,
    step: Answer,
    tool: Tool,
    arguments: dict[str, Stored],
    tooling: Tooling,
    cause: FlowCause,
) -> None:
    """What the tool is for, by effects of this decision."""
    if tool.call is not None:
        position = runner.call(tool.call, _told(runner, arguments))
        runner.stand(msgspec.structs.replace(position, tooling=tooling), cause)
    elif tool.starts:
        begin(plan, runner.book, tool.starts, inputs=arguments)
    else:
        for value in arguments.values():
            runner.assign(tool.remembers, value)
        _go_on(runner, step, _with_result(tooling, "it is noted"), cause)


def _told(runner: Runner, arguments: Mapping[str, Stored]) -> dict[str, Any]:
    return {**runner.values, **{f"flow.{name}": value for name, value in arguments.items()}}


def tool_returned(plan: Plan, runner: Runner, step: Answer, tooling: Tooling, event: CallReturned) -> None:
    """What a host answered, for the model; of what may be done and may not, people have to find out."""
    if event.failure and event.is_unknown:
        reason = f"nobody knows whether the tool {tooling.tool} did what it is for: {event.failure}"
        hand_off(plan, reason, plan.policy.hand_off_text)
        return
    text = "it failed, and nothing was done" if event.failure else msgspec.json.encode(event.values).decode()
    _go_on(runner, step, _with_result(tooling, text), "returned")


def _ask_for_tap(
    plan: Plan, runner: Runner, step: Answer, tool: Tool, arguments: dict[str, Stored], tooling: Tooling
) -> None:
    question = _question(runner.book, step, tool)
    if question is None:
        raise BadArguments("it changes something, and no confirm says what the contact is asked before")
    values = _told(runner, arguments)
    wrong = words_objection(question.words.render(runner.languages, values), plan.policy, _own_addresses(plan))
    if wrong:
        raise BadArguments(f"the contact cannot be asked with these arguments, for {wrong}")
    try:
        runner.send(_offered(plan, runner, question, values))
    except CannotGoOn as error:
        hand_off(plan, f"the flow {runner.name} cannot go on: {error}")
        return
    until = plan.now + timedelta(seconds=TAP_SECONDS)
    timer_id = runner.wake(TAP_SECONDS)
    waits = TapAwaited(offer_id=plan.event_id, arguments=arguments, until=until, tooling=tooling, timer_id=timer_id)
    runner.stand(waits, "drafted")


def _question(book: Book, step: Answer, tool: Tool) -> Choose | None:
    if tool.confirm is None:
        return None
    sentences = book.rules.sentences
    options = (Option(id=YES, title=sentences.confirm_yes), Option(id=NO, title=sentences.confirm_no))
    return Choose(id=step.id, words=tool.confirm, options=options)


def _offered(plan: Plan, runner: Runner, question: Choose, values: Mapping[str, Any]) -> Content:
    return offer(
        question,
        flow=runner.flow.name,
        run=plan.event_id,
        event=plan.event_id,
        languages=runner.languages,
        values=values,
        sentences=runner.book.rules.sentences,
        has_buttons=runner.has_buttons,
    )


def tap_awaited(plan: Plan, run: Run, waits: TapAwaited, event: MessageReceived) -> bool:
    """The contact wrote, or tapped, while a tap is waited for. Returns whether a button of the offer was used up."""
    runner = resume(plan, run)
    step, tool = runner.step, runner.book.tools.get(waits.tooling.tool)
    if not isinstance(step, Answer):
        return False
    answer = _answered(plan, runner, step, tool, waits, event.content)
    plan.remember("contact", as_text(event.content), event.provider_message_id, is_open=answer == "other")
    mark_read(plan, is_typing=answer != "old")
    tooling = msgspec.structs.replace(waits.tooling, since=plan.now)
    if answer != "old":
        plan.withdraw("wake_at.flow")
    if answer == YES and tool is not None:
        _do(plan, runner, step, tool, waits.arguments, tooling, "tapped")
    elif answer == "old":
        plan.say(runner.words(runner.book.rules.sentences.old_button))
    else:
        told = "the contact does not want it" if answer == NO else "the contact has not agreed to it; it is not done"
        _go_on(runner, step, _with_result(tooling, told), "tapped" if answer == NO else "asked_again")
    return answer in (YES, NO)


def _answered(plan: Plan, runner: Runner, step: Answer, tool: Tool | None, waits: TapAwaited, content: Content) -> str:
    """`yes` and `no` by a button of this offer, in time (by words where the channel has none); `old`: another one."""
    question = _question(runner.book, step, tool) if tool else None
    is_tap = isinstance(content, Choice) and read_tap(content.id) is not None
    if question is None or (runner.has_buttons and not is_tap):
        return "old" if is_tap else "other"
    read = read_choice(
        question,
        content,
        flow=runner.flow.name,
        run=waits.offer_id,
        languages=runner.languages,
        values=_told(runner, waits.arguments),
        has_buttons=runner.has_buttons,
    )
    if isinstance(read, Misfit) or not isinstance(read, str):
        return "old" if is_tap else "other"
    return "old" if plan.now > waits.until else read
