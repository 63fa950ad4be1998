"""What steps look like in a file. The reader, the JSON Schema and the tables of the documentation are made from these
classes: a field is a key, its `Meta` says what fits and what it means.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, field

from frontdesk.core.flow import NAME_PATTERN, ExpectedKind, Method, Priority
from frontdesk.flows.shape import Broken, OneOf, Part
from frontdesk.flows.yaml import Written


def described(text: str, **limits: Any) -> Meta:
    """A key's meaning, with the limits of its value."""
    return Meta(description=text, **limits)


LANGUAGE_PATTERN = r"^[a-z]{2,3}(_[A-Z]{2})?$"
SPAN_PATTERN = r"^(\d{1,9}(\.\d{1,3})?) (second|minute|hour|day)s?$"
_VARIABLE = r"[a-z][a-z0-9_]{0,39}$"
_WANTED_SPAN = 'a span such as "10 minutes" or a number of seconds'

Name = Annotated[
    Written, Meta(pattern=NAME_PATTERN, extra={"wanted": "a name of the letters a-z, digits and _, at most 40"})
]
Language = Annotated[Written, Meta(pattern=LANGUAGE_PATTERN, extra={"wanted": "a language code such as en or pt_BR"})]
VariableName = Annotated[
    Written,
    Meta(
        pattern=rf"^(contact|conversation|flow|message)\.{_VARIABLE}",
        extra={"wanted": "a variable with its scope, such as flow.count"},
    ),
]
Text: TypeAlias = Written | Annotated[dict[Language, Written], Meta(min_length=1)]
Span = Annotated[
    Annotated[int, Meta(ge=0, le=31_536_000)]
    | Annotated[float, Meta(ge=0, le=31_536_000)]
    | Annotated[Written, Meta(pattern=SPAN_PATTERN, extra={"wanted": _WANTED_SPAN})],
    Meta(extra={"wanted": _WANTED_SPAN}),
]
Value: TypeAlias = bool | int | float | Written
Phrases: TypeAlias = (
    Annotated[list[Written], Meta(min_length=1, max_length=200)]
    | Annotated[dict[Language, Annotated[list[Written], Meta(min_length=1, max_length=200)]], Meta(min_length=1)]
)


class TextPart(Part, frozen=True, kw_only=True, eq=False):
    """Words, with more said about them."""

    text: Annotated[Text, described("The words.")]
    preview: Annotated[bool, described("Unfold the first link in them.")] = False


class ImagePart(Part, frozen=True, kw_only=True, eq=False):
    """A picture."""

    image: Annotated[Written, described("The https link of a JPEG or PNG.")]
    caption: Annotated[Text | None, described("Words below it.")] = None


class VideoPart(Part, frozen=True, kw_only=True, eq=False):
    """A film."""

    video: Annotated[Written, described("The https link of an MP4 or 3GP.")]
    caption: Annotated[Text | None, described("Words below it.")] = None


class AudioPart(Part, frozen=True, kw_only=True, eq=False):
    """A sound."""

    audio: Annotated[Written, described("The https link of an MP3, AAC, AMR or OGG.")]


class DocumentPart(Part, frozen=True, kw_only=True, eq=False):
    """A file to keep."""

    document: Annotated[Written, described("The https link of the file.")]
    caption: Annotated[Text | None, described("Words below it.")] = None
    filename: Annotated[Written | None, described("The name that the contact sees.")] = None


class StickerPart(Part, frozen=True, kw_only=True, eq=False):
    """A sticker."""

    sticker: Annotated[Written, described("The https link of a WebP.")]


class TemplateDetails(Part, frozen=True, kw_only=True, eq=False):
    """An approved template."""

    name: Annotated[
        Written,
        described(
            "Its name at WhatsApp.", pattern="^[a-z0-9_]{1,512}$", extra={"wanted": "a name of a-z, digits and _"}
        ),
    ]
    language: Annotated[Language | None, described("One of its languages; left out: the contact's.")] = None
    parameters: Annotated[list[Written], described("What its body's places are filled with, in order.")] = []
    category: Annotated[
        Literal["utility", "marketing", "authentication"],
        described("A contact who refused `marketing` does not get those."),
    ] = "utility"


class TemplatePart(Part, frozen=True, kw_only=True, eq=False):
    """A template: the only thing that may be said 24 hours after the contact wrote."""

    template: Annotated[TemplateDetails, described("Which one.")]


class LocationDetails(Part, frozen=True, kw_only=True, eq=False):
    """A place on the map."""

    latitude: Annotated[float, described("Degrees north.", ge=-90, le=90)]
    longitude: Annotated[float, described("Degrees east.", ge=-180, le=180)]
    name: Annotated[Text | None, described("What is there.")] = None
    address: Annotated[Text | None, described("Its address, in words.")] = None


class LocationPart(Part, frozen=True, kw_only=True, eq=False):
    """A place on the map."""

    location: Annotated[LocationDetails, described("Where.")]


class CardDetails(Part, frozen=True, kw_only=True, eq=False):
    """An entry for an address book."""

    name: Annotated[Written, described("Whose.", min_length=1, max_length=200)]
    phones: Annotated[list[Written], described("Phone numbers, with + and country code.", max_length=10)] = []
    emails: Annotated[list[Written], described("E-mail addresses.", max_length=10)] = []
    organisation: Annotated[Written | None, described("Where they work.", max_length=200)] = None


class CardPart(Part, frozen=True, kw_only=True, eq=False):
    """An entry for the contact's address book."""

    card: Annotated[CardDetails, described("Whose.")]


class LinkDetails(Part, frozen=True, kw_only=True, eq=False):
    """A button that opens a page."""

    text: Annotated[Text, described("The words above the button.")]
    label: Annotated[Text, described("What is on the button.")]
    url: Annotated[Written, described("The https link that it opens.")]


class LinkPart(Part, frozen=True, kw_only=True, eq=False):
    """Words with a button that opens a page."""

    link: Annotated[LinkDetails, described("Which.")]


MediaPart: TypeAlias = ImagePart | VideoPart | AudioPart | DocumentPart | StickerPart
SaidPart: TypeAlias = TextPart | MediaPart | TemplatePart | LocationPart | CardPart | LinkPart
SAID: tuple[type[Part], ...] = (
    TextPart, ImagePart, VideoPart, AudioPart, DocumentPart, StickerPart, TemplatePart, LocationPart, CardPart, LinkPart
)  # fmt: skip


class SilencePart(Part, frozen=True, kw_only=True, eq=False):
    """What happens when the contact does not answer."""

    after: Annotated[Span, described("How long after the question.")]
    say: Annotated[Text | None, described("A reminder.")] = None
    close: Annotated[bool, described("End the flow.")] = False


class WayOutPart(Part, frozen=True, kw_only=True, eq=False):
    """Words that leave a question."""

    words: Annotated[Phrases, described("Any of them, alone in a message.")]
    next: Annotated[Name, described("The step that follows then.")]


class ExpectPart(Part, frozen=True, kw_only=True, eq=False):
    """What fits as an answer."""

    type: Annotated[ExpectedKind, described("The kind of answer.")]
    minimum: Annotated[int | float | None, described("The smallest number, or the fewest characters of a text.")] = None
    maximum: Annotated[int | float | None, described("The largest number, or the most characters of a text.")] = None
    whole: Annotated[bool, described("Only whole numbers fit.")] = False
    earliest: Annotated[
        Written | None, described('Expression: the first date that fits, such as conversation.today or "2026-12-01".')
    ] = None
    latest: Annotated[Written | None, described("Expression: the last date that fits.")] = None
    test: Annotated[
        Written | None, described("Expression: what else must hold of the answer, which is message.value.")
    ] = None


class OptionPart(Part, frozen=True, kw_only=True, eq=False):
    """One thing to choose."""

    title: Annotated[Text, described("What is on the button or in the row.")]
    description: Annotated[Text | None, described("A second line, in lists.")] = None
    next: Annotated[Name | None, described("The step that follows; left out: the step's own next.")] = None


class CasePart(Part, frozen=True, kw_only=True, eq=False):
    """One way of a branch."""

    test: Annotated[Written, described("Expression: when to go this way.")] = field(name="if")
    next: Annotated[Name, described("The step that follows then.")]


class CallPart(Part, frozen=True, kw_only=True, eq=False):
    """A question to a host over HTTP."""

    host: Annotated[Name, described("One of the hosts that the configuration lists.")]
    path: Annotated[Written, described("Text that begins with /; what variables hold is percent-encoded.")]
    method: Annotated[Method, described("How to ask.")] = "GET"
    query: Annotated[dict[Written, Value], described("What follows the ? of the address: names and values.")] = {}
    body: Annotated[dict[Written, Value], described("What is sent, as a JSON object: names and values.")] = {}
    timeout: Annotated[Span, described("How long to wait for the answer, at most 60 seconds.")] = 10
    repeatable: Annotated[bool, described("Asking again does no harm. Of GET that is so in any case.")] = False


class AnswerPart(Part, frozen=True, kw_only=True, eq=False):
    """How the language model is to answer."""

    instructions: Annotated[Written | None, described("Text: what it is to do here.")] = None
    question: Annotated[Written | None, described("Text: what it is asked; left out: what the contact wrote.")] = None
    scope: Annotated[list[Written], described("The knowledge files it may use; left out: all.")] = []
    tools: Annotated[list[Written], described("The tools it may call, by name.")] = []
    sources: Annotated[
        bool | None, described("An answer must cite a knowledge file, else people get it; left out: as the policy.")
    ] = None


class UntilPart(Part, frozen=True, kw_only=True, eq=False):
    """A moment to wait for."""

    until: Annotated[Literal["open"], described("Until the business is open; not at all if it is.")]


class HandOffPart(Part, frozen=True, kw_only=True, eq=False):
    """What people are told."""

    text: Annotated[Text | None, described("What the contact is told; left out: the policy's sentence.")] = None
    team: Annotated[Name | None, described("Whom it is for.")] = None
    summary: Annotated[Written | None, described("Text: what it is about.")] = None
    priority: Annotated[Priority, described("How urgent it is.")] = "normal"


class EndPart(Part, frozen=True, kw_only=True, eq=False):
    """What a flow gives back."""

    result: Annotated[Value | None, described("What a flow that called this one gets.")] = None


class StepPart(Part, frozen=True, kw_only=True, eq=False):
    """A step that another one follows."""

    next: Annotated[Name | None, described("The step that follows; left out: the one below.")] = None


class QuestionPart(StepPart, frozen=True, kw_only=True, eq=False):
    """What ask and choose have in common."""

    save: Annotated[VariableName | None, described("The variable that takes the answer.")] = None
    misfit: Annotated[Text | None, described("Said to an answer that does not fit.")] = None
    tries: Annotated[int, described("Answers that do not fit before `otherwise` follows.", ge=1, le=10)] = 3
    otherwise: Annotated[Name | None, described("The step that follows then; left out: people take over.")] = None
    way_out: Annotated[WayOutPart | None, described("Words that leave the question.")] = None
    silence: Annotated[
        list[SilencePart] | None, described("When nobody answers; left out: as the rules say.", max_length=10)
    ] = None


class SayStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Say something and go on."""

    say: Annotated[Text | Annotated[SaidPart, OneOf(SAID, "message")], described("What is said.")]


class AskStep(QuestionPart, frozen=True, kw_only=True, eq=False):
    """Ask, and keep the answer."""

    ask: Annotated[Text, described("The question.")]
    expect: Annotated[ExpectedKind | ExpectPart, described("What fits as an answer.")] = "text"


class ChooseStep(QuestionPart, frozen=True, kw_only=True, eq=False):
    """Let the contact choose: buttons for up to three options, a list for up to ten, else numbered text."""

    choose: Annotated[Text, described("The question.")]
    options: Annotated[
        dict[Name, Text | OptionPart],
        described("What there is to choose, by id; the id is what is saved.", min_length=1, max_length=50),
    ]
    button: Annotated[Text | None, described("What is on the button that opens the list.")] = None
    header: Annotated[Text | None, described("A line above the question.")] = None
    footer: Annotated[Text | None, described("A line below it.")] = None
    as_text: Annotated[bool, described("Numbered text in any case.")] = False


class SetStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Set variables, in order."""

    set: Annotated[
        dict[VariableName, Value],
        described('Variables and their new values: "= …" is an expression, other text a text.', min_length=1),
    ]


class BranchStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Go the first way whose test holds, else on."""

    branch: Annotated[list[CasePart], described("The ways, in order.", min_length=1, max_length=100)]


class CallStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Ask a host over HTTP."""

    call: Annotated[CallPart, described("What to ask.")]
    save: Annotated[
        dict[VariableName, Written],
        described("Variables and where their values stand in the JSON answer, such as order.items.0.name."),
    ] = {}
    if_failed: Annotated[
        Name | None, described("The step that follows where it failed; left out: people take over.")
    ] = None


class AnswerStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Let the language model answer."""

    answer: Annotated[Literal[True] | AnswerPart, described("How; or just true.")]
    if_unanswered: Annotated[
        Name | None, described("The step that follows where it has no answer; left out: as the policy says.")
    ] = None


class FlowStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Run another flow, then go on."""

    flow: Annotated[Name, described("Which.")]
    inputs: Annotated[
        dict[Name, Value], described("The other flow's variables (party: its flow.party) and their values.")
    ] = field(name="with", default_factory=dict)
    save: Annotated[VariableName | None, described("The variable that takes its result.")] = None


class JumpStep(Part, frozen=True, kw_only=True, eq=False):
    """Leave this flow for another; nothing comes back."""

    jump: Annotated[Name, described("Which.")]


class WaitStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Go on later."""

    wait: Annotated[Span | UntilPart, described("How long.")]


class HandOffStep(Part, frozen=True, kw_only=True, eq=False):
    """Give the conversation to people; the flow ends."""

    hand_off: Annotated[Literal[True] | Text | HandOffPart, described("What the contact is told; or just true.")]


class TagStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Mark the conversation, or take marks away."""

    tag: Annotated[list[Name], described("Marks to add.", max_length=20)] = []
    untag: Annotated[list[Name], described("Marks to take away.", max_length=20)] = []


class ConsentStep(StepPart, frozen=True, kw_only=True, eq=False):
    """Note that the contact allowed or refused a kind of messages."""

    consent: Annotated[
        dict[Name, bool], described("The kind, such as marketing, and true or false.", min_length=1, max_length=1)
    ]


class ResolveStep(Part, frozen=True, kw_only=True, eq=False):
    """Nothing more is to be done; the flow ends."""

    resolve: Annotated[Literal[True], described("Always true.")]


class EndStep(Part, frozen=True, kw_only=True, eq=False):
    """The flow ends."""

    end: Annotated[Literal[True] | EndPart, described("Its result; or just true.")]


StepWritten: TypeAlias = (
    SayStep | AskStep | ChooseStep | SetStep | BranchStep | CallStep | AnswerStep | FlowStep | JumpStep | WaitStep
    | HandOffStep | TagStep | ConsentStep | ResolveStep | EndStep
)  # fmt: skip
STEPS: tuple[type[Part], ...] = (
    SayStep, AskStep, ChooseStep, SetStep, BranchStep, CallStep, AnswerStep, FlowStep, JumpStep, WaitStep,
    HandOffStep, TagStep, ConsentStep, ResolveStep, EndStep,
)  # fmt: skip
AnyStepWritten: TypeAlias = Annotated[StepWritten | Broken, OneOf(STEPS, "step")]
