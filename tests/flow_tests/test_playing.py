"""What examples of flows can say, and every way in which they fail."""

from __future__ import annotations

import pytest

from flow_tests.shop import HEAD, failure, outcome, results
from frontdesk.core.policy import Policy
from frontdesk.flow_tests.examples import read_examples
from frontdesk.flow_tests.playing import Row

ECHO = """
a: {ask: What?, save: flow.what, expect: anything}
b: {say: "It is {{ flow.what }}."}
c: {end: true}
"""
ECHO_HEAD = HEAD + "variables: {flow.what: text}\n"
MENU = """
a: {choose: Which?, options: {red: Red, blue: Blue}, save: flow.what}
b: {say: "You chose {{ flow.what }}."}
c: {choose: And now?, options: {more: More, red: Enough}}
d: {end: true}
"""
CALL = """
a: {call: {host: shop, method: POST, path: /orders, body: {n: "= 2"}}, save: {flow.what: id}, if_failed: d}
b: {say: "Done: {{ flow.what }}."}
c: {end: true}
d: {say: "Failed: {{ flow.failure }}"}
e: {end: true}
"""
ANSWER = "a: {answer: true, if_unanswered: c}\nb: {end: true}\nc: {say: I do not know.}\nd: {end: true}\n"


def passes(steps: str, example: str, head: str = HEAD) -> None:
    found = outcome(steps, example, head=head)
    assert found.failure is None, found


@pytest.mark.parametrize(
    ("sent", "heard"),
    [
        ("hello", "hello"),
        ("{image: x.jpg, caption: mine}", "e2"),
        ("{voice: x.ogg}", "e2"),
        ("{location: {latitude: 1.5, longitude: 2}}", "[location: place, 1.5 2]"),
        ("{contact: {name: Bo, phones: ['+491']}}", "[contact card: Bo]"),
        ("{payload: yes}", "yes"),
    ],
)
def test_a_customer_sends_any_kind_of_message(sent: str, heard: str) -> None:
    passes(ECHO, f"- customer: go\n- bot: What?\n- customer: {sent}\n- bot: 'It is {heard}.'", ECHO_HEAD)


def test_a_reaction_is_no_answer() -> None:
    passes(ECHO, "- customer: go\n- bot: What?\n- customer: {reaction: 👍}\n- wait: 1 minute", ECHO_HEAD)


def test_what_was_offered_is_tapped_by_its_title_by_its_option_and_later() -> None:
    passes(
        MENU,
        """
        - customer: go
        - bot: {kind: buttons, options: [Red, Blue]}
        - customer: {tap: {option: blue}}
        - bot: You chose blue.
        - bot: And now?
        - customer: {old_tap: Red}
        - bot: {contains: That button is no longer in use.}
        - customer: {tap: Enough}
        """,
        ECHO_HEAD,
    )


def test_what_was_not_offered_cannot_be_tapped() -> None:
    found = failure(MENU, "- customer: go\n- bot: Which?\n- customer: {tap: Green}", head=ECHO_HEAD)
    assert found.sentence == "there is no “Green” to tap here; there are “Red”, “Blue”"
    assert found.place.line == 5
    found = failure(MENU, "- customer: {tap: Green}", head=ECHO_HEAD)
    assert found.sentence == "there is no “Green” to tap here; nothing was offered so far"


def test_a_channel_without_buttons_gets_numbered_text() -> None:
    passes(
        MENU,
        "given: {buttons: false}\ntalk:\n- customer: go\n- bot: {kind: text, contains: '1. Red'}\n"
        "- customer: '2'\n- bot: You chose blue.\n- bot: {kind: text}",
        ECHO_HEAD,
    )


def test_a_message_that_is_not_as_expected_fails_at_its_line_and_shows_both() -> None:
    found = outcome(ECHO, "- customer: go\n- bot: Who?", head=ECHO_HEAD)
    assert found.failure is not None
    assert (found.failure.place.line, found.failure.place.column) == (4, 7)
    assert found.rows == (Row("customer", "go"), Row("expected", "Who?"), Row("unexpected", "What?"))


@pytest.mark.parametrize("after", ["- customer: x", "- wait: 1 minute", "- agent: Hello", ""])
def test_a_message_that_no_line_expects_is_a_failure_and_shows_the_line_to_add(after: str) -> None:
    found = failure(ECHO, f"- customer: go\n{after}", head=ECHO_HEAD)
    assert found.sentence.endswith("that no line expects; add it if it is right")
    assert found.cure == ('- bot: "What?"',)


def test_a_line_without_a_message_is_a_failure() -> None:
    found = failure(ECHO, "- customer: go\n- bot: What?\n- bot: More?", head=ECHO_HEAD)
    assert found.sentence.startswith("the bot says nothing here;")
    assert found.place.line == 5


@pytest.mark.parametrize(
    ("expected", "is_right"),
    [
        ("{contains: THE WORD}", True),
        ("{contains: other}", False),
        ('{matches: "the * end?"}', True),
        ('{matches: "word"}', False),
        ("{text: The word at its end?, kind: text}", True),
        ("{kind: buttons}", False),
        ("{options: []}", True),
        ("{options: [A]}", False),
        ("the word at its end?", False),
    ],
)
def test_messages_are_matched_exactly_or_nearly(expected: str, is_right: bool) -> None:
    steps = "a: {say: The word at its end?}\nb: {end: true}"
    assert (outcome(steps, f"- customer: go\n- bot: {expected}").failure is None) is is_right


def test_time_passes_where_a_line_says_so() -> None:
    passes(
        ECHO,
        "- customer: go\n- bot: What?\n- wait: 9 minutes\n- wait: 2 minutes\n- bot: Still there?\n- wait: 1 hour\n"
        "- customer: go\n- bot: What?",
        ECHO_HEAD,
    )
    passes("a: {wait: 5 minutes}\nb: {say: Now.}\nc: {end: true}", "- customer: go\n- wait: 300\n- bot: Now.")


def test_lines_of_a_customer_without_a_line_between_are_one_burst() -> None:
    given = "given: {contact: {known: true}, model: [Yes.]}\n"
    passes(ECHO, f"{given}talk:\n- customer: Do you\n- customer: sell boots?\n- bot: Yes.", ECHO_HEAD)


def test_a_long_talk_is_not_taken_for_a_machines() -> None:
    talk = "".join(f"- customer: word {n} of them\n- bot: again\n" for n in range(30))
    steps = "a: {choose: again, options: {x: X}, misfit: no, tries: 10, otherwise: a}\nb: {end: true}"
    found = results(
        steps,
        "- name: one\n  talk:\n  - customer: go\n  - bot: again\n"
        + talk.replace("- ", "  - ").replace("again", "{contains: again}"),
    )
    assert found.failed == ()


def test_an_agent_answers_and_the_bot_is_silent() -> None:
    passes(
        ECHO,
        "talk:\n- customer: go\n- bot: What?\n- agent: I am Asha.\n- customer: go\n"
        "expect: {handler: agent, ended: true}",
        ECHO_HEAD,
    )


def test_a_call_is_answered_and_its_body_looked_at() -> None:
    passes(
        CALL,
        """
        given: {calls: {shop: {"POST /orders": {body: {id: 7}}}}}
        talk: [{customer: go}, {bot: "Done: 7."}]
        expect: {calls: [{call: POST /orders, body: {n: 2}}]}
        """,
        ECHO_HEAD,
    )


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("{fails: time-out}", "Failed: time-out"),
        ("{status: 503}", "Failed: host shop answers 503; look at its log for what it misses"),
    ],
)
def test_a_call_fails(answer: str, told: str) -> None:
    passes(
        CALL,
        f'given: {{calls: {{shop: {{"POST /orders": {answer}}}}}}}\ntalk: [{{customer: go}}, {{bot: "{told}"}}]',
        ECHO_HEAD,
    )


def test_calls_are_answered_one_after_the_other_and_no_more_often() -> None:
    given = 'given: {calls: {shop: {"POST /orders": [{body: {id: 1}}, {body: {id: 2}}]}}}\ntalk:\n'
    twice = '- customer: go\n- bot: "Done: 1."\n- customer: go\n- bot: "Done: 2."\n'
    passes(CALL, given + twice, ECHO_HEAD)
    found = failure(CALL, given + twice + "- customer: go\n- bot: x", head=ECHO_HEAD)
    assert found.sentence == "the call POST /orders of host shop is made 3 times, and given has 2 answers"
    assert found.place.line == 9


def test_a_call_without_an_answer_is_a_failure_that_shows_what_to_add() -> None:
    found = failure(CALL, "- customer: go\n- bot: x", head=ECHO_HEAD)
    assert found.sentence == "the call POST /orders of host shop has no answer in this example; add it"
    assert found.cure == ("given:", "  calls:", "    shop:", '      "POST /orders": {status: 200, body: {}}')


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        ("Yes.", "Yes."),
        ("{unanswered: true}", "I do not know."),
        ("{fails: it is away}", "I do not know."),
        ("{hands_off: true, text: Wait.}", f"Wait.\n\n{Policy().hand_off_text}"),
    ],
)
def test_the_model_answers_as_given(draft: str, said: str) -> None:
    passes(ANSWER, f"given: {{model: [{draft}]}}\ntalk:\n- customer: go\n- bot: {said!r}".replace("'", '"'))


def test_a_draft_without_an_answer_is_a_failure_that_shows_what_to_add() -> None:
    found = failure(ANSWER, "- customer: go\n- bot: x")
    assert found.sentence == "the model is asked to answer “go”, and given has no answer of the model left; add it"
    assert found.cure == ("given: model:", "  - The answer.")
    found = failure(ANSWER, "given: {model: [{choose: x}]}\ntalk:\n- customer: go\n- bot: x")
    assert found.sentence.endswith("and what given has next is no such answer; put one before it")


TOOL_STEPS = """a:
  answer: {tools: [cancel, search_knowledge]}
b: {say: Bye.}
c: {end: true}"""
TOOLS = """tools:
  cancel:
    description: Cancels.
    arguments: {number: {longest: 20}}
    call: {host: shop, method: POST, path: "/cancel/{{ flow.number }}"}
    save: {state: state}
    confirm: Cancel {{ flow.number }}?
"""


def test_the_model_asks_for_a_tool_and_the_contact_taps() -> None:
    example = """given:
  calls: {shop: {"POST /cancel/A1": {body: {state: done}}}}
  model: [{tool: cancel, arguments: {number: A1}}, "It is cancelled, see https://shop.example/a."]
talk:
- customer: go
- bot: {text: Cancel A1?, options: [Yes, No]}
- customer: {tap: Yes}
- bot: It is cancelled, see https://shop.example/a.
- bot: Bye.
expect: {calls: ["POST /cancel/A1"]}"""
    found = outcome(TOOL_STEPS, example, tools=TOOLS)
    assert found.failure is None, found


def test_the_model_chooses_a_flow() -> None:
    head = HEAD.replace("keywords: [go]", "keywords: [go], intents: [They want to go]")
    steps = "a: {say: Gone.}\nb: {end: true}"
    given = "given: {contact: {known: true}, model: [%s]}\ntalk:\n- customer: let me leave\n- bot: %s"
    passes(steps, given % ("{choose: They want to go}", "Gone."), head)
    passes(steps, given % ("{unanswered: true}, Stay.", "Stay."), head)
    assert "choose a flow for “let me leave”" in failure(steps, given % ("Stay.", "x"), head=head).sentence


def test_a_program_asks_for_a_flow_with_values() -> None:
    steps = 'a: {say: "Hello {{ contact.name }}, {{ flow.what }}, {{ contact.city }}"}\nb: {end: true}'
    passes(
        steps,
        "given: {contact: {name: Bo, facts: {city: Pune}}, requested: {flow: shop, values: {what: 7}}}\n"
        'talk: [{bot: "Hello Bo, 7, Pune"}]',
        HEAD + "variables: {flow.what: number, contact.city: text}\n",
    )


def test_an_advertisement_is_told() -> None:
    passes(
        ECHO,
        "given: {ad: {source_id: '1', headline: Shoes}}\ntalk: [{customer: hi}, {bot: What?}]\n"
        "expect: {variables: {conversation.ad: Shoes}}",
        ECHO_HEAD,
    )


@pytest.mark.parametrize(("at", "said"), [("", "11:00 2026-11-02"), ("at: 2026-12-31 23:59", "23:59 2026-12-31")])
def test_the_clock_is_the_businesses(at: str, said: str) -> None:
    steps = 'a: {say: "{{ conversation.time }} {{ conversation.today }}"}\nb: {end: true}'
    passes(steps, f"given: {{{at}}}\ntalk: [{{customer: go}}, {{bot: {said}}}]")


HANDED = """
a: {tag: [hurt]}
b: {consent: {marketing: false}}
c: {set: {flow.what: three, contact.vip: true}}
d: {ask: What?}
e: {hand_off: {text: Wait., team: doctors, priority: urgent, summary: It hurts}}
"""
HANDED_HEAD = HEAD + "variables: {flow.what: text, contact.vip: yes_no}\n"


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        ("handler: queue, ended: true, resolved: false, team: doctors, priority: urgent", None),
        ("tags: [hurt], refused: [marketing], calls: [], summary: {contains: hurts}, never_said: [Go away]", None),
        ("variables: {flow.what: three, contact.vip: true, contact.name: Mira}", None),
        ("handler: bot", "handler should be “bot”, and is “queue”"),
        ("team: cooks", "team should be “cooks”, and is “doctors”"),
        ("priority: low", "priority should be “low”, and is “urgent”"),
        ("resolved: true", "resolved should be true, and is false"),
        ("ended: false", "ended should be false, and is true"),
        ("tags: []", "tags should be [], and is [“hurt”]"),
        ("refused: []", "refused should be [], and is [“marketing”]"),
        ("summary: All is well", "summary should be All is well, and is “It hurts”"),
        ("variables: {flow.what: 3}", "flow.what should be 3, and is “three”"),
        ("variables: {contact.vip: 1}", "contact.vip should be 1, and is true"),
        ("calls: [GET /x]", "calls should be [“GET /x”], and is []"),
        ("never_said: [WAIT]", "“WAIT” should be in no message, and is in “Wait.”"),
    ],
)
def test_the_end_is_as_expected(expected: str, sentence: str | None) -> None:
    example = f"talk: [{{customer: go}}, {{bot: What?}}, {{customer: ow}}, {{bot: Wait.}}]\nexpect: {{{expected}}}"
    found = outcome(HANDED, example, head=HANDED_HEAD).failure
    assert (found.sentence if found else None) == sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1", "1:1: A file of tests is a list of examples"),
        ("- nam: x\n  talk: [{bot: x}]", "1:3: There is no key “nam” here; did you mean name."),
        ("- name: x\n  talk: [{boot: x}]", "2:10: An item of “talk” is no line of a talk"),
        ("- name: x\n  talk: [{customer: {tapp: x}}]", "2:21: “customer” is no message of a customer"),
        ("- name: x\n  given: {at: 2026-13-01 10:00}\n  talk: [{bot: x}]", "2:15: There is no moment 2026-13-01 10:00"),
        ("- name: x\n  talk: [{bot: x}]\n- name: x\n  talk: [{bot: x}]", "3:9: Two examples are called “x”"),
        ("- name: x\n  talk: [{bot: {}}]", "2:10: This line says nothing of the message"),
        ("- name: x\n  talk: [{bot: x}]\n  expect: {tag: [x]}", "3:12: There is no key “tag” here; did you mean tags"),
        (
            "- name: x\n  given: {calls: {shop: {GET /: {fails: x, status: 200}}}}\n  talk: [{bot: x}]",
            "2:33: GET / cannot fail and be answered at once",
        ),
        (
            "- name: x\n  given: {calls: {shop: {/orders: {}}}}\n  talk: [{bot: x}]",
            "2:26: The key “/orders” must be a method and a path",
        ),
        ("- name: x\n  talk: &a [{bot: x}]", "2:9: Anchors"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_place_and_cure(text: str, told: str) -> None:
    findings = read_examples({"shop.test.yaml": text, "shop.yaml": "not looked at: &"}).findings
    lines = [f"{one.line}:{one.column}: {one.sentence}" for one in findings]
    assert any(line.startswith(told) for line in lines), lines
