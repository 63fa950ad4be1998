"""What one file says, noted while it is read, for the checks that need places or look over several files."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from frontdesk.core.flow import Variable, Words
from frontdesk.flows.finding import START, Findings, Place

TriggerKind = Literal["keyword", "button", "ad", "first contact", "intent"]


class Limit(Struct, frozen=True):
    """How long a kind of text may be, in characters, and what people call it."""

    characters: int
    noun: str


TEXT = Limit(4_096, "text")
BODY = Limit(1_024, "text of a message with buttons or a list")
LINK_BODY = Limit(1_024, "text above a link's button")
CAPTION = Limit(1_024, "caption")
HEADER = Limit(60, "header")
FOOTER = Limit(60, "footer")
BUTTON = Limit(20, "button's title")
LIST_BUTTON = Limit(20, "title of a list's button")
LINK_LABEL = Limit(20, "title of a link's button")
ROW = Limit(24, "title of a list's row")
DESCRIPTION = Limit(72, "description of a list's row")
LIMITS = (TEXT, BODY, LINK_BODY, CAPTION, HEADER, FOOTER, BUTTON, LIST_BUTTON, LINK_LABEL, ROW, DESCRIPTION)


class Said(Struct, frozen=True, eq=False):
    """A text that contacts read, where each language of it stands, and what it may not exceed."""

    words: Words
    places: dict[str, Place]
    limit: Limit


class Menu(Struct, frozen=True, eq=False):
    """All texts of one `choose` step, in order: those around the options, and each option with its description."""

    place: Place
    around: tuple[Words, ...]
    titles: tuple[tuple[Words, Place], ...]
    descriptions: tuple[Words, ...]
    is_numbered: bool


class Mention(Struct, frozen=True):
    """A name that was used, and where."""

    name: str
    place: Place


class Trigger(Struct, frozen=True):
    """What starts a flow. `language` "" is any."""

    kind: TriggerKind
    key: str
    place: Place
    language: str = ""


class Declared(Struct, frozen=True):
    """A variable, and where it was declared."""

    variable: Variable
    place: Place


class Facts:
    """Of one file, or of one tool. `flow` is "" for the rules and for tools. `sent`: the kinds of message that are
    said, as channels call them."""

    def __init__(self, file: str, flow: str, place: Place = START) -> None:
        self.file = file
        self.flow = flow
        self.place = place
        self.findings = Findings(file)
        self.texts: list[Said] = []
        self.menus: list[Menu] = []
        self.read: list[Mention] = []
        self.written: list[Mention] = []
        self.declared: list[Declared] = []
        self.flows: list[Mention] = []
        self.inputs: list[tuple[str, Mention]] = []
        self.hosts: list[Mention] = []
        self.tools: list[Mention] = []
        self.sent: list[Mention] = []
        self.model_needed: list[Place] = []
        self.triggers: list[Trigger] = []
        self.phrase_languages: dict[str, Place] = {}
        self.steps: dict[str, Place] = {}

    @property
    def has_errors(self) -> bool:
        """Whether anything found so far keeps the file from being used."""
        return any(finding.is_error for finding in self.findings.found)
