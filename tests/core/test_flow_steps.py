"""What each step of a flow does."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from core.flow_talk import FlowTalk, one
from core.talk import CONTACT
from frontdesk.core.conversation import Handler, Handover
from frontdesk.core.effect import NotifyDesk, SendMessage
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
from frontdesk.core.running import DEPTH_MAX, TAGS_MAX
from frontdesk.core.transcript import as_text

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


def test_a_contact_s_name_cannot_make_whatsapp_refuse_a_template() -> None:
    talk = one("  a: {say: {template: {name: ready, parameters: ['{{ contact.name }}']}}}\n  z: {end: true}")
    talk.wrote("go", contact=replace(CONTACT, name=" Mira      \n     Rao"))
    (sent,) = talk.sends
    assert isinstance(sent.content, Template)
    assert sent.content.parts[0].parameters[0].text == "Mira Rao"


def test_say_sends_a_card() -> None:
    talk = one('  a: {say: {card: {name: Asha, phones: ["+911234"]}}}\n  b: {end: true}')
    talk.wrote("go")
    (send,) = talk.sends
    assert isinstance(send.content, ContactCards)
    assert send.content.cards[0].formatted_name == "Asha"
    assert send.content.cards[0].phones == ("+911234",)


def test_a_template_s_parameter_is_never_empty() -> None:
    talk = one(
        '  a: {say: {template: {name: ready, language: en, parameters: ["{{ flow.failure }}"]}}}\n  b: {end: true}'
    )
    talk.wrote("go")
    assert talk.said == ["[template ready: –]"]


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


def test_a_sub_flow_that_jumps_returns_the_result_of_where_it_went() -> None:
    talk = FlowTalk(
        shop="""
            title: Shop
            starts_on: {keywords: [go]}
            variables: {flow.x: text}
            steps:
              a: {flow: other, save: flow.x}
              b: {say: "Back with {{ flow.x }}."}
              z: {end: true}
            """,
        other="title: O\nsteps:\n  a: {jump: third}",
        third="title: T\nsteps:\n  a: {end: {result: news}}",
    )
    talk.wrote("go")
    assert talk.said == ["Back with news."]


def test_flows_that_nobody_checked_do_not_nest_without_end() -> None:
    deep = {f"f{n}": f"title: F\nsteps:\n  a: {{flow: f{n + 1}}}\n  z: {{end: true}}" for n in range(1, 8)}
    start = "title: S\nstarts_on: {keywords: [go]}\nsteps:\n  a: {flow: f1}\n  z: {end: true}"
    asks = "title: F\nsteps:\n  a: {ask: Down here?}\n  z: {end: true}"
    talk = FlowTalk(shop=start, **{**deep, "f7": asks})
    talk.wrote("go")
    assert len(talk.run.frames) == DEPTH_MAX
    talk = FlowTalk(shop=start, **deep, f8=asks)
    talk.wrote("go")
    assert talk.state.handler is Handler.QUEUE
    assert "8 deep" in talk.notified[0]


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


def test_of_tags_there_are_only_so_many_and_the_oldest_stay() -> None:
    parts = [[f"t{number}" for number in range(begin, begin + 20)] for begin in (0, 20, 40)]
    steps = [f"  s{place}: {{tag: [{', '.join(tags)}]}}" for place, tags in enumerate(parts)]
    talk = one("\n".join([*steps, "  z: {end: true}"]))
    talk.wrote("go")
    assert (len(talk.state.tags), talk.state.tags[0], talk.state.tags[-1]) == (TAGS_MAX, "t0", f"t{TAGS_MAX - 1}")


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


def test_what_the_contact_wrote_can_be_said_and_is_known_after_a_call_too() -> None:
    talk = one(
        """
  a: {ask: How many?, expect: number}
  b: {say: "{{ message.value }} of “{{ message.text }}”, {{ message.kind }}"}
  c: {call: {host: shop, path: /}, if_failed: d}
  d: {say: "You wrote “{{ message.text }}”."}
  z: {end: true}
"""
    )
    talk.wrote("go")
    talk.wrote("so 5 please")
    assert talk.said == ["5 of “so 5 please”, text"]
    talk.returned(values={})
    assert talk.said == ["You wrote “so 5 please”."]


def test_a_reminder_is_not_said_after_the_service_window() -> None:
    talk = one("  a: {ask: Well?, silence: [{after: 2 days, say: There?}]}\n  z: {end: true}")
    talk.wrote("go")
    talk.wait(2 * 86_400).later()
    assert talk.said == []
    assert talk.at == "shop/a"


def test_waiting_for_the_opening_passes_over_holidays() -> None:
    rules = (
        "hours: {sunday: ['08:00-09:00'], monday: ['10:00-12:00'], tuesday: ['10:00-12:00']}\nholidays: [2026-11-02]"
    )
    shop = "title: S\nstarts_on: {keywords: [go]}\nsteps:\n  a: {wait: {until: open}}\n  z: {end: true}"
    talk = FlowTalk(rules=rules, shop=shop)
    talk.wrote("go")
    assert talk.timer_due_after == 49 * 3_600
