"""What a flow file and `rules.yaml` look like; see `flows.steps` for how these classes are used."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from frontdesk.core.flow import VariableKind
from frontdesk.flows.shape import Part
from frontdesk.flows.steps import (
    AnyStepWritten,
    CallPart,
    Language,
    Name,
    Phrases,
    SilencePart,
    Span,
    Text,
    VariableName,
    described,
)
from frontdesk.flows.yaml import Written

Period = Annotated[
    Written,
    Meta(
        pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$",
        extra={"wanted": 'a period such as "09:00-13:30"'},
    ),
]
Periods = Annotated[list[Period], Meta(max_length=10)]
Day = Annotated[Written, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", extra={"wanted": "a date such as 2026-12-25"})]
Country = Annotated[
    Written, Meta(pattern="^[A-Z]{2}$", extra={"wanted": "a country's two capital letters, such as IN"})
]
Payload = Annotated[Written, Meta(min_length=1, max_length=256)]
Sentence = Annotated[Written, Meta(min_length=1, max_length=300)]


class VariablePart(Part, frozen=True, kw_only=True, eq=False):
    """A variable."""

    type: Annotated[VariableKind, described("What it holds.")] = "text"
    longest: Annotated[
        int | None, described("The most characters of a text or list; longer ones are cut.", ge=1, le=1000)
    ] = None
    default: Annotated[bool | int | float | Written | None, described("What it holds until it is set.")] = None


Variables = dict[VariableName, VariableKind | VariablePart]


class StartsOnPart(Part, frozen=True, kw_only=True, eq=False):
    """What starts a flow."""

    keywords: Annotated[
        Phrases | None, described("Whole words anywhere in a short message; case and accents do not count.")
    ] = None
    buttons: Annotated[list[Payload], described("Payloads of templates' quick replies.")] = []
    first_contact: Annotated[bool, described("The first message of somebody new.")] = False
    ads: Annotated[list[Payload], described('Ids of ads or posts that the contact came from; "*" for any.')] = []
    intents: Annotated[
        list[Sentence], described("Sentences that say what the contact wants; the language model recognises them.")
    ] = []
    request: Annotated[bool, described("A program may start it.")] = False


class MigrationPart(Part, frozen=True, kw_only=True, eq=False):
    """What becomes of those who stand in an earlier version."""

    versions: Annotated[
        list[Annotated[Written, Meta(pattern=r"^(\*|[0-9a-f]{12,16})$", extra={"wanted": 'a version, or "*"'})]],
        described('The versions of the flows that they are moved from; "*" for any.', min_length=1),
    ] = field(name="from")
    steps: Annotated[dict[Name, Name], described("Old ids of steps and new ones; others keep theirs.")] = {}


class FlowDocument(Part, frozen=True, kw_only=True, eq=False):
    """A flow: what the bot says and does, step by step."""

    title: Annotated[Written, described("Its name for people.", min_length=1, max_length=100)]
    starts_on: Annotated[StartsOnPart | None, described("What starts it.")] = None
    variables: Annotated[Variables, described("The variables that it uses, by name.")] = {}
    migration: Annotated[MigrationPart | None, described("What becomes of those who stand in an earlier version.")] = (
        None
    )
    steps: Annotated[
        dict[Name, AnyStepWritten],
        described("The steps by id, in order; it begins with the first.", min_length=1, max_length=1000),
    ]


class InterruptPart(Part, frozen=True, kw_only=True, eq=False):
    """Words that are heard at any time. Either `flow` or `hand_off` says what they do."""

    words: Annotated[Phrases, described("Any of them, alone in a message.")]
    flow: Annotated[Name | None, described("The flow that they start.")] = None
    hand_off: Annotated[Literal[True] | Name | None, described("They ask for people: true, or the team.")] = None


class HoursPart(Part, frozen=True, kw_only=True, eq=False):
    """When the business is open; days that are not named are closed."""

    monday: Annotated[Periods, described("Its periods.")] = []
    tuesday: Annotated[Periods, described("Its periods.")] = []
    wednesday: Annotated[Periods, described("Its periods.")] = []
    thursday: Annotated[Periods, described("Its periods.")] = []
    friday: Annotated[Periods, described("Its periods.")] = []
    saturday: Annotated[Periods, described("Its periods.")] = []
    sunday: Annotated[Periods, described("Its periods.")] = []


class SentencesPart(Part, frozen=True, kw_only=True, eq=False):
    """What the rules themselves say."""

    misfit: Annotated[Text | None, described("To an answer that does not fit, where the step has no sentence.")] = None
    unexpected_media: Annotated[Text | None, described("To a picture or a voice note where words are expected.")] = None
    old_button: Annotated[Text | None, described("To a button that leads nowhere any more.")] = None
    choose_button: Annotated[Text | None, described("On the button that opens a list.")] = None
    choose_hint: Annotated[Text | None, described("Below options that are sent as numbered text.")] = None
    confirm_yes: Annotated[Text | None, described("On the button that lets a tool of the model's do it.")] = None
    confirm_no: Annotated[Text | None, described("On the button that does not.")] = None


class ArgumentPart(Part, frozen=True, kw_only=True, eq=False):
    """What the model gives a tool."""

    type: Annotated[Literal["text", "number", "yes_no", "date"], described("What it holds.")] = "text"
    description: Annotated[Written | None, described("What it is, for the model.", max_length=200)] = None
    longest: Annotated[
        int | None, described("The most characters of a text; longer ones are refused. Left out: 200.", ge=1, le=1000)
    ] = None
    choices: Annotated[list[Written], described("The only texts that fit; left out: any.", max_length=50)] = []


class ToolPart(Part, frozen=True, kw_only=True, eq=False):
    """What the model may ask for. One of `call`, `flow` and `remember` says what it does."""

    description: Annotated[Written, described("What it does, for the model.", min_length=1, max_length=500)]
    arguments: Annotated[
        dict[Name, ArgumentPart], described("What the model gives it; flow.… variables below.", max_length=10)
    ] = {}
    call: Annotated[CallPart | None, described("Ask a host, as in a `call` step.")] = None
    save: Annotated[
        dict[Name, Written], described("Of a call: what the model is told, by name, and where it stands in the answer.")
    ] = {}
    flow: Annotated[Name | None, described("Start this flow, with the arguments as its variables.")] = None
    remember: Annotated[VariableName | None, described("Keep the only argument in this contact.… variable.")] = None
    confirm: Annotated[
        Text | None, described("What the contact is asked, with two buttons, before anything is done.")
    ] = None


class ToolsDocument(Part, frozen=True, kw_only=True, eq=False):
    """What the language model may ask for, in the `answer` steps that list it."""

    tools: Annotated[dict[Name, ToolPart], described("The tools by name.", max_length=100)] = {}


class RulesDocument(Part, frozen=True, kw_only=True, eq=False):
    """What holds in all flows."""

    languages: Annotated[
        list[Language] | None,
        described("The languages of the texts; the first is the fallback. Left out: en.", min_length=1, max_length=20),
    ] = None
    time_zone: Annotated[Written | None, described("Where the business is, such as Asia/Kolkata. Left out: UTC.")] = (
        None
    )
    hours: Annotated[HoursPart | None, described("When it is open; left out: always.")] = None
    holidays: Annotated[list[Day], described("Days on which it is closed.")] = []
    interrupts: Annotated[list[InterruptPart], described("Words that are heard at any time.")] = []
    silence: Annotated[list[SilencePart], described("When a question is not answered.", max_length=10)] = []
    date_order: Annotated[Literal["DMY", "MDY"], described("How people here write 3.4.2026 or 3/4/2026.")] = "DMY"
    country: Annotated[
        Country | None, described("Whose phone numbers are written without + and country code, such as IN.")
    ] = None
    forgets_after: Annotated[
        Span, described("After so long a silence a conversation starts afresh; facts about the contact stay.")
    ] = 86_400
    keyword_words_max: Annotated[
        int, described("Messages with more words are not searched for keywords.", ge=1, le=100)
    ] = 8
    variables: Annotated[Variables, described("contact.… and conversation.… variables of all flows.")] = {}
    sentences: Annotated[SentencesPart | None, described("What the rules themselves say.")] = None
