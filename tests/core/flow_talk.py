"""A conversation with authored flows in tests: YAML in, decisions out."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

from core.talk import QUIET, Talk
from frontdesk.core.effect import CallHttp, DraftReply, WakeAt
from frontdesk.core.event import CallReturned, DraftFailed, ReplyDrafted, TimerFired
from frontdesk.core.flow import Book, UnknownBook
from frontdesk.core.message import Buttons, Choice, ListMenu
from frontdesk.core.policy import Policy
from frontdesk.core.position import AnswerAwaited, Run, TimeAwaited
from frontdesk.flows.book import compile_book


def book(**files: str) -> Book:
    """The compiled flows; a file's name is the keyword's."""
    return compile_book({f"{name}.yaml": dedent(text) for name, text in files.items()})


class Shelf:
    """Books by version."""

    def __init__(self, *books: Book, has_buttons: bool = True) -> None:
        self.books = {one.version: one for one in books}
        self.has_buttons = has_buttons

    def book(self, version: str) -> Book:
        if version not in self.books:
            raise UnknownBook(version)
        return self.books[version]

    def shows_buttons(self, _channel: str) -> bool:
        return self.has_buttons


class FlowTalk(Talk):
    """A talk under flows."""

    def __init__(self, policy: Policy = QUIET, has_buttons: bool = True, /, **files: str) -> None:
        made = book(**files)
        self.shelf = Shelf(made, has_buttons=has_buttons)
        super().__init__(policy, self.shelf, made.version)

    def change(self, **files: str) -> None:
        """The business changed its flows."""
        made = book(**files)
        self.shelf.books[made.version] = made
        self.version = made.version

    @property
    def run(self) -> Run:
        assert self.state.run is not None
        return self.state.run

    @property
    def at(self) -> str:
        """Where it stands: `flow/step`, "" if nowhere."""
        run = self.state.run
        return f"{run.frames[-1].flow}/{run.frames[-1].step}" if run else ""

    @property
    def variables(self) -> dict[str, Any]:
        return self.run.frames[-1].variables

    def offered(self) -> list[tuple[str, str]]:
        """The buttons or rows of the last message that has some: id and title."""
        for send in reversed(self.sends):
            match send.content:
                case Buttons(buttons=buttons):
                    return [(button.id, button.title) for button in buttons]
                case ListMenu(sections=sections):
                    return [(row.id, row.title) for section in sections for row in section.rows]
        raise AssertionError(f"nothing was offered in {self.said}")

    def choice(self, title: str) -> Choice:
        """The button with that title, to be tapped now or later."""
        return next(Choice(id=known, title=label) for known, label in self.offered() if label == title)

    def tapped(self, title: str) -> None:
        self.wrote(self.choice(title))

    def returned(self, failure: str = "", **values: Any) -> None:
        """The call that the last decision asked for comes back."""
        call: CallHttp = self.only(CallHttp)
        self.happens(
            CallReturned, effect_id=call.id, status=500 if failure else 200, failure=failure, values=values["values"]
        )

    def model_says(self, text: str, **fields: Any) -> None:
        """The draft that the last decision asked for comes back."""
        draft: DraftReply = self.only(DraftReply)
        self.happens(ReplyDrafted, effect_id=draft.id, text=text, **fields)

    def model_fails(self) -> None:
        draft: DraftReply = self.only(DraftReply)
        self.happens(DraftFailed, effect_id=draft.id, reason="it is away")

    def timer(self) -> WakeAt:
        """What the flow waits for."""
        timer: WakeAt = self.only(WakeAt)
        assert timer.purpose == "flow"
        return timer

    def later(self) -> None:
        """The timer of the position fires when it is due."""
        waits = self.run.waits
        assert isinstance(waits, AnswerAwaited | TimeAwaited)
        self.happens(TimerFired, effect_id=waits.timer_id, purpose="flow", about=self.run.id)


def one(steps: str, head: str = "") -> FlowTalk:
    """A talk under one flow that "go" starts."""
    return FlowTalk(shop=f"title: Shop\nstarts_on: {{keywords: [go]}}\n{head}\nsteps:\n{steps}")
