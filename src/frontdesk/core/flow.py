"""What authored flows are once they have been read: data, with every text and expression compiled. `core.running`
interprets them; `frontdesk.flows` reads them from YAML, checks, tests and draws them.

A *book* is all flow files of a business at one moment, under a version derived from their content. A conversation
stays on the book on which its flow began. Step ids are unique within a flow; `next` is always the id of a step, or ""
where the flow ends there (the reader resolves "the step below").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time, tzinfo
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from frontdesk.core.expression import Expression
from frontdesk.core.tool import Argument
from frontdesk.core.trigger import Triggers
from frontdesk.core.value import Value
from frontdesk.core.wording import Wording

ANY_LANGUAGE = ""
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
"""Flows, steps, options, languages' variables: short enough that a button's id holds three of them."""

ExpectedKind = Literal[
    "text", "number", "email", "phone", "date", "choice", "image", "video", "audio", "document", "media", "location",
    "contact", "anything",
]  # fmt: skip
VariableKind = Literal["text", "number", "yes_no", "date", "list"]
Priority = Literal["low", "normal", "high", "urgent"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Words(Struct, frozen=True, eq=False):
    """A text in one or several languages; under `ANY_LANGUAGE` one that stands for all."""

    by_language: Mapping[str, Wording]

    def render(self, languages: Sequence[str], values: Mapping[str, Value]) -> str:
        """In the first of `languages` that it is written in, else in whatever there is. Never fails."""
        known = self.by_language
        wording = next((known[language] for language in languages if language in known), None)
        wording = wording or known.get(ANY_LANGUAGE) or next(iter(known.values()))
        return wording.render(values)


Source: TypeAlias = Expression | Wording
"""Where a value comes from: `= flow.count + 1` is calculated, any other text is worded, and both may be constant."""


class Assignment(Struct, frozen=True, eq=False):
    """`variable` with its scope (`flow.count`), and its new value."""

    variable: str
    source: Source


class Variable(Struct, frozen=True, kw_only=True):
    """A declared variable; `longest` in characters counts in the checks of limits."""

    name: str
    kind: VariableKind = "text"
    longest: int = 1_000
    default: bool | int | float | str | None = None


# What can be said


class TextSaid(Struct, frozen=True, kw_only=True, eq=False):
    """Words."""

    words: Words
    shows_preview: bool = False


class MediaSaid(Struct, frozen=True, kw_only=True, eq=False):
    """A file behind a public https link."""

    kind: Literal["image", "video", "audio", "document", "sticker"]
    link: Wording
    caption: Words | None = None
    filename: Wording | None = None


class TemplateSaid(Struct, frozen=True, kw_only=True, eq=False):
    """An approved template; `language` None: the contact's. The parameters are the body's, in order. `category` is
    what a contact may have refused."""

    name: str
    language: str | None = None
    parameters: tuple[Wording, ...] = ()
    category: str = "utility"


class LocationSaid(Struct, frozen=True, kw_only=True, eq=False):
    """A place on the map."""

    latitude: float
    longitude: float
    name: Words | None = None
    address: Words | None = None


class CardSaid(Struct, frozen=True, kw_only=True, eq=False):
    """An entry for the contact's address book."""

    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    organisation: str = ""


class LinkSaid(Struct, frozen=True, kw_only=True, eq=False):
    """Words with a button that opens a page."""

    words: Words
    label: Words
    url: Wording


Said: TypeAlias = TextSaid | MediaSaid | TemplateSaid | LocationSaid | CardSaid | LinkSaid


# Steps


class Step(Struct, frozen=True, kw_only=True, eq=False):
    """What all steps have: an id, the line of the file it begins at, and the step after it ("": the flow ends)."""

    id: str
    line: int = 0
    next: str = ""


class Say(Step, frozen=True, kw_only=True, eq=False):
    """Say something and go on."""

    said: Said


class WayOut(Struct, frozen=True, kw_only=True, eq=False):
    """Folded whole words that leave a question, and the step they lead to."""

    phrases: tuple[tuple[str, ...], ...]
    next: str


class Expected(Struct, frozen=True, kw_only=True, eq=False):
    """What an answer must be. Bounds are of the number, of the text's length, or of the date; `test` sees the answer
    as `message.value`."""

    kind: ExpectedKind = "text"
    minimum: float | None = None
    maximum: float | None = None
    is_whole: bool = False
    earliest: Expression | None = None
    latest: Expression | None = None
    test: Expression | None = None


class Question(Step, frozen=True, kw_only=True, eq=False):
    """What `ask` and `choose` have in common. `misfit`: what is said to an answer that does not fit (None: the rules'
    own sentence); after `tries` of them `otherwise` (""): people get the conversation)."""

    words: Words
    save: str = ""
    misfit: Words | None = None
    tries: int = 3
    otherwise: str = ""
    way_out: WayOut | None = None
    silence: tuple[Silence, ...] | None = None


class Ask(Question, frozen=True, kw_only=True, eq=False):
    """Ask and keep the answer."""

    expected: Expected


class Option(Struct, frozen=True, kw_only=True, eq=False):
    """One thing to choose. `next` "": the step's own."""

    id: str
    title: Words
    description: Words | None = None
    next: str = ""


class Choose(Question, frozen=True, kw_only=True, eq=False):
    """Let the contact choose: up to three options as buttons, up to ten as a list, more (or where the channel has
    neither) as numbered text. `save` keeps the option's id. `as_text` asks for numbered text in any case."""

    options: tuple[Option, ...]
    button: Words | None = None
    header: Words | None = None
    footer: Words | None = None
    as_text: bool = False


class Assign(Step, frozen=True, kw_only=True, eq=False):
    """Set variables, in order."""

    assignments: tuple[Assignment, ...]


class Case(Struct, frozen=True, kw_only=True, eq=False):
    """Where to go if the test holds."""

    test: Expression
    next: str


class Branch(Step, frozen=True, kw_only=True, eq=False):
    """The first case that holds; else `next`."""

    cases: tuple[Case, ...]


class Call(Step, frozen=True, kw_only=True, eq=False):
    """Ask a host of the list over HTTP. `saves`: variable and the path in the JSON answer (`order.items.0.name`).
    `if_failed` "": people get the conversation. `is_repeatable`: trying again does no harm."""

    host: str
    method: Method
    path: Wording
    query: tuple[tuple[str, Source], ...] = ()
    body: tuple[tuple[str, Source], ...] = ()
    saves: tuple[tuple[str, str], ...] = ()
    timeout_seconds: float = 10.0
    is_repeatable: bool = False
    if_failed: str = ""


class Answer(Step, frozen=True, kw_only=True, eq=False):
    """Let the language model answer what the contact wrote last, or `question`. `scope`: the knowledge files it may
    use (all where empty); `tools` by name. `demands_sources` None: as the policy. `if_unanswered` "": as it, too."""

    instructions: Wording | None = None
    question: Wording | None = None
    scope: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    demands_sources: bool | None = None
    if_unanswered: str = ""


class SubFlow(Step, frozen=True, kw_only=True, eq=False):
    """Run another flow, then go on; `save` takes its result."""

    flow: str
    inputs: tuple[Assignment, ...] = ()
    save: str = ""


class Jump(Step, frozen=True, kw_only=True, eq=False):
    """Leave this flow for another; nothing comes back."""

    flow: str


class Wait(Step, frozen=True, kw_only=True, eq=False):
    """Go on later: after `seconds`, or when the business is open (at once if it is)."""

    seconds: float | None = None
    is_until_open: bool = False


class GiveToPeople(Step, frozen=True, kw_only=True, eq=False):
    """Hand the conversation off; the flow ends. `words` None: the policy's sentence."""

    words: Words | None = None
    team: str = ""
    summary: Wording | None = None
    priority: Priority = "normal"


class Tag(Step, frozen=True, kw_only=True, eq=False):
    """Mark the conversation."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Consent(Step, frozen=True, kw_only=True, eq=False):
    """The contact allowed or refused a category of messages (`marketing`)."""

    category: str
    is_granted: bool


class Resolve(Step, frozen=True, kw_only=True, eq=False):
    """Nothing more is to be done; the flow ends."""


class End(Step, frozen=True, kw_only=True, eq=False):
    """The flow ends; `result` goes to a flow that called it."""

    result: Source | None = None


AnyStep: TypeAlias = (
    Say | Ask | Choose | Assign | Branch | Call | Answer | SubFlow | Jump | Wait | GiveToPeople | Tag | Consent
    | Resolve | End
)  # fmt: skip


class Migration(Struct, frozen=True, kw_only=True):
    """Moves people who stand in an earlier version: `versions` of the book ("*": any); `steps` old id to new id, those
    not named keep their id."""

    versions: tuple[str, ...]
    steps: Mapping[str, str] = {}


class Flow(Struct, frozen=True, kw_only=True, eq=False):
    """One file. `first` is the id of the step it begins with; `steps` are in the order of the file."""

    name: str
    title: str
    first: str
    steps: Mapping[str, AnyStep]
    variables: Mapping[str, Variable] = {}
    migration: Migration | None = None
    may_be_requested: bool = False


# Rules of all flows


class Silence(Struct, frozen=True, kw_only=True, eq=False):
    """When the contact does not answer: after so long say `words`; `closes`: and end the flow."""

    after_seconds: float
    words: Words | None = None
    closes: bool = False


class Interrupt(Struct, frozen=True, kw_only=True, eq=False):
    """Folded whole words that are heard at any time, alone in a message: they start `flow`, or hand off to `team`."""

    phrases: tuple[tuple[str, ...], ...]
    flow: str = ""
    team: str = ""


class Hours(Struct, frozen=True, kw_only=True, eq=False):
    """When the business is open, in its own time zone: periods for each weekday from Monday (0); `holidays` are closed
    all day. A period that ends at midnight ends at 00:00."""

    zone: tzinfo
    periods: Mapping[int, tuple[tuple[time, time], ...]]
    holidays: frozenset[date] = frozenset()


class Sentences(Struct, frozen=True, kw_only=True, eq=False):
    """What the flows' own rules say, each replaceable by the business."""

    misfit: Words
    unexpected_media: Words
    old_button: Words
    choose_button: Words
    choose_hint: Words
    confirm_yes: Words
    confirm_no: Words


class Rules(Struct, frozen=True, kw_only=True, eq=False):
    """What holds in all flows. `languages`: the first is the fallback. `forgets_after_seconds`: a conversation that was
    silent for so long starts afresh; facts about the contact stay."""

    sentences: Sentences
    languages: tuple[str, ...] = ("en",)
    zone: tzinfo
    hours: Hours | None = None
    interrupts: tuple[Interrupt, ...] = ()
    silence: tuple[Silence, ...] = ()
    date_order: Literal["DMY", "MDY"] = "DMY"
    country: str = ""
    forgets_after_seconds: float = 86_400.0
    keyword_words_max: int = 8


class Tool(Struct, frozen=True, kw_only=True, eq=False):
    """What the model may ask for in an `answer` step that lists it: to `call` a host (whose `saves` are what the model
    is told, by name), to start the flow `starts`, or to keep its only argument in the variable `remembers`; one of the
    three. Its arguments are `flow.…` variables in the call and in `confirm`, what the contact is asked before."""

    name: str
    description: str
    arguments: tuple[Argument, ...] = ()
    call: Call | None = None
    starts: str = ""
    remembers: str = ""
    confirm: Words | None = None


class Book(Struct, frozen=True, kw_only=True, eq=False):
    """All flows of one version."""

    version: str
    flows: Mapping[str, Flow]
    rules: Rules
    triggers: Triggers = Triggers()
    defaults: Mapping[str, Variable] = {}
    tools: Mapping[str, Tool] = {}


class UnknownBook(Exception):
    """A conversation stands in a version of the flows that is not loaded here; load it and decide again."""

    def __init__(self, version: str) -> None:
        super().__init__(f"version {version} of the flows is not loaded")
        self.version = version


class Flows(Protocol):
    """The books that are loaded."""

    def book(self, version: str) -> Book:
        """The book of that version. Raises UnknownBook."""

    def shows_buttons(self, channel: str, /) -> bool:
        """Whether the channel has buttons and lists; numbered text stands in for them where it has not."""


class NoFlows:
    """A business without flows."""

    def book(self, version: str) -> Book:
        """There is none."""
        raise UnknownBook(version)

    def shows_buttons(self, _channel: str) -> bool:
        """Nobody asks."""
        return True


NO_FLOWS = NoFlows()
