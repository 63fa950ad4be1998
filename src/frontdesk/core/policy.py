"""Every number and word that the rules depend on. A frozen value: a decision is a function of it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from frontdesk.core.conversation import RECENT_MAX

Seconds = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
Recent = Annotated[int, Meta(ge=2, le=RECENT_MAX - 1)]
Words = Annotated[str, Meta(min_length=1, max_length=1024)]


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The business's settings under `[policy]`. Spans are in seconds."""

    business_name: Annotated[str, Meta(description="Your name, as customers know it.")] = "Sample Shop"
    greeting: Annotated[
        str, Meta(description="Said once, at a contact's first message; empty for none.", max_length=1024)
    ] = "Hello! I am the automatic assistant. Ask me anything, or write *agent* to talk to a person."
    salutations: Annotated[
        tuple[str, ...], Meta(description="First messages that need the greeting only and no answer.")
    ] = ("hi", "hello", "hey", "good morning", "good afternoon", "good evening", "namaste", "hola")
    hand_off_words: Annotated[
        tuple[str, ...], Meta(description="Whole words that ask for a person, in a short message.")
    ] = ("agent", "human", "person", "operator", "representative", "real person", "someone real", "staff")
    hand_off_words_max: Annotated[
        Count, Meta(description="Messages with more words than this are not searched for `hand_off_words`.")
    ] = 8
    hand_off_text: Annotated[Words, Meta(description="Said when a person is asked for.")] = (
        "I am passing you on to a colleague, who will answer here as soon as possible."
    )
    unanswered_text: Annotated[Words, Meta(description="Said when the model has no answer, once.")] = (
        "I am sorry, I do not know that. Please say it in other words, or write *agent* to talk to a person."
    )
    unanswered_max: Annotated[Count, Meta(description="Unanswered questions in a row before a person takes over.")] = 2
    unreadable_text: Annotated[
        Words, Meta(description="Said to a voice note, picture or kind that cannot be read.")
    ] = "I can only read text. Please write it in words, or write *agent* and a person will look at it."
    loop_text: Annotated[Words, Meta(description="The one warning before a suspected robot is handed to a person.")] = (
        "You are writing faster than I can answer, or an automatic reply is answering me. "
        "If you are a person, please wait a moment and ask again."
    )
    burst_wait_seconds: Annotated[
        Seconds, Meta(description="Silence after the last text before an answer is drafted.")
    ] = 1.5
    burst_wait_max_seconds: Annotated[Seconds, Meta(description="The longest wait from the first text.")] = 6.0
    window_seconds: Annotated[Seconds, Meta(description="The channel's service window.")] = 86_400.0
    window_margin_seconds: Annotated[Seconds, Meta(description="How long before the window's end we stop sending.")] = (
        300.0
    )
    inbound_max: Annotated[Recent, Meta(description="Messages of one contact within `inbound_span_seconds`.")] = 20
    inbound_span_seconds: Annotated[Seconds, Meta(description="See `inbound_max`.")] = 60.0
    same_text_max: Annotated[Recent, Meta(description="Equal texts in ten minutes that make a loop.")] = 4
    cadence_count: Annotated[Recent, Meta(description="Messages at an even beat that make a machine.")] = 6
    cadence_jitter_seconds: Annotated[Seconds, Meta(description="How uneven the beat of a machine may be.")] = 0.25
    warned_for_seconds: Annotated[Seconds, Meta(description="How long a loop warning is remembered.")] = 3_600.0
    pair_burst: Annotated[Count, Meta(description="Messages to one contact that may leave at once.")] = 45
    pair_interval_seconds: Annotated[Seconds, Meta(description="After that, one in this span.")] = 6.0
    unknown_after_seconds: Annotated[
        Seconds, Meta(description="How long a send of unknown outcome waits for its status.")
    ] = 120.0
    on_unknown: Annotated[
        str, Meta(description="Then: `hold` it for a person, or `resend` it.", pattern="^(hold|resend)$")
    ] = "hold"
    agent_idle_seconds: Annotated[
        Seconds, Meta(description="An agent silent for this long has left: the bot answers again. 0: never.")
    ] = 43_200.0
    queue_idle_seconds: Annotated[
        Seconds, Meta(description="Nobody has taken a waiting conversation for this long: the bot answers. 0: never.")
    ] = 86_400.0
    marks_read: Annotated[bool, Meta(description="Blue ticks and typing dots while the bot drafts.")] = True
    media_for_seconds: Annotated[Seconds, Meta(description="How long the vendor keeps a contact's file.")] = 604_800.0
    turns_max: Annotated[Count, Meta(description="Messages of the past that the model sees.")] = 20
    reply_characters_max: Annotated[int, Meta(description="Longest text in one message.", ge=160, le=4096)] = 4096
    hears_voice: Annotated[
        bool, Meta(description="Voice messages are written down and answered; needs `[language_model.voice]`.")
    ] = False
    sees_pictures: Annotated[
        bool, Meta(description="Pictures are described for the model; needs `[language_model.pictures]`.")
    ] = False
    perceive_seconds: Annotated[
        float, Meta(description="A file that nobody has made out by then is answered as what it is.", gt=0, le=300)
    ] = 30.0
    demands_sources: Annotated[
        bool, Meta(description="An answer of the model's that cites none of your files goes to a person instead.")
    ] = False
    link_hosts: Annotated[
        tuple[
            Annotated[
                str,
                Meta(
                    pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", extra={"form": 'hosts alone, such as "shop.example"'}
                ),
            ],
            ...,
        ],
        Meta(description="Hosts, with all below them, that the model may link to; else only as the files it cites do."),
    ] = ()
    answer_characters_max: Annotated[
        int, Meta(description="A longer answer of the model's goes to a person instead.", ge=160, le=6000)
    ] = 6000
