"""The world around one conversation: its clock, its timers, the hosts and the model that the example gives.

The rules are those of production (`core.decide`), folded event by event as the store would; what is simulated is what
the worker does, and in the order of due times. Nothing waits, nothing is random, nothing is shared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.decide import decide
from frontdesk.core.effect import CallHttp, DraftReply, Effect, SendMessage, WakeAt, kind_of
from frontdesk.core.event import (
    Address,
    CallReturned,
    Contact,
    DraftFailed,
    Event,
    FromContact,
    InConversation,
    Outcome,
    ReplyDrafted,
    TimerFired,
)
from frontdesk.core.flow import Flows
from frontdesk.core.grounding import links_of
from frontdesk.core.message import Content
from frontdesk.core.policy import Policy
from frontdesk.core.position import Stored
from frontdesk.core.scope import values_of
from frontdesk.core.tool import ToolCall
from frontdesk.engine.answer import pick
from frontdesk.flow_tests.document import (
    CallAnswerPart,
    ChoosePart,
    ContactPart,
    FailsPart,
    GivenPart,
    HandsOffPart,
    UnansweredPart,
    WantsToolPart,
)
from frontdesk.flow_tests.examples import plain
from frontdesk.flow_tests.ways import Tally, Watched
from frontdesk.flows.yaml import Written

DEFAULT_AT = "2026-11-02 11:00"
"""A Monday on which most businesses are open."""

CONVERSATION = "example"
CHANNEL = "main"
PERFORMED_MAX = 1_000
"""Effects that may follow one line; more of them go round in a circle."""


class Unforeseen(Exception):
    """Something that the example gives no answer for, or that cannot be: a sentence, and what to add to the file."""

    def __init__(self, sentence: str, *cure: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.cure = cure


class Call(Struct, frozen=True, kw_only=True):
    """A call that was made: `GET /orders/A1001`, and its JSON."""

    name: str
    host: str
    body: Any = None


class _Shelf:
    """The one version under which an example is played."""

    def __init__(self, watched: Watched, *, has_buttons: bool) -> None:
        self._book = watched.book
        self._has_buttons = has_buttons

    def book(self, _version: str) -> Any:
        return self._book

    def shows_buttons(self, _channel: str) -> bool:
        return self._has_buttons


class World:
    """See the module. `said` is what the bot said and nobody has looked at yet; `offers` every message of the bot's;
    `flow_variables` those of the flow under way, or of the last one while it was."""

    def __init__(self, watched: Watched, policy: Policy, given: GivenPart, tally: Tally) -> None:
        self.watched = watched
        self.policy = policy
        self.given = given
        self.flows: Flows = _Shelf(watched, has_buttons=given.buttons)
        self.tally = tally
        zone = watched.book.rules.zone
        self.now = datetime.fromisoformat(given.at or DEFAULT_AT).replace(tzinfo=zone).astimezone(UTC)
        self.contact = _contact(given.contact or ContactPart())
        self.state = _beginning(given.contact or ContactPart(), self.contact)
        if given.window == "open" or (given.window is None and given.requested is not None):
            opened = self.now + timedelta(seconds=policy.window_seconds)
            self.state = msgspec.structs.replace(self.state, window_until=opened, heard_at=self.now)
        self.said: deque[Content] = deque()
        self.sent: list[Content] = []
        self.calls: list[Call] = []
        self.flow_variables: dict[str, Stored] = {}
        self._asked: dict[tuple[str, str], int] = {}
        self._drafts = deque(given.model)
        self._pending: list[tuple[datetime, int, Effect]] = []
        self._events = 0
        self._effects = 0

    def happens(self, event: type[Event], **fields: Any) -> None:
        """Something happens now. Raises Unforeseen where the rules fail."""
        self._events += 1
        common: dict[str, Any] = {
            "id": f"e{self._events}",
            "at": self.now,
            "channel": CHANNEL,
            "flows": self.watched.book.version,
        }
        if issubclass(event, InConversation):
            common["conversation_id"] = CONVERSATION
        if issubclass(event, FromContact):
            common["contact"] = self.contact
        if issubclass(event, Outcome):
            common["attempt"] = 1
        self._take(event(**common, **fields))

    def _take(self, event: Event) -> None:
        try:
            decision = decide(self.state, event, self.policy, self.flows)
        except Exception as error:
            raise Unforeseen(f"the rules fail on this: {type(error).__name__}: {error}") from error
        self.tally.note(self.state, event, decision)
        self.state = decision.conversation
        if self.state.run is not None:
            self.flow_variables = self.state.run.frames[-1].variables
        self._pending = [one for one in self._pending if kind_of(one[2]) not in decision.withdrawn]
        for effect in decision.effects:
            match effect:
                case SendMessage(author="agent"):
                    self.sent.append(effect.content)
                case SendMessage():
                    self.said.append(effect.content)
                    self.sent.append(effect.content)
                case CallHttp() | DraftReply() | WakeAt():
                    self._effects += 1
                    self._pending.append((effect.due_at, self._effects, effect))
                case _:
                    pass  # ticks, files and the desk change nothing that was said

    # Time

    def settle(self) -> None:
        """Let everything happen that happens without the contact and without a flow's timer: the end of a burst, calls,
        drafts."""
        for _ in range(PERFORMED_MAX):
            waited = [due_at for due_at, _, effect in self._pending if not is_patient(effect)]
            if not waited:
                return
            self._perform_until(min(waited), at_most=1)
        raise Unforeseen(f"more than {PERFORMED_MAX} effects follow from this")

    def pass_time(self, seconds: float) -> None:
        """Let time go by, and all that comes due meanwhile happen."""
        until = self.now + timedelta(seconds=seconds)
        self._perform_until(until, PERFORMED_MAX)
        self.now = until

    def _perform_until(self, until: datetime, at_most: int) -> None:
        for _ in range(at_most):
            due = [one for one in self._pending if one[0] <= until]
            if not due:
                return
            first = min(due, key=lambda one: one[:2])
            self._pending.remove(first)
            self.now = max(self.now, first[0])
            self._perform(first[2])

    # What the worker does

    def _perform(self, effect: Effect) -> None:
        match effect:
            case WakeAt():
                self.happens(TimerFired, effect_id=effect.id, purpose=effect.purpose, about=effect.about)
            case CallHttp():
                self._call(effect)
            case DraftReply():
                self._draft(effect)
            case _:
                pass

    def _call(self, effect: CallHttp) -> None:
        name = f"{effect.method} {effect.path}"
        self.calls.append(
            Call(name=name, host=effect.host, body=msgspec.json.decode(effect.body) if effect.body else None)
        )
        answer = self._answer(effect.host, name)
        nothing = dict.fromkeys((wanted for wanted, _ in effect.wants), None)
        if answer.fails is not None:
            may_be_done = not effect.is_repeatable
            self.happens(
                CallReturned, effect_id=effect.id, values=nothing, failure=str(answer.fails), is_unknown=may_be_done
            )
            return
        body: Any = answer.body
        values = pick(b"" if body is None else msgspec.json.encode(plain(body)), effect.wants)
        is_well = 200 <= answer.status < 300
        failure = "" if is_well else f"host {effect.host} answers {answer.status}; look at its log for what it misses"
        self.happens(CallReturned, effect_id=effect.id, status=answer.status, values=values, failure=failure)

    def _answer(self, host: str, name: str) -> CallAnswerPart:
        answers = _found(_found(self.given.calls, host) or {}, name)
        count = self._asked.get((host, name), 0)
        self._asked[host, name] = count + 1
        if isinstance(answers, CallAnswerPart):
            return answers
        if answers and count < len(answers):
            found: CallAnswerPart = answers[count]
            return found
        line = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if answers:
            sentence = f"the call {name} of host {host} is made {count + 1} times, and given has {len(answers)} answers"
            raise Unforeseen(sentence, f"add one to the list of {line} under given: calls: {host}:")
        raise Unforeseen(
            f"the call {name} of host {host} has no answer in this example; add it",
            "given:",
            "  calls:",
            f"    {host}:",
            f"      {line}: {{status: 200, body: {{}}}}",
        )

    def _draft(self, effect: DraftReply) -> None:
        task = effect.prompt.task
        if task == "summarise":
            self.happens(DraftFailed, effect_id=effect.id, reason="no summaries are made in examples")
            return
        what = "choose a flow for" if task == "choose" else "answer"
        asked = f"the model is asked to {what} “{effect.prompt.question[:80]}”"
        add = (
            "  - choose: " + (effect.prompt.choices[0] if effect.prompt.choices else "")
            if task == "choose"
            else "  - The answer."
        )
        if not self._drafts:
            raise Unforeseen(f"{asked}, and given has no answer of the model left; add it", "given: model:", add)
        draft = self._drafts.popleft()
        is_fitting = (
            not isinstance(draft, ChoosePart)
            if task == "answer"
            else not isinstance(draft, Written | HandsOffPart | WantsToolPart)
        )
        if not is_fitting:
            raise Unforeseen(
                f"{asked}, and what given has next is no such answer; put one before it", "given: model:", add
            )
        self._drafted(effect.id, draft)

    def _drafted(self, effect_id: str, draft: Any) -> None:
        match draft:
            case FailsPart():
                self.happens(DraftFailed, effect_id=effect_id, reason=str(draft.fails))
            case UnansweredPart():
                self.happens(ReplyDrafted, effect_id=effect_id, text="", is_answer=False)
            case HandsOffPart():
                self.happens(ReplyDrafted, effect_id=effect_id, hands_off=True, **_cited(str(draft.text or "")))
            case WantsToolPart():
                arguments = msgspec.json.encode({str(name): _json(value) for name, value in draft.arguments.items()})
                wants = ToolCall(name=str(draft.tool), arguments=arguments.decode())
                self.happens(ReplyDrafted, effect_id=effect_id, text="", is_answer=False, wants=wants)
            case ChoosePart():
                self.happens(ReplyDrafted, effect_id=effect_id, text=str(draft.choose))
            case text:
                self.happens(ReplyDrafted, effect_id=effect_id, **_cited(str(text)))

    def values(self) -> dict[str, Any]:
        """Every variable as it is now."""
        book, run = self.watched.book, self.state.run
        flow = book.flows.get(run.frames[-1].flow) if run else None
        found: dict[str, Any] = values_of(self.state, book, flow, self.now)
        return found | {f"flow.{name}": value for name, value in self.flow_variables.items()}


def is_patient(effect: Effect) -> bool:
    """Whether it waits for the contact or for a flow's own time, and not for the machine."""
    return isinstance(effect, WakeAt) and effect.purpose != "burst"


def _found(entries: Mapping[Written, Any], key: str) -> Any:
    """Keys of files are equal to plain texts."""
    return entries.get(key)  # type: ignore[call-overload]  # and hashed like them


def _contact(part: ContactPart) -> Contact:
    phone = (part.phone or "+15550100777").lstrip("+")
    return Contact(addresses=(Address("phone", phone),), name="Mira" if part.name is None else str(part.name))


def _beginning(part: ContactPart, contact: Contact) -> Conversation:
    facts = {
        str(name): tuple(map(_stored, value)) if isinstance(value, list) else _stored(value)
        for name, value in part.facts.items()
    }
    return Conversation(
        id=CONVERSATION,
        channel=CHANNEL,
        addresses=contact.addresses,
        name=contact.name or "",
        facts=facts,
        language=str(part.language or ""),
        is_greeted=part.known,
    )


def _stored(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def _cited(text: str) -> dict[str, Any]:
    """The author of an example says what a model answers, and stands for its source and its links."""
    return {"text": text, "sources": ("example",), "links": links_of(iter([text]))}


def _json(value: Any) -> Any:
    return str(value) if isinstance(value, Written) else value
