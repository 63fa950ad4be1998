"""A recorded conversation as an example for `frontdesk flow test`, redacted.

Times are those of the example, not of the record: people write a few seconds apart there, and what took longer becomes
a line with `wait`. What an example has no words for (notes, edits, what people did at the desk but answer) is left out
and told.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import CallHttp, DraftReply, Effect, SendMessage, WakeAt
from frontdesk.core.event import (
    AgentReplied,
    CallReturned,
    DraftFailed,
    FlowRequested,
    FromContact,
    MessageReceived,
    ReplyDrafted,
    TimerFired,
)
from frontdesk.core.message import Choice, ContactCards, Content, Location, Media, Reaction, Text
from frontdesk.core.transcript import as_text
from frontdesk.flow_tests.matching import kind_of_content, offered, words_of
from frontdesk.flow_tests.playing import FIRST_PAUSE_SECONDS
from frontdesk.flow_tests.redaction import Redactor
from frontdesk.ports import JournalEntry

LOOK = "Look at it before you share it: names of other people, and what only they know, are still in it."
NEXT_LINE_SECONDS = 10
"""A longer silence of the contact becomes a line with `wait`."""

_SILENT = {
    "send_succeeded", "effect_finished", "effect_postponed", "media_fetched", "status_changed", "timer_fired",
}  # fmt: skip


class Exported(Struct, frozen=True, kw_only=True):
    """The file's text, and the kinds of events that it leaves out."""

    text: str
    left_out: tuple[str, ...]


def export(name: str, entries: Sequence[JournalEntry], state: Conversation, zone: tzinfo) -> Exported:
    """The conversation of that journal, which ends in `state`; `zone` is the business's. Texts of the contact are kept
    but for what tells who they are."""
    exporting = _Exporting(entries, state)
    for entry in entries:
        exporting.take(entry)
    at = entries[0].event.at.astimezone(zone) if entries else datetime.fromtimestamp(0, zone)
    return Exported(text="\n".join(exporting.lines(name, at)), left_out=tuple(dict.fromkeys(exporting.left_out)))


class _Exporting:
    def __init__(self, entries: Sequence[JournalEntry], state: Conversation) -> None:
        names = [one.event.contact.name for one in entries if isinstance(one.event, FromContact)]
        self.redactor = Redactor([*filter(None, names), state.name])
        self.state = state
        self.talk: list[str] = []
        self.left_out: list[str] = []
        self.calls: dict[str, dict[str, list[Any]]] = {}
        self.made: list[str] = []
        self.model: list[Any] = []
        self.requested: dict[str, Any] = {}
        self.ad: dict[str, str] = {}
        self.name = next(filter(None, names), "")
        self._asked: dict[str, tuple[Effect, datetime]] = {}
        self._offers: list[Content] = []
        self._last_at: datetime | None = None
        self._heard_at: datetime | None = None
        self._was_settled = True

    def take(self, entry: JournalEntry) -> None:
        event = entry.event
        self._asked.update((effect.id, (effect, event.at)) for effect in entry.effects)
        match event:
            case MessageReceived(origin="live"):
                self._message(event)
            case FlowRequested() if not self.talk and not self.requested:
                values = {name: self.redactor.data(value) for name, value in event.values.items()}
                self.requested = {"flow": event.flow, "values": values}
            case AgentReplied():
                self._pass_time(event.at)
                self.talk.append(f"- agent: {quoted(self.redactor.text(as_text(event.content)))}")
            case CallReturned() | ReplyDrafted() | DraftFailed():
                self._answered(event)
            case TimerFired(purpose="flow"):
                self._waited(event)
            case _ if event.__struct_config__.tag not in _SILENT:
                self.left_out.append(str(event.__struct_config__.tag))
            case TimerFired():
                self._was_settled = False
        for effect in entry.effects:
            self._asked_for(effect)
        if isinstance(event, MessageReceived):
            self._heard_at = event.at
        if isinstance(event, MessageReceived | AgentReplied) or entry.effects:
            self._last_at = event.at

    # What the contact did

    def _message(self, event: MessageReceived) -> None:
        self._pass_time(event.at)
        if event.referral is not None and not self.talk:
            self.ad = {"source_id": event.referral.source_id, "headline": event.referral.headline}
        self.talk.append(f"- customer: {self._sent(event.content)}")
        self._was_settled = True

    def _pass_time(self, at: datetime) -> None:
        """What took longer than people take in examples; and a line where something happened that nobody saw."""
        gone = (at - self._last_at).total_seconds() if self._last_at else 0.0
        is_after_customer = bool(self.talk) and self.talk[-1].startswith("- customer:")
        if gone > NEXT_LINE_SECONDS:
            self.talk.append(f"- wait: {math.floor(gone - NEXT_LINE_SECONDS) + 1}")
        elif is_after_customer and not self._was_settled:
            self.talk.append("- wait: 1")

    def _sent(self, content: Content) -> str:
        match content:
            case Text(body=body):
                return quoted(self.redactor.heard(body))
            case Choice():
                return self._tapped(content)
            case Media():
                key = "voice" if content.is_voice else content.kind
                caption = {"caption": self.redactor.heard(content.caption)} if content.caption else {}
                return flowing({key: "file", **(caption if key in {"image", "video", "document"} else {})})
            case Location():
                latitude, longitude = self.redactor.place(content.latitude, content.longitude)
                return flowing({"location": {"latitude": latitude, "longitude": longitude}})
            case ContactCards(cards=[card, *_]):
                phones = [self.redactor.text(phone) for phone in card.phones]
                return flowing({"contact": {"name": self.redactor.heard(card.formatted_name), "phones": phones}})
            case Reaction():
                return flowing({"reaction": content.emoji})
            case _:
                self.left_out.append(str(content.__struct_config__.tag))
                return quoted(self.redactor.heard(as_text(content)))

    def _tapped(self, content: Choice) -> str:
        """The last offer is tapped, or an earlier one, or a template's button."""
        having = [menu for menu in self._offers if content.id in dict(offered(menu))]
        if not having:
            return flowing({"payload": content.id})
        key = "tap" if having[-1] is self._offers[-1] else "old_tap"
        return flowing({key: self.redactor.text(dict(offered(having[-1]))[content.id])})

    # What the world did

    def _answered(self, event: CallReturned | ReplyDrafted | DraftFailed) -> None:
        asked = self._asked.get(event.effect_id)
        self._was_settled = False
        match event, asked[0] if asked else None:
            case CallReturned(), CallHttp() as call:
                answers = self.calls.setdefault(call.host, {}).setdefault(self._name_of(call), [])
                answers.append(self._reply(event, call))
            case ReplyDrafted() | DraftFailed(), DraftReply(prompt=prompt) if prompt.task != "summarise":
                self.model.append(self._draft(event, prompt.task))
            case _:
                pass

    def _name_of(self, call: CallHttp) -> str:
        return f"{call.method} {self.redactor.path(call.path)}"

    def _reply(self, event: CallReturned, call: CallHttp) -> dict[str, Any]:
        is_answer = bool(event.status) and (not event.failure or not 200 <= event.status < 300)
        if event.failure and not (is_answer and f"answers {event.status}; look" in event.failure):
            return {"fails": self.redactor.text(event.failure)}
        body: dict[str, Any] = {}
        for name, path in call.wants:
            if event.values.get(name) is not None:
                _put(body, path.split("."), self.redactor.data(event.values[name]))
        return {"status": event.status, "body": body} if body else {"status": event.status}

    def _draft(self, event: ReplyDrafted | DraftFailed, task: str) -> Any:
        if isinstance(event, DraftFailed):
            return {"fails": self.redactor.text(event.reason)}
        text = self.redactor.text(event.text)
        if event.wants is not None and not event.hands_off:
            return {"tool": event.wants.name, "arguments": self._arguments(event.wants.arguments)}
        if event.hands_off:
            return {"hands_off": True, **({"text": text} if text else {})}
        if not event.is_answer:
            return {"unanswered": True}
        return {"choose": event.text} if task == "choose" else text

    def _arguments(self, text: str) -> dict[str, Any]:
        """What can stand in an example; a call that was badly said has none."""
        try:
            given = msgspec.json.decode(text, type=dict[str, bool | int | float | str])
        except msgspec.DecodeError:
            return {}
        return {name: self.redactor.data(value) for name, value in given.items()}

    def _waited(self, event: TimerFired) -> None:
        """As long as from the decision that set the timer to its due time, less what has passed since."""
        asked = self._asked.get(event.effect_id)
        if asked is None or not isinstance(asked[0], WakeAt):
            return
        timer, set_at = asked
        left = (timer.due_at - (self._last_at or set_at)).total_seconds()
        is_uncertain = self._heard_at is not None and self._heard_at > set_at  # people take other pauses in examples
        self.talk.append(f"- wait: {max(math.ceil(left), 1) + (NEXT_LINE_SECONDS if is_uncertain else 0)}")

    # What the bot did

    def _asked_for(self, effect: Effect) -> None:
        match effect:
            case CallHttp():
                self.made.append(self._name_of(effect))
            case SendMessage(author="bot" | "notice"):
                self.talk.append(f"- bot: {self._said(effect.content)}")
                if offered(effect.content):
                    self._offers.append(effect.content)
            case _:
                pass

    def _said(self, content: Content) -> str:
        words, kind = self.redactor.text(words_of(content)), kind_of_content(content)
        if kind == "text":
            return quoted(words)
        titles = [self.redactor.text(title) for _, title in offered(content)]
        return flowing({"text": words, "kind": kind, **({"options": titles} if titles else {})})

    # The file

    def lines(self, name: str, at: datetime) -> Iterator[str]:
        begin = at if self.requested else at.fromtimestamp(at.timestamp() - FIRST_PAUSE_SECONDS, at.tzinfo)
        yield "# A recorded conversation, redacted."
        yield f"# {LOOK}"
        if self.left_out:
            yield f"# Left out: {', '.join(dict.fromkeys(self.left_out))}."
        yield f"- name: {quoted(name)}"
        yield "  given:"
        yield f"    at: {begin:%Y-%m-%d %H:%M:%S}"
        yield f"    contact: {flowing({'name': self.redactor.name(self.name)})}"
        if self.calls:
            yield f"    calls: {flowing(self.calls)}"
        if self.model:
            yield f"    model: {flowing(self.model)}"
        if self.requested:
            yield f"    requested: {flowing(self.requested)}"
        if self.ad:
            yield f"    ad: {flowing(self.ad)}"
        yield "  talk:"
        yield from (f"    {line}" for line in self.talk)
        yield f"  expect: {flowing(self._expected())}"
        yield ""

    def _expected(self) -> dict[str, Any]:
        state = self.state
        found = {
            "handler": str(state.handler),
            "ended": state.run is None,
            "resolved": state.is_resolved,
            "tags": list(state.tags),
            "calls": self.made,
        }
        return found if state.handover is None else {**found, "team": state.handover.team}


def quoted(text: str) -> str:
    """A text in double quotes, as YAML reads it. What cannot be written in a file of flows is �."""
    plain = "".join(one if one.isprintable() or one in "\n\t\u200c\u200d" else "�" for one in text)
    return msgspec.json.encode(plain).decode()


def flowing(value: Any) -> str:
    """Plain data on one line, as YAML reads it."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_key(key)}: {flowing(one)}" for key, one in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(flowing, value)) + "]"
        case str():
            return quoted(value)
        case _:
            return msgspec.json.encode(value).decode()


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").isalnum() and key[0].isalpha() else quoted(key)


def _put(body: Any, path: Sequence[str], value: Any) -> None:
    """Set a value at its path, lists where steps are numbers."""
    step, *rest = path
    following: Any = [] if rest and rest[0].isdigit() else {}
    if isinstance(body, list):
        while len(body) <= int(step):
            body.append(None)
        if rest:
            body[int(step)] = body[int(step)] or following
            _put(body[int(step)], rest, value)
        else:
            body[int(step)] = value
    elif rest:
        _put(body.setdefault(step, following), rest, value)
    else:
        body[step] = value
