"""What each step of a flow does."""

from __future__ import annotations

from typing import Any

import pytest

from core.flow_talk import FlowTalk
from frontdesk.core.conversation import Handler, Handover
from frontdesk.core.effect import CallHttp, DraftReply, NotifyDesk, SendMessage
from frontdesk.core.message import (
    ContactCards,
    Content,
    LinkButton,
    Location,
    Media,
    Template,
    TemplateParameter,
    TemplatePart,
    Text,
)
from frontdesk.core.transcript import as_text


def one(steps: str, head: str = "") -> FlowTalk:
    """A talk under one flow that "go" starts."""
    return FlowTalk(shop=f"title: Shop\nstarts_on: {{keywords: [go]}}\n{head}\nsteps:\n{steps}")


CONTENTS: list[tuple[str, Content]] = [
    ("Hello {{ contact.name }}", Text(body="Hello Mira")),
    ("{text: See https://a.example, preview: true}", Text(body="See https://a.example", shows_preview=True)),
    (
        "{image: https://a.example/x.png, caption: 'For {{ contact.name }}'}",
        Media(kind="image", link="https://a.example/x.png", caption="For Mira"),
    ),
    (
        "{document: https://a.example/x.pdf, filename: bill.pdf}",
        Media(kind="document", link="https://a.example/x.pdf", filename="bill.pdf"),
    ),
    (
        '{template: {name: ready, language: en_US, parameters: ["{{ contact.name }}"]}}',
        Template(
            name="ready",
            language="en_US",
            parts=(TemplatePart(part="body", parameters=(TemplateParameter(text="Mira"),)),),
        ),
    ),
    (
        "{location: {latitude: 1.5, longitude: 2, name: Shop}}",
        Location(latitude=1.5, longitude=2.0, name="Shop"),
    ),
    (
        "{link: {text: Look, label: Open, url: https://a.example/1}}",
        LinkButton(body="Look", label="Open", url="https://a.example/1"),
    ),
]


@pytest.mark.parametrize(("said", "content"), CONTENTS, ids=lambda value: str(value)[:30])
def test_say_says_any_kind_of_message(said: str, content: Content) -> None:
    talk = one(f"  a: {{say: {said if said.startswith('{') else repr(said)}, next: b}}\n  b: {{end: true}}")
    talk.wrote("go")
    assert [send.content for send in talk.sends] == [content]
    assert talk.state.run is None


def test_say_sends_a_card() -> None:
    talk = one('  a: {say: {card: {name: Asha, phones: ["+911234"]}}}\n  b: {end: true}')
    talk.wrote("go")
    (send,) = talk.sends
    assert isinstance(send.content, ContactCards)
    assert send.content.cards[0].formatted_name == "Asha"
    assert send.content.cards[0].phones == ("+911234",)


def test_what_a_contact_is_called_stays_data() -> None:
    talk = one("  a: {say: 'Hello {{ contact.name }}'}\n  b: {end: true}")
    from msgspec.structs import replace

    from core.talk import CONTACT

    hostile = replace(CONTACT, name="{{ flow.failure }}\u202e\u200b\x00 = 1 + 1")
    talk.wrote("go", contact=hostile)
    assert talk.said == ["Hello {{ flow.failure }} = 1 + 1"]


def test_set_calculates_and_words() -> None:
    talk = one(
        """
  a: {set: {flow.count: "= flow.count + 2", flow.note: "{{ flow.count }} of {{ contact.name }}", flow.is_new: true}}
  b: {ask: "{{ flow.note }}", save: flow.note}
  c: {end: true}
""",
        "variables: {flow.count: {type: number, default: 1}, flow.note: text, flow.is_new: yes_no}",
    )
    talk.wrote("go")
    assert talk.said == ["3 of Mira"]
    assert talk.variables == {"count": 3, "note": "3 of Mira", "is_new": True}


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("number", "= text(12)", 12),
        ("number", '= "twelve"', None),
        ("number", "= true", None),
        ("text", "= 1.50", "1.5"),
        ("yes_no", "= 1 < 2", True),
        ("yes_no", '= "yes"', None),
        ("date", '= "2026-12-24T10:00"', "2026-12-24"),
        ("date", '= "soon"', None),
        ("list", "= [1, 2]", (1, 2)),
        ("list", "= 1", None),
    ],
)
def test_a_variable_keeps_what_fits_its_kind(kind: str, value: str, kept: object) -> None:
    talk = one(
        f"  a: {{set: {{flow.x: '{value}'}}}}\n  b: {{ask: '?'}}\n  c: {{end: true}}", f"variables: {{flow.x: {kind}}}"
    )
    talk.wrote("go")
    assert talk.variables == {"x": kept}


def test_branch_takes_the_first_case_that_holds() -> None:
    talk = one(
        """
  a: {branch: [{if: flow.n > 5, next: many}, {if: flow.n > 1, next: some}], next: few}
  many: {say: many, next: z}
  some: {say: some, next: z}
  few: {say: few}
  z: {end: true}
""",
        "variables: {flow.n: {type: number, default: 3}}",
    )
    talk.wrote("go")
    assert talk.said == ["some"]


def test_an_expression_without_a_value_gives_the_conversation_to_people() -> None:
    talk = one("  a: {branch: [{if: flow.n > 5, next: b}], next: b}\n  b: {end: true}", "variables: {flow.n: number}")
    talk.wrote("go")
    assert talk.state.handler is Handler.QUEUE
    assert talk.state.run is None
    (reason,) = talk.notified
    assert reason.startswith("the flow shop, step a cannot go on: “flow.n > 5” has no value")


CALL = """
  a:
    call:
      host: shop
      path: "/orders/{{ message.text }}/{{ flow.number }}"
      query: {q: "{{ contact.name }} & co", n: "= 1 + 1"}
      timeout: 5 seconds
    save: {flow.status: status}
    if_failed: sorry
  b: {say: "it is {{ flow.status }}", next: z}
  sorry: {say: "{{ flow.failure }}"}
  z: {end: true}
"""
CALL_VARIABLES = 'variables: {flow.status: text, flow.number: {type: text, default: "../x?y"}}'


def test_call_asks_a_host_and_goes_on_with_what_it_said() -> None:
    talk = one(CALL, CALL_VARIABLES)
    talk.wrote("go")
    call: CallHttp = talk.only(CallHttp)
    assert (call.host, call.method, call.body) == ("shop", "GET", "")
    assert call.path == "/orders/go/..%2Fx%3Fy?q=Mira%20%26%20co&n=2"
    assert (call.wants, call.timeout_seconds, call.is_repeatable) == ((("flow.status", "status"),), 5.0, True)
    talk.returned(values={"flow.status": "packed"})
    assert talk.said == ["it is packed"]


def test_a_value_of_dots_cannot_climb_in_a_path() -> None:
    talk = one(CALL, CALL_VARIABLES.replace("../x?y", ".."))
    talk.wrote("go")
    assert talk.only(CallHttp).path.startswith("/orders/go/__?")


def test_a_call_that_fails_takes_its_branch() -> None:
    talk = one(CALL, CALL_VARIABLES)
    talk.wrote("go")
    talk.returned("the shop answered 500", values={})
    assert talk.said == ["the shop answered 500"]


def test_a_call_that_fails_without_a_branch_asks_for_people() -> None:
    talk = one(
        CALL.replace("    if_failed: sorry\n", "").replace('  sorry: {say: "{{ flow.failure }}"}\n', ""), CALL_VARIABLES
    )
    talk.wrote("go")
    talk.returned("the shop answered 500", values={})
    assert talk.state.handler is Handler.QUEUE
    assert "the shop answered 500" in talk.notified[0]


def test_a_body_is_json_of_calculated_values() -> None:
    talk = one(
        """
  a:
    call: {host: shop, method: POST, path: /bookings, body: {n: "= 1 + 1", who: "{{ contact.name }}"}}
    if_failed: z
  z: {end: true}
"""
    )
    talk.wrote("go")
    call: CallHttp = talk.only(CallHttp)
    assert (call.body, call.is_repeatable) == ('{"n":2,"who":"Mira"}', False)


def test_what_the_contact_writes_during_a_call_changes_nothing() -> None:
    talk = one(CALL, CALL_VARIABLES)
    talk.wrote("go")
    call: CallHttp = talk.only(CallHttp)
    talk.wrote("hello?")
    assert talk.decision.effects == ()
    from frontdesk.core.event import CallReturned

    talk.happens(CallReturned, effect_id=call.id, status=200, values={"flow.status": "packed"})
    assert talk.said == ["it is packed"]


ANSWER = """
  a:
    answer: {instructions: "Only about {{ contact.name }}'s orders.", scope: [orders.md]}
    if_unanswered: sorry
  b: {say: "Anything else?", next: z}
  sorry: {say: "I do not know: {{ flow.failure }}"}
  z: {end: true}
"""


def test_answer_lets_the_model_answer_what_the_contact_wrote() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    draft: DraftReply = talk.only(DraftReply)
    assert draft.prompt.question == "go"
    assert draft.prompt.directions == "Only about [contact.name]'s orders."
    assert draft.prompt.facts == (("contact.name", "Mira"),)  # a contact's words are never the business's
    assert draft.prompt.scope == ("orders.md",)
    talk.model_says("**Yes**, today.")
    assert talk.said == ["*Yes*, today.", "Anything else?"]


def test_an_answer_that_the_model_does_not_know_takes_its_branch() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    talk.model_says("", is_answer=False)
    assert talk.said == ["I do not know: the language model had no answer"]


def test_a_model_that_is_away_takes_the_same_branch() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    talk.model_fails()
    assert talk.said == ["I do not know: it is away"]


def test_a_further_message_is_asked_about_together_with_the_first() -> None:
    talk = one(ANSWER)
    talk.wrote("go")
    first: DraftReply = talk.only(DraftReply)
    talk.wrote("and please hurry")
    second: DraftReply = talk.only(DraftReply)
    assert second.prompt.question == "go\nand please hurry"
    assert "draft_reply" in talk.decision.withdrawn
    from frontdesk.core.event import ReplyDrafted

    talk.happens(ReplyDrafted, effect_id=first.id, text="too late")
    assert talk.said == []
    talk.happens(ReplyDrafted, effect_id=second.id, text="All right.")
    assert talk.said == ["All right.", "Anything else?"]


def test_a_sub_flow_is_given_values_and_returns_one() -> None:
    talk = FlowTalk(
        shop="""
            title: Shop
            starts_on: {keywords: [go]}
            variables: {flow.n: {type: number, default: 4}, flow.doubled: number}
            steps:
              a: {flow: double, with: {n: "= flow.n"}, save: flow.doubled}
              b: {say: "{{ flow.n }} becomes {{ flow.doubled }}"}
              c: {end: true}
            """,
        double="""
            title: Double
            variables: {flow.n: number}
            steps:
              ask: {ask: Sure?}
              back: {end: {result: "= flow.n * 2"}}
            """,
    )
    talk.wrote("go")
    assert talk.at == "double/ask"
    talk.wrote("yes")
    assert talk.said == ["4 becomes 8"]
    assert talk.state.run is None


def test_jump_leaves_for_another_flow() -> None:
    talk = FlowTalk(
        shop="title: Shop\nstarts_on: {keywords: [go]}\nsteps:\n  a: {jump: other}",
        other="title: Other\nsteps:\n  a: {ask: Here?}\n  b: {end: true}",
    )
    talk.wrote("go")
    assert talk.at == "other/a"
    assert len(talk.run.frames) == 1


def test_wait_goes_on_by_itself() -> None:
    talk = one("  a: {wait: 10 minutes}\n  b: {say: There you are.}\n  c: {end: true}")
    talk.wrote("go")
    assert talk.timer_due_after == 600
    talk.wait(600).later()
    assert talk.said == ["There you are."]


def test_a_wait_that_outlasts_the_service_window_ends_with_people() -> None:
    talk = one("  a: {wait: 2 days}\n  b: {say: There you are.}\n  c: {end: true}")
    talk.wrote("go")
    talk.wait(2 * 86_400).later()
    assert talk.said == []
    assert talk.state.handler is Handler.QUEUE
    assert "only a template may be said" in talk.notified[0]


def test_a_template_may_be_said_after_the_window() -> None:
    talk = one("  a: {wait: 2 days}\n  b: {say: {template: {name: reminder, language: en}}}\n  c: {end: true}")
    talk.wrote("go")
    talk.wait(2 * 86_400).later()
    assert talk.said == ["[template reminder: ]"]


@pytest.mark.parametrize(
    ("hours", "waits_hours"),
    [('{sunday: ["08:00-12:00"]}', None), ('{sunday: ["10:00-12:00"]}', 1), ('{monday: ["08:30-12:00"]}', 23.5)],
)
def test_wait_until_open(hours: str, waits_hours: float | None) -> None:
    """The clock of the tests stands at nine on a Sunday, UTC."""
    talk = FlowTalk(
        rules=f"hours: {hours}",
        shop="""
            title: Shop
            starts_on: {keywords: [go]}
            steps:
              a: {wait: {until: open}}
              b: {say: Open!}
              c: {end: true}
            """,
    )
    talk.wrote("go")
    if waits_hours is None:
        assert talk.said == ["Open!"]
    else:
        assert talk.timer_due_after == waits_hours * 3600


def test_hand_off_tells_people_what_it_is_about() -> None:
    talk = one(
        """
  a:
    hand_off: {text: One moment., team: orders, priority: high, summary: "{{ contact.name }} wrote {{ message.text }}"}
"""
    )
    talk.wrote("go")
    told: NotifyDesk = talk.only(NotifyDesk)
    assert (told.team, told.priority, told.summary) == ("orders", "high", "Mira wrote go")
    assert talk.state.handover == Handover(team="orders", priority="high", summary="Mira wrote go")
    assert talk.said == ["One moment."]
    assert (talk.state.handler, talk.state.run) == (Handler.QUEUE, None)


def test_what_is_said_right_before_a_hand_off_is_said_and_goes_with_its_notice() -> None:
    talk = one("  a: {say: I cannot find that.}\n  b: {hand_off: {text: One moment.}}")
    talk.wrote("go")
    assert [(send.author, as_text(send.content)) for send in talk.sends] == [
        ("notice", "I cannot find that."),
        ("notice", "One moment."),
    ]


def test_what_is_said_before_a_step_that_fails_is_said() -> None:
    talk = one(
        "  a: {say: Let me see.}\n  b: {branch: [{if: flow.n > 5, next: c}], next: c}\n  c: {end: true}",
        "variables: {flow.n: number}",
    )
    talk.wrote("go")
    assert talk.said == ["Let me see.", talk.policy.hand_off_text]


def test_tags_and_consent_are_kept() -> None:
    talk = one(
        """
  a: {tag: [vip, new]}
  b: {untag: [new]}
  c: {consent: {marketing: false}}
  d: {say: {template: {name: offer, language: en, category: marketing}}}
  e: {say: Done.}
  f: {end: true}
"""
    )
    talk.wrote("go")
    assert talk.state.tags == ("vip",)
    assert talk.state.refused_consents == ("marketing",)
    assert talk.said == ["Done."]  # and not the offer


def test_resolve_ends_with_nothing_to_do() -> None:
    talk = one("  a: {say: Bye.}\n  b: {resolve: true}")
    talk.wrote("go")
    assert (talk.state.is_resolved, talk.state.run) == (True, None)


def test_a_flow_that_never_waits_is_stopped() -> None:
    """The check refuses such a loop; a migration or an old version may still hold one."""
    from frontdesk.core.flow import Say, TextSaid, Words
    from frontdesk.core.wording import compile_wording

    talk = one("  a: {say: Again.}\n  b: {end: true}")
    steps: Any = talk.shelf.books[talk.version].flows["shop"].steps
    steps["b"] = Say(id="b", next="a", said=TextSaid(words=Words({"": compile_wording("and again")})))
    talk.wrote("go")
    assert talk.state.handler is Handler.QUEUE
    assert "100 steps without waiting" in talk.notified[0]
    assert not any(isinstance(effect, SendMessage) and effect.author == "bot" for effect in talk.decision.effects)
