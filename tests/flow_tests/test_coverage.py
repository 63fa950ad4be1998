"""What of a flow examples cover: every step, every way that its author wrote."""

from __future__ import annotations

import time

import pytest

from flow_tests.shop import HEAD, results
from frontdesk.flow_tests.running import Results

STEPS = """
a: {ask: A number?, expect: number, save: flow.n, way_out: {words: [leave], next: out}, otherwise: hard, tries: 2}
b: {branch: [{if: flow.n > 5, next: c}, {if: flow.n > 3, next: c}], next: d}
c: {call: {host: shop, path: /}, if_failed: out}
d: {answer: true, if_unanswered: out}
e: {choose: Which?, options: {x: X, y: {title: Y, next: out}}, silence: [{after: 1 minute, close: true}]}
f: {end: true}
hard: {say: That is hard., next: out}
out: {end: true}
"""
CODE = HEAD + "variables: {flow.n: number}\n"
GIVEN = "given: {model: [Yes.], calls: {shop: {GET /: {}}}}"


def of(*talks: str, given: str = GIVEN) -> Results:
    examples = "".join(f"- name: talk {n}\n  {given}\n  talk: [{talk}]\n" for n, talk in enumerate(talks))
    found = results(STEPS, examples, head=CODE)
    assert found.failed == ()
    return found


def missing(found: Results) -> set[str]:
    return {what for file, _, what in found.covered.missing if file == "shop.yaml"}


GO = "{customer: go}, {bot: A number?}"
ALL = "never taken from “%s”: %s"


def test_what_nobody_played_is_named_with_the_line_of_its_step() -> None:
    found = of("{customer: go}, {bot: A number?}")
    whole = {one.name: one for one in found.coverage}
    assert (whole["shop"].steps, whole["shop"].steps_all) == (1, 8)
    assert ("shop.yaml", 7, "the step “b” is never performed") in found.covered.missing
    assert ("shop.yaml", 6, ALL % ("a", "the way out")) in found.covered.missing
    assert found.lacks(90)
    assert not found.lacks(0)


def test_two_ways_to_one_step_are_told_apart() -> None:
    found = of(f"{GO}, {{customer: '9'}}, {{bot: Yes.}}, {{bot: Which?}}, {{customer: X}}")
    assert ALL % ("b", "if flow.n > 3") in missing(found)
    assert ALL % ("b", "if flow.n > 5") not in missing(found)
    assert ALL % ("b", "else") in missing(found)


@pytest.mark.parametrize(
    ("talk", "way"),
    [
        (f"{GO}, {{customer: leave}}", ALL % ("a", "the way out")),
        (f"{GO}, {{customer: x}}, {{bot: {{contains: A number?}}}}", ALL % ("a", "an answer that does not fit")),
        (
            f"{GO}, {{customer: x}}, {{bot: {{contains: A number?}}}}, {{customer: x}}, {{bot: That is hard.}}",
            ALL % ("a", "otherwise, after answers that do not fit"),
        ),
        (f"{GO}, {{customer: '4'}}, {{bot: Yes.}}, {{bot: Which?}}", ALL % ("b", "if flow.n > 3")),
        (f"{GO}, {{customer: '1'}}, {{bot: Yes.}}, {{bot: Which?}}", ALL % ("b", "else")),
        (f"{GO}, {{customer: '1'}}, {{bot: Yes.}}, {{bot: Which?}}, {{customer: X}}", ALL % ("e", "the option “x”")),
        (f"{GO}, {{customer: '1'}}, {{bot: Yes.}}, {{bot: Which?}}, {{customer: Y}}", ALL % ("e", "the option “y”")),
        (
            f"{GO}, {{customer: '1'}}, {{bot: Yes.}}, {{bot: Which?}}, {{wait: 61}}",
            ALL % ("e", "an end after silence"),
        ),
    ],
)
def test_each_way_is_covered_by_taking_it(talk: str, way: str) -> None:
    everything = of(GO, f"{GO}, {{customer: '9'}}, {{bot: Yes.}}, {{bot: Which?}}")
    assert way not in missing(of(talk, f"{GO}, {{customer: '9'}}, {{bot: Yes.}}, {{bot: Which?}}"))
    assert (way in missing(everything)) is (way != ALL % ("b", "if flow.n > 5"))


def test_failures_are_ways() -> None:
    talk = f"{GO}, {{customer: '9'}}"
    assert ALL % ("c", "if_failed") in missing(of(f"{talk}, {{bot: Yes.}}, {{bot: Which?}}"))
    assert ALL % ("c", "if_failed") not in missing(of(talk, given="given: {calls: {shop: {GET /: {fails: x}}}}"))
    unanswered = of(talk, given="given: {model: [{unanswered: true}], calls: {shop: {GET /: {}}}}")
    assert ALL % ("d", "if_unanswered") not in missing(unanswered)
    assert ALL % ("d", "an answer of the model") in missing(unanswered)


def test_the_rules_have_ways_of_their_own_counted_once() -> None:
    found = {one.name: one for one in of(GO).coverage}["rules"]
    assert (found.steps_all, found.ways, found.ways_all) == (0, 0, 3)
    spoken = of(
        f"{GO}, {{customer: menu}}, {{bot: A number?}}, {{wait: 11 minutes}}, {{bot: Still there?}}, {{wait: 1 hour}}"
    )
    assert {one.name: one for one in spoken.coverage}["rules"].ways == 3


def test_thousands_of_examples_a_second_are_not_far() -> None:
    """A floor that a busy machine keeps; the documents say what it really is."""
    example = f"{GO}, {{customer: '9'}}, {{bot: Yes.}}, {{bot: Which?}}, {{customer: X}}"
    began = time.perf_counter()
    found = of(*[example] * 300)
    assert len(found.outcomes) == 300
    assert time.perf_counter() - began < 6
