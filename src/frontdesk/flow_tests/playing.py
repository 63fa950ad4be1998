"""One example, played from its first line to its last, and what came of it.

Lines follow one another as people write: a few seconds apart, never at an even beat (which the rules would take for a
machine's). Lines of the customer without a line between them come within a second, before anything else happens. Time
that a flow waits for passes only where a line says `wait`.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from frontdesk.core.event import AgentReplied, FlowRequested, MessageReceived, Referral
from frontdesk.core.message import (
    Choice,
    ContactCard,
    ContactCards,
    Content,
    Location,
    Media,
    MediaKind,
    Reaction,
    Text,
)
from frontdesk.core.policy import Policy
from frontdesk.flow_tests import document as written
from frontdesk.flow_tests.examples import Example, plain
from frontdesk.flow_tests.matching import described, fits, fits_text, offered, shown, tapped, words_of
from frontdesk.flow_tests.ways import Tally, Watched
from frontdesk.flow_tests.world import Unforeseen, World
from frontdesk.flows.finding import Place
from frontdesk.flows.texts import seconds

FIRST_PAUSE_SECONDS = 5.5
"""How long after the beginning of an example its first line of a customer comes."""

Who = Literal["customer", "bot", "agent", "wait", "expected", "unexpected"]


class Row(Struct, frozen=True):
    """One thing that happened, or that should have (`expected`) or should not have (`unexpected`)."""

    who: Who
    text: str


class Failure(Struct, frozen=True, kw_only=True):
    """What is wrong: a sentence, where in the file, and what to add to it."""

    place: Place
    sentence: str
    cure: tuple[str, ...] = ()


class Outcome(Struct, frozen=True, kw_only=True, eq=False):
    """What came of an example."""

    example: Example
    rows: tuple[Row, ...]
    failure: Failure | None = None


class _Wrong(Exception):
    """The example fails here."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


def play(example: Example, watched: Watched, policy: Policy, tally: Tally) -> Outcome:
    """Play it; its steps and ways are added to `tally`. Raises nothing."""
    playing = _Playing(example, watched, policy, tally)
    try:
        playing.run()
    except _Wrong as wrong:
        return Outcome(example=example, rows=tuple(playing.rows), failure=wrong.failure)
    return Outcome(example=example, rows=tuple(playing.rows))


class _Playing:
    def __init__(self, example: Example, watched: Watched, policy: Policy, tally: Tally) -> None:
        self.part = example.part
        self.given = example.part.given or written.GivenPart()
        self.world = World(watched, policy, self.given, tally)
        self.rows: list[Row] = []
        self._messages = 0
        self._pauses = 0

    def run(self) -> None:
        place = self.part.place
        try:
            if self.given.requested:
                place = self.given.requested.place
                values = {str(name): _plain(value) for name, value in self.given.requested.values.items()}
                self.world.happens(FlowRequested, flow=str(self.given.requested.flow), values=values)
            before: Any = None
            for line in self.part.talk:
                place = line.place
                self.line(line, before)
                before = line
            self.world.settle()
        except Unforeseen as unforeseen:
            self.told()
            raise _Wrong(Failure(place=place, sentence=unforeseen.sentence, cure=unforeseen.cure)) from None
        self.nothing_more(place, "after the last line")
        self.expect()

    def line(self, line: Any, before: Any) -> None:
        match line:
            case written.CustomerLine():
                self.customer(line, before)
            case written.BotLine():
                self.bot(line)
            case written.WaitLine():
                self.world.settle()
                self.nothing_more(line.place, "before this line")
                self.rows.append(Row("wait", str(line.wait)))
                self.world.pass_time(seconds(line.wait))
            case written.AgentLine():
                self.world.settle()
                self.nothing_more(line.place, "before this line")
                self.pause(is_short=False)
                self.rows.append(Row("agent", str(line.agent)))
                self.world.happens(AgentReplied, agent="agent", content=Text(body=str(line.agent)))

    def customer(self, line: written.CustomerLine, before: Any) -> None:
        is_burst = isinstance(before, written.CustomerLine)
        if not is_burst:
            self.world.settle()
        self.nothing_more(line.place, "before this line")
        self.pause(is_short=is_burst)
        self.nothing_more(line.place, "before this line")
        content = self.content(line.customer, line.place)
        self.rows.append(Row("customer", _shown_inbound(line.customer)))
        is_first, self._messages = self._messages == 0, self._messages + 1
        ad = self.given.ad if is_first else None
        self.world.happens(
            MessageReceived,
            provider_message_id=f"wamid.{self._messages}",
            sent_at=self.world.now,
            content=content,
            referral=Referral(source_id=str(ad.source_id), headline=str(ad.headline)) if ad else None,
        )

    def pause(self, *, is_short: bool) -> None:
        """The time that people take, uneven."""
        self._pauses += 1
        uneven = self._pauses * 5 % 7
        self.world.pass_time(0.3 + uneven * 0.11 if is_short else 2.0 + uneven * 0.7)

    def bot(self, line: written.BotLine) -> None:
        expected = line.bot
        self.world.settle()
        if not self.world.said:
            self.rows.append(Row("expected", described(expected)))
            sentence = "the bot says nothing here; where it speaks after a while, put a line with wait: before this one"
            raise _Wrong(Failure(place=line.place, sentence=sentence))
        content = self.world.said.popleft()
        if not fits(expected, content):
            self.rows += [Row("expected", described(expected)), Row("unexpected", shown(content))]
            self.told()
            raise _Wrong(Failure(place=line.place, sentence="the bot says something else than this line expects"))
        self.rows.append(Row("bot", shown(content)))

    def told(self) -> None:
        """What was said and not looked at."""
        self.rows += [Row("unexpected", shown(content)) for content in self.world.said]
        self.world.said.clear()

    def nothing_more(self, place: Place, where: str) -> None:
        """The bot has said nothing that no line expects."""
        if not self.world.said:
            return
        first = words_of(self.world.said[0])
        self.told()
        sentence = f"the bot says something {where} that no line expects; add it if it is right"
        raise _Wrong(Failure(place=place, sentence=sentence, cure=(f"- bot: {_quoted(first)}",)))

    # What the contact sends

    def content(self, sent: Any, place: Place) -> Content:
        """The message that a line of the customer stands for."""
        match sent:
            case str():
                return Text(body=str(sent))
            case written.TapPart():
                return self.tap(sent.tap, place, is_old=False)
            case written.OldTapPart():
                return self.tap(sent.old_tap, place, is_old=True)
            case written.PayloadPart():
                return Choice(id=str(sent.payload), title=str(sent.payload), kind="template_button")
            case written.LocationPart(location=spot):
                return Location(latitude=float(spot.latitude), longitude=float(spot.longitude), name=spot.name)
            case written.CardPart(contact=card):
                phones = tuple(map(str, card.phones))
                return ContactCards(cards=(ContactCard(formatted_name=str(card.name), phones=phones),))
            case written.ReactionPart():
                return Reaction(provider_message_id="wamid.bot", emoji=str(sent.reaction))
            case _:
                return _file(sent)

    def tap(self, wanted: Any, place: Place, *, is_old: bool) -> Choice:
        """The button or row that is meant: of the last message that has some, or of an earlier one."""
        menus = [content for content in self.world.sent if offered(content)]
        candidates = [*reversed(menus[:-1]), *menus[-1:]] if is_old else menus[-1:]
        for content in candidates:
            for known, title in offered(content):
                if title == wanted or (
                    not isinstance(wanted, str) and known.split("#")[0].endswith(f"/{wanted.option}")
                ):
                    return tapped(content, known, title)
        titles = ", ".join(f"“{title}”" for content in candidates for _, title in offered(content))
        named = wanted if isinstance(wanted, str) else wanted.option
        there = f"there are {titles}" if titles else "nothing was offered so far"
        raise _Wrong(Failure(place=place, sentence=f"there is no “{named}” to tap here; {there}"))

    # The end

    def expect(self) -> None:
        expected = self.part.expect
        if expected is None:
            return
        for place, key, wanted, found in _differences(expected, self.world):
            sentence = f"{key} should be {wanted}, and is {found}"
            raise _Wrong(Failure(place=place, sentence=sentence))


def _differences(expected: written.ExpectedPart, world: World) -> list[tuple[Place, str, str, str]]:
    """Where, what, what it should be and what it is."""
    state = world.state
    handover = state.handover
    simple: dict[str, Any] = {
        "handler": str(state.handler),
        "team": handover.team if handover else "",
        "priority": handover.priority if handover else "normal",
        "resolved": state.is_resolved,
        "ended": state.run is None,
    }
    found = []
    for key, value in simple.items():
        wanted = getattr(expected, key)
        if wanted is not None and wanted != value:
            found.append((expected.place_of(key), key, _told(wanted), _told(value)))
    for key, values in (("tags", state.tags), ("refused", state.refused_consents)):
        wanted = getattr(expected, key)
        if wanted is not None and sorted(map(str, wanted)) != sorted(values):
            found.append((expected.place_of(key), key, _told(list(map(str, wanted))), _told(list(values))))
    summary = handover.summary if handover else ""
    if expected.summary is not None and not fits_text(expected.summary, summary):
        found.append((expected.place_of("summary"), "summary", described(expected.summary), f"“{summary}”"))
    return [*found, *_variables(expected, world), *_calls(expected, world), *_said(expected, world)]


def _variables(expected: written.ExpectedPart, world: World) -> list[tuple[Place, str, str, str]]:
    values = world.values()
    found = []
    for name, node in expected.variables.items():
        wanted: Any = plain(node)  # type: ignore[arg-type]  # a node of the file
        value = values.get(str(name))
        held = list(value) if isinstance(value, tuple) else value
        if wanted != held or isinstance(wanted, bool) is not isinstance(held, bool):
            found.append((name.place, str(name), _told(wanted), _told(held)))
    return found


def _calls(expected: written.ExpectedPart, world: World) -> list[tuple[Place, str, str, str]]:
    if expected.calls is None:
        return []
    place = expected.place_of("calls")
    names = [str(one.call) if isinstance(one, written.CallMadePart) else str(one) for one in expected.calls]
    made = [call.name for call in world.calls]
    if names != made:
        return [(place, "calls", _told(names), _told(made))]
    return [
        (one.place_of("body"), f"the body of {one.call}", _told(plain(one.body)), _told(call.body))  # type: ignore[arg-type]
        for one, call in zip(expected.calls, world.calls, strict=True)
        if isinstance(one, written.CallMadePart) and one.body is not None and plain(one.body) != call.body  # type: ignore[arg-type]
    ]


def _said(expected: written.ExpectedPart, world: World) -> list[tuple[Place, str, str, str]]:
    words = [shown(content) for content in world.sent]
    return [
        (never.place, f"“{never}”", "in no message", f"in “{said}”")
        for never in expected.never_said
        for said in words
        if never.casefold() in said.casefold()
    ]


def _told(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case list():
            return "[" + ", ".join(map(_told, value)) + "]"
        case str():
            return f"“{value}”"
        case _:
            return str(value)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


_FILES: dict[str, tuple[MediaKind, bool]] = {
    "image": ("image", False),
    "video": ("video", False),
    "document": ("document", False),
    "audio": ("audio", False),
    "voice": ("audio", True),
    "sticker": ("sticker", False),
}


def _file(sent: Any) -> Media:
    key = next(key for key in _FILES if hasattr(sent, key))
    kind, is_voice = _FILES[key]
    caption = getattr(sent, "caption", None)
    return Media(kind=kind, media_id=str(getattr(sent, key)), caption=caption and str(caption), is_voice=is_voice)


def _shown_inbound(sent: Any) -> str:
    if isinstance(sent, str):
        return str(sent)
    [key, *_] = sent.places
    value = getattr(sent, str(key))
    if isinstance(value, written.OptionIdPart):
        value = value.option
    return f"[{key}] {value}" if isinstance(value, str) else f"[{key}]"


def _quoted(text: str) -> str:
    """A text as YAML has it on one line."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
