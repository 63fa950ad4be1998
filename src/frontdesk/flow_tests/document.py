"""What `NAME.test.yaml` looks like: a list of examples; see `flows.steps` for how these classes are used."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from frontdesk.core.flow import Priority
from frontdesk.flows.shape import Broken, OneOf, Part, Tree
from frontdesk.flows.steps import Language, Name, Span, Value, VariableName, described
from frontdesk.flows.yaml import Written

Moment = Annotated[
    Written,
    Meta(
        pattern=r"^\d{4}-\d{2}-\d{2} ([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$",
        extra={"wanted": "a day and a time such as 2026-11-02 11:00"},
    ),
]
Phone = Annotated[
    Written, Meta(pattern=r"^\+[1-9]\d{6,14}$", extra={"wanted": "a phone number with +, such as “+919876543210”"})
]
CallName = Annotated[
    Written,
    Meta(pattern=r"^(GET|POST|PUT|PATCH|DELETE) /", extra={"wanted": "a method and a path such as GET /orders/A1001"}),
]


class ContactPart(Part, frozen=True, kw_only=True, eq=False):
    """Who writes."""

    name: Annotated[Written | None, described("Their name; left out: Mira. “” for nobody's.")] = None
    phone: Annotated[Phone | None, described("Their number; left out: +15550100777.")] = None
    language: Annotated[Language | None, described("The language that they wrote in before.")] = None
    facts: Annotated[dict[Name, Value | list[Value]], described("contact.… variables, without the scope.")] = {}
    known: Annotated[bool, described("They have written before: this is no first contact.")] = False


class CallAnswerPart(Part, frozen=True, kw_only=True, eq=False):
    """What a host answers."""

    status: Annotated[int, described("The HTTP status.", ge=100, le=599)] = 200
    body: Annotated[Tree | None, described("The JSON that it answers with, written as YAML.")] = None
    fails: Annotated[Written | None, described("No answer comes, for this reason.")] = None


class UnansweredPart(Part, frozen=True, kw_only=True, eq=False):
    """The model does not know, or does not find a flow that is meant."""

    unanswered: Annotated[Literal[True], described("Always true.")]


class HandsOffPart(Part, frozen=True, kw_only=True, eq=False):
    """The model asks for a person."""

    hands_off: Annotated[Literal[True], described("Always true.")]
    text: Annotated[Written | None, described("What it says before.")] = None


class FailsPart(Part, frozen=True, kw_only=True, eq=False):
    """The model cannot be had."""

    fails: Annotated[Written, described("For this reason.")]


class ChoosePart(Part, frozen=True, kw_only=True, eq=False):
    """The model says which flow is meant."""

    choose: Annotated[Written, described("Its sentence under intents.")]


class WantsToolPart(Part, frozen=True, kw_only=True, eq=False):
    """The model asks for a tool."""

    tool: Annotated[Written, described("Its name.")]
    arguments: Annotated[dict[Written, Value], described("What it gives it.")] = {}


DRAFTS: tuple[type[Part], ...] = (UnansweredPart, HandsOffPart, FailsPart, ChoosePart, WantsToolPart)
Draft: TypeAlias = (
    Written
    | Annotated[
        UnansweredPart | HandsOffPart | FailsPart | ChoosePart | WantsToolPart | Broken,
        OneOf(DRAFTS, "answer of the model"),
    ]
)


class RequestedPart(Part, frozen=True, kw_only=True, eq=False):
    """A program starts the conversation."""

    flow: Annotated[Name, described("Which flow it asks for.")]
    values: Annotated[dict[Name, Value], described("The flow's variables, without the scope.")] = {}


class AdPart(Part, frozen=True, kw_only=True, eq=False):
    """The advertisement that the first message comes from."""

    source_id: Annotated[Written, described("Its id.")] = Written("")
    headline: Annotated[Written, described("What it says.")] = Written("")


class GivenPart(Part, frozen=True, kw_only=True, eq=False):
    """What is so before the talk begins."""

    at: Annotated[Moment | None, described("When it begins, where the business is; left out: 2026-11-02 11:00.")] = None
    contact: Annotated[ContactPart | None, described("Who writes.")] = None
    calls: Annotated[
        dict[Name, dict[CallName, CallAnswerPart | list[CallAnswerPart]]],
        described("What hosts answer, by host and call: always the same, or a list for one call after the other."),
    ] = {}
    model: Annotated[list[Draft], described("What the language model answers, in order.")] = []
    requested: Annotated[RequestedPart | None, described("A program asks for a flow.")] = None
    ad: Annotated[AdPart | None, described("Where the contact comes from.")] = None
    buttons: Annotated[bool, described("The channel has buttons and lists.")] = True
    window: Annotated[
        Literal["open", "closed"] | None,
        described("Whether free text may be sent before the contact writes; left out: open where a flow is requested."),
    ] = None


class OptionIdPart(Part, frozen=True, kw_only=True, eq=False):
    """An option by its id."""

    option: Annotated[Name, described("The id.")]


class TapPart(Part, frozen=True, kw_only=True, eq=False):
    """The contact taps what was offered last."""

    tap: Annotated[Written | OptionIdPart, described("The title of the button or row, or its option.")]


class OldTapPart(Part, frozen=True, kw_only=True, eq=False):
    """The contact taps what was offered earlier."""

    old_tap: Annotated[Written | OptionIdPart, described("The title of the button or row, or its option.")]


class PayloadPart(Part, frozen=True, kw_only=True, eq=False):
    """The contact taps the quick reply of a template."""

    payload: Annotated[Written, described("What it brings back.")]


class FilePart(Part, frozen=True, kw_only=True, eq=False):
    """What files have in common."""

    caption: Annotated[Written | None, described("Words below it.")] = None


class ImagePart(FilePart, frozen=True, kw_only=True, eq=False):
    """A picture."""

    image: Annotated[Written, described("Its name; there need not be such a file.")]


class VideoPart(FilePart, frozen=True, kw_only=True, eq=False):
    """A film."""

    video: Annotated[Written, described("Its name.")]


class DocumentPart(FilePart, frozen=True, kw_only=True, eq=False):
    """A document."""

    document: Annotated[Written, described("Its name.")]


class AudioPart(Part, frozen=True, kw_only=True, eq=False):
    """A sound."""

    audio: Annotated[Written, described("Its name.")]


class VoicePart(Part, frozen=True, kw_only=True, eq=False):
    """A voice note."""

    voice: Annotated[Written, described("Its name.")]


class StickerPart(Part, frozen=True, kw_only=True, eq=False):
    """A sticker."""

    sticker: Annotated[Written, described("Its name.")]


class SpotPart(Part, frozen=True, kw_only=True, eq=False):
    """Where something is, in degrees."""

    latitude: Annotated[int | float, described("North is positive.", ge=-90, le=90)]
    longitude: Annotated[int | float, described("East is positive.", ge=-180, le=180)]
    name: Annotated[Written | None, described("What it is called.")] = None


class LocationPart(Part, frozen=True, kw_only=True, eq=False):
    """A place on the map."""

    location: Annotated[SpotPart, described("Where.")]


class CardDetails(Part, frozen=True, kw_only=True, eq=False):
    """An entry of an address book."""

    name: Annotated[Written, described("Whose.")]
    phones: Annotated[list[Written], described("Numbers.")] = []


class CardPart(Part, frozen=True, kw_only=True, eq=False):
    """An entry of the contact's address book."""

    contact: Annotated[CardDetails, described("Whose.")]


class ReactionPart(Part, frozen=True, kw_only=True, eq=False):
    """An emoji on the bot's last message."""

    reaction: Annotated[Written, described("The emoji.")]


SENT: tuple[type[Part], ...] = (
    TapPart, OldTapPart, PayloadPart, ImagePart, VideoPart, DocumentPart, AudioPart, VoicePart, StickerPart,
    LocationPart, CardPart, ReactionPart,
)  # fmt: skip
SentPart: TypeAlias = (
    TapPart | OldTapPart | PayloadPart | ImagePart | VideoPart | DocumentPart | AudioPart | VoicePart | StickerPart
    | LocationPart | CardPart | ReactionPart
)  # fmt: skip


class SaidPart(Part, frozen=True, kw_only=True, eq=False):
    """What a message of the bot's is like; all that is given must hold."""

    text: Annotated[Written | None, described("Its words, exactly.")] = None
    contains: Annotated[Written | None, described("Words in it; capitals do not count.")] = None
    matches: Annotated[Written | None, described("Its words, * for any; capitals do not count.")] = None
    kind: Annotated[
        Literal[
            "text", "buttons", "list", "link", "image", "video", "audio", "document", "sticker", "template", "location",
            "contact",
        ]
        | None,
        described("What it is."),
    ] = None  # fmt: skip
    options: Annotated[list[Written] | None, described("The titles that it offers, in order.")] = None


class CustomerLine(Part, frozen=True, kw_only=True, eq=False):
    """The contact writes."""

    customer: Annotated[
        Written | Annotated[SentPart | Broken, OneOf(SENT, "message of a customer")], described("What.")
    ]


class BotLine(Part, frozen=True, kw_only=True, eq=False):
    """The bot has said something."""

    bot: Annotated[Written | SaidPart, described("What, exactly or nearly.")]


class WaitLine(Part, frozen=True, kw_only=True, eq=False):
    """Time passes."""

    wait: Annotated[Span, described("How much.")]


class AgentLine(Part, frozen=True, kw_only=True, eq=False):
    """A person of the business answers."""

    agent: Annotated[Written, described("What.")]


LINES: tuple[type[Part], ...] = (CustomerLine, BotLine, WaitLine, AgentLine)
Line: TypeAlias = CustomerLine | BotLine | WaitLine | AgentLine


class CallMadePart(Part, frozen=True, kw_only=True, eq=False):
    """A call that was made."""

    call: Annotated[CallName, described("Method and path.")]
    body: Annotated[Tree | None, described("The JSON that was sent, as YAML.")] = None


class ExpectedPart(Part, frozen=True, kw_only=True, eq=False):
    """What must be so in the end."""

    variables: Annotated[
        dict[VariableName, Tree],
        described("Variables and what they hold; those of a flow while it is under way, or what they held last."),
    ] = {}
    tags: Annotated[list[Name] | None, described("All marks of the conversation.")] = None
    handler: Annotated[Literal["bot", "queue", "agent"] | None, described("Who has the conversation.")] = None
    team: Annotated[Written | None, described("Which team was asked.")] = None
    priority: Annotated[Priority | None, described("How urgently.")] = None
    summary: Annotated[Written | SaidPart | None, described("What people were told that it is about.")] = None
    resolved: Annotated[bool | None, described("Nothing more is to be done.")] = None
    ended: Annotated[bool | None, described("No flow is under way.")] = None
    refused: Annotated[list[Name] | None, described("The kinds of messages that the contact does not want.")] = None
    calls: Annotated[list[CallName | CallMadePart] | None, described("All calls that were made, in order.")] = None
    never_said: Annotated[list[Written], described("What is in no message of the bot's; capitals do not count.")] = []


class ExamplePart(Part, frozen=True, kw_only=True, eq=False):
    """One conversation."""

    name: Annotated[Written, described("What it shows.", min_length=1, max_length=200)]
    given: Annotated[GivenPart | None, described("What is so before.")] = None
    talk: Annotated[
        list[Annotated[Line | Broken, OneOf(LINES, "line of a talk")]], described("Who says what.", min_length=1)
    ]
    expect: Annotated[ExpectedPart | None, described("What must be so in the end.")] = None
