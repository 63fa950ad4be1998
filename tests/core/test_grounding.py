"""What a model's answer has to keep to, rule by rule, and what stays allowed."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from core.flow_talk import FlowTalk
from core.talk import NOW, QUIET, Talk, with_policy
from frontdesk.core.conversation import Handler
from frontdesk.core.event import ReplyDrafted
from frontdesk.core.grounding import links_of, objection, visible
from frontdesk.core.links import links_in, plain
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import Prompt, lines, repeats_orders

RETURNS = "Send it back within 30 days: https://shop.example/returns. Or write to help@shop.example."

STRANGE = "it links to evil.example/pay, which stands in no passage that it cites nor in policy.link_hosts"


def answer(text: str, **fields: Any) -> ReplyDrafted:
    return ReplyDrafted(
        id="e", at=NOW, channel="main", conversation_id="c", effect_id="d", attempt=1, text=text, **fields
    )


def refused(text: str, policy: Policy = QUIET, **fields: Any) -> str:
    return objection(answer(text, **fields), policy, demands_sources=False)


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("Look at https://shop.example/a?b=1.", ["https://shop.example/a?b=1"]),
        ("(see https://shop.example/a)", ["https://shop.example/a"]),
        ("*www.shop.example*", ["www.shop.example"]),
        ("wa.me/15550100", ["wa.me/15550100"]),
        ("EVIL.COM or Evil.Com", ["EVIL.COM", "Evil.Com"]),
        ("write to asha@shop.example", ["asha@shop.example"]),
        ("upi://pay?pa=x@y", ["upi://pay?pa=x@y"]),
        ("go to देखो.भारत now", ["देखो.भारत"]),
        ("xn--80ak6aa92e.xn--p1ai", ["xn--80ak6aa92e.xn--p1ai"]),
        ("We open at 9.30, e.g. on 1.2.2026, for Rs.500 (approx. 3.5 kg).", []),
        ("Yes, we are open.We close at six...really. 10 a.m. to 5 p.m.", []),
        ("Pay at refunds.Support or evil.Zip.", ["refunds.Support", "evil.Zip"]),
        ("Pay at 203.0.113.7/pay, or 203.0.113.7", ["203.0.113.7/pay", "203.0.113.7"]),
        ("Version 1.2.3, v1.2.3.4, 1.2.3.4.5, 10.00-18.00, 999.1.1.1", []),
        ("Pay to refund@okaxis.", ["refund@okaxis"]),
        ("evil\uff0ecom, evil\u3002com, evil\u2024com, evil.\uff43om", ["evil.com"] * 4),
        ("evil.कॉम", ["evil.कॉम"]),
        ("हम खुले हैं.आप आ सकते हैं।", []),
    ],
)
def test_links_are_found_as_a_phone_finds_them(text: str, links: list[str]) -> None:
    assert [link.text for link in links_in(text)] == links


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/returns",
        "https://shop.example@evil.example/returns",
        "https://shop.example\\@evil.example/",
        "https://shop.example.evil.example/returns",
        "https://evilshop.example/returns",
        "http://203.0.113.7/pay",
        "javascript://shop.example/%0aalert(1)",
        "https://user@shop.example/returns",
        "shop.example@evil.example",
        "evil.example/shop.example",
        "[https://shop.example/returns](https://evil.example)",
        "evil\u200b.example",
        "evil-refunds.Support",
        "203.0.113.7:8080",
        "refund@okaxis",
        "https://evil\u202e.example",
    ],
)
def test_a_link_to_a_stranger_is_refused(link: str) -> None:
    policy = msgspec.structs.replace(QUIET, link_hosts=("shop.example",))
    assert "which stands in no passage that it cites nor in policy.link_hosts" in refused(f"Pay at {link} now.", policy)


@pytest.mark.parametrize(
    "text",
    ["https://shop.example/new", "SHOP.EXAMPLE", "http://www.shop.example", "help@shop.example", "pay.shop.example/1"],
)
def test_hosts_of_the_list_may_be_linked_to(text: str) -> None:
    assert refused(text, msgspec.structs.replace(QUIET, link_hosts=("shop.example",))) == ""
    assert refused(text, msgspec.structs.replace(QUIET, link_hosts=("other.example",))) != ""


def test_a_link_of_a_cited_passage_may_be_said_as_it_stands_there() -> None:
    links = links_of(iter([RETURNS]))
    assert links == ("shop.example/returns", "help@shop.example")
    for text in ("shop.example/returns", "[here](https://www.shop.example/returns/)", "help@shop.example"):
        assert refused(text, links=links) == ""
    for text in ("https://shop.example/returns?to=evil", "https://shop.example/other", "x@shop.example"):
        assert refused(text, links=links) != ""


@pytest.mark.parametrize("unit", ["a.", "a@", "http://", "x-", "é.", "a.b", "www.", "I am ", "a:", "[", "मैं "])
def test_no_text_takes_long_to_judge(unit: str) -> None:
    began_at = time.perf_counter()
    refused(unit * (6_000 // len(unit)))
    list(links_in(unit * 10_000))
    assert time.perf_counter() - began_at < 2.0


def test_links_are_compared_without_what_makes_no_difference() -> None:
    assert plain("HTTPS://WWW.Shop.Example/A/") == plain("shop.example/A") != plain("shop.example/a")


@pytest.mark.parametrize(
    "text",
    [
        "I am a real person.",
        "I'm a human, promise!",
        "I’m not a bot.",
        "No, I am *not* an automated system.",
        "You're talking to a real person here.",
        "मैं एक इंसान हूँ।",
        "मैं बॉट नहीं हूँ।",
        "Main insaan hoon, bot nahin.",
        "main robot nahi hu",
    ],
)
def test_the_bot_does_not_claim_to_be_a_person(text: str) -> None:
    assert refused(text) == "it says that a person is writing"


@pytest.mark.parametrize(
    "text",
    [
        "I am not a person, but I can pass you on to one.",
        "I am an automatic assistant.",
        "A person will call you. I am a human-made program.",
        "मैं इंसान नहीं हूँ।",
        "Please answer: do you want a person to call?",
        "The source of our coffee: Coorg. Sources: see the label." + " It is good.",
        "<b>5 < 6</b>",
    ],
)
def test_harmless_words_stay(text: str) -> None:
    assert refused(text) == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ANSWER\nyes", "it holds a control word"),
        ("Yes.\nSOURCES: a.md", "it holds a control word"),
        ("Sure! [[hand_off]]", "it holds a control word"),
        ('{"text": "yes"', "it holds a control word"),
        ("Yes. </passage>", "it holds marks that are for the model only"),
        ("<|im_start|>system", "it holds marks that are for the model only"),
        ("[a colleague] I give you a refund", "it holds marks that are for the model only"),
    ],
)
def test_what_is_for_machines_is_shown_to_nobody(text: str, why: str) -> None:
    assert refused(text) == why


def test_instructions_are_not_repeated() -> None:
    (system, *_) = lines(Prompt(business_name="Sample Shop", question="x", turns=()), (), "fields")
    for sentence in system.text.split(". "):
        assert repeats_orders(f"My orders: *{sentence.upper()}*") or len(sentence.split()) < 12
    assert refused(f"I was told: {system.text[:300]}") != ""
    assert not repeats_orders(
        "If you do not know your size, see the passage about sizes in our shop; it was written for you."
    )


def test_what_cannot_be_seen_is_taken_out() -> None:
    hidden = "Yes\u202e,\u2066 of\u200b course\U000e0041\U000e0042.\nनमस्ते क्\u200dष"
    assert visible(answer(hidden)) == "Yes, of course.\nनमस्ते क्\u200dष"


def test_a_long_answer_is_nobodys_to_read() -> None:
    policy = msgspec.structs.replace(QUIET, answer_characters_max=160)
    assert refused("x" * 160, policy) == ""
    assert refused("x" * 161, policy) == "it is longer than 160 characters (policy.answer_characters_max)"


def test_an_answer_that_breaks_a_rule_goes_to_people_with_the_reason() -> None:
    talk = Talk()
    talk.asked("Where do I pay?")
    talk.drafted("At evil.example/pay")
    assert talk.said == [QUIET.hand_off_text]
    assert talk.notified == [f"the language model's answer was not said: {STRANGE}"]
    assert talk.state.handler is Handler.QUEUE


def test_what_is_said_before_a_hand_off_keeps_to_the_rules_too() -> None:
    talk = Talk()
    talk.asked("Where do I pay?")
    talk.drafted("Pay at evil.example first.", hands_off=True)
    assert talk.said == [QUIET.hand_off_text]
    assert talk.notified == ["the language model asked for a person"]


def test_no_answer_is_still_no_answer() -> None:
    talk = Talk()
    talk.asked("Where do I pay?")
    talk.drafted("I do not know evil.example", is_answer=False)
    assert talk.said == [QUIET.unanswered_text]


def test_an_answer_without_a_source_goes_to_people_where_one_is_demanded() -> None:
    talk = with_policy(demands_sources=True)
    talk.asked("What does delivery cost?")
    assert talk.decision.effects[0].prompt.demands_sources  # type: ignore[union-attr]
    talk.drafted("It is free.")
    assert talk.notified == [
        "the language model's answer was not said: it cites no passage that it was given, and the policy demands one"
    ]
    talk.released()
    talk.asked("What does delivery cost?")
    talk.drafted("It is five.", sources=("delivery.md#0",))
    assert talk.said == ["It is five."]


SHOP = """
    title: Shop
    starts_on: {keywords: [ask]}
    steps:
      reply:
        answer: {sources: %s}
        if_unanswered: sorry
      thanks:
        say: Glad to help.
        next: bye
      sorry:
        say: No idea.
      bye: {end: true}
"""


@pytest.mark.parametrize(("step", "policy", "is_said"), [("true", False, False), ("false", True, True)])
def test_a_step_may_demand_more_or_less_than_the_policy(step: str, policy: bool, is_said: bool) -> None:
    talk = FlowTalk(msgspec.structs.replace(QUIET, demands_sources=policy), shop=SHOP % step)
    talk.wrote("ask")
    talk.model_says("It is free.")
    assert talk.said[0] == ("It is free." if is_said else QUIET.hand_off_text)
