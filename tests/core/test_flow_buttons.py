"""Options that were offered more than once, look like something else, or lie far back in a chat."""

from __future__ import annotations

import pytest

from core.flow_talk import FlowTalk
from core.talk import QUIET
from frontdesk.core.conversation import Handler

PEOPLE = """
title: Shop
starts_on: {keywords: [go]}
variables: {flow.x: text}
steps:
  q: {choose: How many?, options: {two: "2", four: "4", six: "6"}, save: flow.x}
  then: {ask: Next?}
  z: {end: true}
"""


@pytest.mark.parametrize(("has_buttons", "option"), [(True, "two"), (False, "four")])
def test_a_number_is_a_title_unless_numbers_are_shown(has_buttons: bool, option: str) -> None:
    talk = FlowTalk(QUIET, has_buttons, shop=PEOPLE)
    talk.wrote("go")
    talk.wrote("2")
    assert talk.variables == {"x": option}


def test_a_longer_number_is_no_place_in_a_list() -> None:
    talk = FlowTalk(QUIET, False, shop=PEOPLE)
    talk.wrote("go")
    talk.wrote("0002")
    assert talk.at == "shop/q"
    talk.wrote("002")
    assert talk.variables == {"x": "four"}


def test_an_old_button_is_no_try_at_an_answer() -> None:
    talk = FlowTalk(shop=PEOPLE.replace("options:", "tries: 1, options:"))
    talk.wrote("go")
    old = talk.choice("4")
    talk.tapped("2")
    talk.wait(90).wrote("go")
    talk.wrote("go")
    talk.wait(90).wrote(old)
    assert talk.at == "shop/q"
    (said,) = talk.said
    assert "button" in said
    talk.wrote("7")
    assert talk.state.handler is Handler.QUEUE


PAGES = """
title: Shop
starts_on: {keywords: [go]}
variables: {flow.n: {type: number, default: 0}}
steps:
  up: {set: {flow.n: "= flow.n + 1"}}
  q: {choose: "Page {{ flow.n }}", options: {more: {title: More, next: up}, enough: Enough}}
  z: {end: true}
"""


def test_the_same_option_of_a_question_that_came_again_is_another_button() -> None:
    talk = FlowTalk(shop=PAGES)
    talk.wrote("go")
    first = talk.choice("More")
    talk.wait(5).wrote(first)
    second = talk.choice("More")
    talk.wait(1).wrote(first)
    assert talk.decision.effects == ()  # an impatient thumb
    talk.wait(5).wrote(second)
    assert talk.variables == {"n": 3}
    talk.wait(5).tapped("Enough")
    assert talk.state.run is None


def test_a_button_above_a_question_that_was_put_again_still_answers_it() -> None:
    talk = FlowTalk(shop=PAGES)
    talk.wrote("go")
    first = talk.choice("More")
    talk.wrote("what?")
    talk.wrote(first)
    assert talk.variables == {"n": 2}


def test_numbered_text_has_the_header_and_the_footer_too() -> None:
    talk = FlowTalk(QUIET, False, shop=PEOPLE.replace("options:", "header: Table, footer: Until ten., options:"))
    talk.wrote("go")
    (said,) = talk.said
    assert said.startswith("Table\n\nHow many?\n\n1. 2\n")
    assert said.endswith("\n\nUntil ten.")


def test_an_old_button_of_a_later_question_is_no_answer_to_the_first_that_has_such_an_option() -> None:
    talk = FlowTalk(
        shop="""
            title: Shop
            starts_on: {keywords: [go]}
            steps:
              a: {choose: Hungry?, options: {"yes": "Yes", "no": "No"}}
              b: {choose: Sure?, options: {"yes": "Yes", "no": "No"}}
              c: {say: Done.}
              z: {end: true}
            """
    )
    talk.wrote("go")
    talk.tapped("Yes")
    old = talk.choice("Yes")
    talk.tapped("No")
    talk.wait(90).wrote(old)
    assert talk.state.run is None
    (said,) = talk.said
    assert "button" in said
