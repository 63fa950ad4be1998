"""Journals of golden conversations, decided again to equal bytes.

Each file is a journal as `frontdesk` keeps it: a line an event, with the effects that it led to. When a rule changes on
purpose, write the files anew and read what changed: `FRONTDESK_UPDATE=1 pytest tests/replay`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from core.flow_talk import Shelf
from core.talk import Talk
from frontdesk.core.conversation import Conversation
from frontdesk.core.decide import decide
from frontdesk.core.effect import CallHttp, DraftReply, Effect, WakeAt
from frontdesk.core.event import CallReturned, Event, MessageEdited, ReplyDrafted, SendUnknown, TimerFired
from frontdesk.core.message import Buttons, Choice, Media, MessageStatus, Text
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.flows.book import compile_book
from frontdesk.flows.folder import read_sources

GOLDEN = Path(__file__).parent / "golden"
POLICY = Policy(business_name="Golden Shop")
SHOP = compile_book(read_sources(Path(__file__).parent / "shop"))
SHELF = Shelf(SHOP)


class Line(msgspec.Struct, frozen=True):
    event: Event
    effects: tuple[Effect, ...]


encode = msgspec.json.Encoder().encode
decode_line = msgspec.json.Decoder(Line).decode


class Recorder(Talk):
    """A conversation that writes its journal."""

    def __init__(self, version: str = "") -> None:
        super().__init__(POLICY, SHELF, version)
        self.lines: list[bytes] = []

    def take(self, event: Event) -> Decision:
        decision = super().take(event)
        stamped = msgspec.structs.replace(event, flows=self.version)
        self.lines.append(encode(Line(event=stamped, effects=decision.effects)))
        return decision

    def taps(self, title: str) -> None:
        (offer,) = [send.content for send in self.sends if isinstance(send.content, Buttons)]
        (button,) = [button for button in offer.buttons if button.title == title]
        self.wrote(Choice(id=button.id, title=title))

    def host_says(self, failure: str = "", **values: str) -> None:
        call = self.only(CallHttp)
        found = {f"flow.{name}": value for name, value in values.items()}
        self.happens(CallReturned, effect_id=call.id, status=200, values=found, failure=failure)

    def model_says(self, text: str) -> None:
        self.happens(ReplyDrafted, effect_id=self.only(DraftReply).id, text=text)

    def timer_fires(self) -> None:
        timer = self.only(WakeAt)
        self.now = timer.due_at
        self.happens(TimerFired, effect_id=timer.id, purpose=timer.purpose, about=timer.about)


def a_question_is_answered(talk: Recorder) -> None:
    talk.wrote("hi")
    talk.wait(20).wrote("Do you have")
    talk.wait(1).wrote("the red shoes?")
    talk.wait(1.5).silence()
    page = "**Yes**, in sizes 36 to 44. See [the page](https://shop.example/red)."
    talk.wait(2).drafted(page, sources=("red.md#0",), links=("shop.example/red",))
    talk.wait(3).told(MessageStatus.DELIVERED)
    talk.wait(60).wrote(Choice(id="hours", title="Opening hours"))
    talk.wait(2).drafted("From nine to six.")


def a_person_takes_over(talk: Recorder) -> None:
    talk.asked("My parcel is broken")
    talk.wait(1).wrote("I want to talk to a human")
    talk.wait(30).replied("Asha here. Could you send a picture?")
    talk.wait(40).wrote(Media(kind="image", media_id="77"))
    talk.wait(10).replied("Thank you, a new one is on its way.")
    talk.wait(5).released()
    talk.wait(600).asked("When will it be here?")
    talk.wait(2).drafted("", is_answer=False)


def a_draft_is_overtaken(talk: Recorder) -> None:
    talk.asked("Do you have size 9?")
    talk.wait(1).happens(MessageEdited, provider_message_id="wamid.1", content=Text(body="Do you have size 10?"))
    talk.wait(1.5).silence()
    talk.wait(1).wrote("In red")
    talk.wait(1.5).silence()
    talk.wait(2).drafted("Yes, in red.")


def a_send_stays_unknown(talk: Recorder) -> None:
    talk.wrote("hello")
    sent = talk.sends[0].id
    talk.wait(10).happens(SendUnknown, effect_id=sent, reason="time-out")
    talk.wait(120).happens(TimerFired, effect_id="e2.0", purpose="unknown", about=sent)


def two_machines_talk(talk: Recorder) -> None:
    for number in range(6):
        talk.wait(9 + number % 2).wrote("We have received your message.")


def an_order_is_found(talk: Recorder) -> None:
    talk.wrote("hello")
    talk.wait(5).taps("Order status")
    talk.wait(9).wrote("A1")
    talk.wait(4).wrote("A1001")
    talk.wait(1).host_says(day="2026-12-01")
    talk.wait(60).wrote("menu")
    talk.wait(7).wrote("do you ship abroad?")
    talk.wait(2).model_says("Yes.")


def a_host_is_away(talk: Recorder) -> None:
    talk.wrote("मेरा ऑर्डर")
    talk.timer_fires()
    talk.wait(60).wrote("A1001")
    talk.wait(10).host_says(failure="the shop did not answer")
    talk.timer_fires()


def a_menu_leads_to_people(talk: Recorder) -> None:
    talk.wrote("hello")
    talk.wait(5).taps("Order status")
    talk.wait(9).wrote("A1001")
    talk.wait(1).host_says(failure="the shop did not answer")
    talk.timer_fires()
    talk.wait(30).replied("Asha here, I see to it.")


STORIES: list[Callable[[Recorder], None]] = [
    a_question_is_answered,
    a_person_takes_over,
    a_draft_is_overtaken,
    a_send_stays_unknown,
    two_machines_talk,
]
FLOW_STORIES: list[Callable[[Recorder], None]] = [an_order_is_found, a_host_is_away, a_menu_leads_to_people]


def decided_again(journal: bytes) -> bytes:
    """The journal with the effects that the rules ask for today."""
    state, lines = Conversation(id="c", channel="main"), []
    for text in journal.splitlines():
        event = decode_line(text).event
        decision = decide(state, event, POLICY, SHELF)
        state = decision.conversation
        lines.append(encode(Line(event=event, effects=decision.effects)))
    return b"\n".join(lines) + b"\n"


@pytest.mark.parametrize("story", [*STORIES, *FLOW_STORIES], ids=lambda story: story.__name__)
def test_a_golden_conversation_is_decided_as_ever(story: Callable[[Recorder], None]) -> None:
    path = GOLDEN / f"{story.__name__}.jsonl"
    if os.environ.get("FRONTDESK_UPDATE"):
        talk = Recorder(SHOP.version if story in FLOW_STORIES else "")
        story(talk)
        path.write_bytes(b"\n".join(talk.lines) + b"\n")
    journal = path.read_bytes()
    assert decided_again(journal) == journal


def test_every_golden_file_is_read() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.jsonl")) == sorted(
        story.__name__ for story in [*STORIES, *FLOW_STORIES]
    )


def test_a_rule_that_changed_shows() -> None:
    journal = (GOLDEN / "two_machines_talk.jsonl").read_bytes()
    assert decided_again(journal.replace(b"We have received", b"We have not received", 1)) != journal.replace(
        b"We have received", b"We have not received", 1
    )
