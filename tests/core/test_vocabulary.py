"""The words that journals of years ago are made of, and what people read of them."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from core.talk import NOW
from frontdesk.core import effect as effects, event as events, message as messages
from frontdesk.core.effect import EffectKind, MarkRead, SendMessage, kind_of
from frontdesk.core.message import (
    Button,
    Buttons,
    CallPermission,
    Choice,
    ContactCard,
    ContactCards,
    ContactInfoRequest,
    Content,
    Form,
    FormAnswer,
    LinkButton,
    ListMenu,
    Location,
    LocationRequest,
    Media,
    Message,
    MessageStatus,
    Order,
    OrderItem,
    Reaction,
    Row,
    Section,
    Template,
    TemplateParameter,
    TemplatePart,
    Text,
    Unsupported,
)
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import Prompt
from frontdesk.core.transcript import as_text, transcript

EVENT_TAGS = (
    "message_received message_edited message_revoked status_changed identity_changed addresses_lost channel_changed "
    "call_ended consent_changed agent_echoed agent_replied note_added handed_off assigned released resolved "
    "flow_requested reply_drafted draft_failed call_returned send_succeeded send_failed send_unknown effect_postponed "
    "effect_finished media_fetched timer_fired perceived"
)
EFFECT_TAGS = "send_message mark_read draft_reply call_http fetch_media wake_at notify_desk perceive"
CONTENT_TAGS = (
    "text media location contact_cards buttons list_menu link_button location_request contact_info_request form "
    "template reaction choice form_answer order call_permission unsupported"
)
KINDS = (
    "send_message.bot send_message.notice send_message.agent mark_read draft_reply draft_reply.summary call_http "
    "fetch_media wake_at.burst wake_at.unknown wake_at.flow notify_desk perceive wake_at.perception"
)
STATUSES = "received queued unknown accepted sent delivered read failed cancelled"


def tags(union: Any) -> str:
    return " ".join(str(kind.__struct_config__.tag) for kind in get_args(union))


@pytest.mark.parametrize(
    ("found", "pinned"),
    [
        pytest.param(tags(events.Event), EVENT_TAGS, id="events"),
        pytest.param(tags(effects.Effect), EFFECT_TAGS, id="effects"),
        pytest.param(tags(messages.Content), CONTENT_TAGS, id="contents"),
        pytest.param(" ".join(get_args(EffectKind)), KINDS, id="kinds in the outbox"),
        pytest.param(" ".join(MessageStatus), STATUSES, id="statuses"),
    ],
)
def test_words_in_the_journal_never_change(found: str, pinned: str) -> None:
    """Add new ones at the end; a renamed one makes journals of the past unreadable."""
    assert found == pinned


def test_every_effect_has_a_kind_by_which_it_can_be_withdrawn() -> None:
    sends = [
        SendMessage(id="e.0", due_at=NOW, to=(), content=Text(body="x"), author=author)
        for author in ("bot", "notice", "agent")
    ]
    timers = [
        effects.WakeAt(id="e.0", due_at=NOW, purpose=purpose) for purpose in ("burst", "unknown", "flow", "perception")
    ]
    others: list[effects.Effect] = [
        MarkRead(id="e.0", due_at=NOW, provider_message_id="w", is_typing=True, not_after=NOW),
        effects.DraftReply(id="e.0", due_at=NOW, prompt=Prompt(business_name="b", question="q", turns=())),
        effects.DraftReply(
            id="e.0", due_at=NOW, prompt=Prompt(business_name="b", question="", turns=(), task="summarise")
        ),
        effects.CallHttp(id="e.0", due_at=NOW, host="shop", method="GET", path="/", timeout_seconds=1.0),
        effects.FetchMedia(id="e.0", due_at=NOW, message_id="m", media=Media(kind="image"), not_after=NOW),
        effects.NotifyDesk(id="e.0", due_at=NOW, reason="r"),
        effects.Perceive(
            id="e.0", due_at=NOW, message_id="m", sense="voice", stored_as="m", mime_type="audio/ogg", not_after=NOW
        ),
    ]
    assert {kind_of(one) for one in (*sends, *timers, *others)} == set(get_args(EffectKind))


CONTENTS: list[tuple[Content, str]] = [
    (Text(body="hi"), "hi"),
    (LocationRequest(body="where?"), "where?"),
    (ContactInfoRequest(body="number?"), "number?"),
    (Choice(id="x", title="Yes"), "Yes"),
    (Media(kind="image"), "[image]"),
    (Media(kind="image", caption="mine"), "[image] mine"),
    (Media(kind="audio", is_voice=True), "[voice message]"),
    (Location(latitude=1.5, longitude=-2.0, name="Shop"), "[location: Shop, 1.5 -2]"),
    (Location(latitude=1.5, longitude=-2.0, address="Main St"), "[location: Main St, 1.5 -2]"),
    (Location(latitude=1.5, longitude=-2.0), "[location: place, 1.5 -2]"),
    (
        ContactCards(cards=(ContactCard(formatted_name="Bo"), ContactCard(phones=("1", "2")), ContactCard())),
        "[contact card: Bo; 1, 2; contact]",
    ),
    (Buttons(body="Sure?", buttons=(Button(id="y", title="Yes"), Button(id="n", title="No"))), "Sure? [Yes | No]"),
    (
        ListMenu(
            body="Pick", button="Open", sections=(Section(rows=(Row(id="a", title="A"), Row(id="b", title="B"))),)
        ),
        "Pick [A | B]",
    ),
    (LinkButton(body="See", label="Open", url="https://a.example"), "See [Open: https://a.example]"),
    (Form(body="Book", label="Open", form_id="1"), "Book [Open]"),
    (
        Template(
            name="ready",
            language="en",
            parts=(
                TemplatePart(part="body", parameters=(TemplateParameter(text="Mira"), TemplateParameter(payload="x"))),
            ),
        ),
        "[template ready: Mira]",
    ),
    (Reaction(provider_message_id="w", emoji="👍"), "[reaction 👍]"),
    (Reaction(provider_message_id="w"), "[reaction removed]"),
    (FormAnswer(name="f", answers="{}"), "[form f: {}]"),
    (
        Order(catalog_id="c", items=(OrderItem(product_id="p", quantity=2, price="1", currency="EUR"),)),
        "[order: 2 x p]",
    ),
    (Order(catalog_id="c", items=(), text="soon"), "[order: ] soon"),
    (CallPermission(is_granted=True), "[calls allowed]"),
    (CallPermission(is_granted=False), "[calls refused]"),
    (Unsupported(kind="poll"), "[poll]"),
    (Unsupported(kind="poll", detail="131051"), "[poll: 131051]"),
]


@pytest.mark.parametrize(("content", "words"), CONTENTS)
def test_a_content_in_words(content: Content, words: str) -> None:
    assert as_text(content) == words


@pytest.mark.parametrize("content", [content for content, _ in CONTENTS])
def test_a_content_survives_the_journal(content: Content) -> None:
    assert msgspec.json.decode(msgspec.json.encode(content), type=Content) == content


def test_every_content_has_words() -> None:
    assert {type(content) for content, _ in CONTENTS} == set(get_args(messages.Content))


def test_a_transcript_has_a_line_a_message() -> None:
    def line(author: Any, detail: str = "") -> Message:
        return Message(
            id="m",
            conversation_id="c",
            at=NOW,
            author=author,
            content=Text(body="words"),
            status=MessageStatus.SENT,
            detail=detail,
        )

    assert list(transcript([line("contact"), line("bot"), line("note", "by Asha")])) == [
        "2026-11-01 09:00:00  contact  words",
        "2026-11-01 09:00:00      bot  words  (sent)",
        "2026-11-01 09:00:00     note  words  by Asha",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Media(kind="image", media_id="1", stored_as="media/99/9978.png"), "[image]  media/99/9978.png"),
        (Media(kind="image", media_id="1"), "[image]"),
        (
            ContactCards(cards=(ContactCard(formatted_name="Bo", phones=("1", "2"), emails=("bo@example.com",)),)),
            "[contact card: Bo]  1, 2, bo@example.com",
        ),
        (ContactCards(cards=(ContactCard(formatted_name="Bo"),)), "[contact card: Bo]"),
    ],
)
def test_a_transcript_says_where_a_file_is_and_how_a_card_s_owner_is_reached(content: Content, words: str) -> None:
    message = Message(
        id="m", conversation_id="c", at=NOW, author="contact", content=content, status=MessageStatus.RECEIVED
    )
    assert list(transcript([message])) == [f"2026-11-01 09:00:00  contact  {words}"]


@pytest.mark.parametrize(
    "settings",
    [
        {"inbound_max": 24},
        {"same_text_max": 1},
        {"on_unknown": "repeat"},
        {"reply_characters_max": 159},
        {"reply_characters_max": 4097},
        {"burst_wait_seconds": -1},
        {"hand_off_text": ""},
        {"unanswered_max": 0},
        {"greetings": "hi"},
    ],
    ids=str,
)
def test_a_policy_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, Policy)


def test_a_policy_is_complete_without_settings() -> None:
    assert msgspec.convert({}, Policy) == Policy()
