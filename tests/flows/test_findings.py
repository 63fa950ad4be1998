"""Every kind of finding, with its place and its cure."""

from __future__ import annotations

import pytest

from flows.mistakes import HEAD, MISTAKES, OTHER, Mistake, chain, steps
from frontdesk.flows.book import read_book
from frontdesk.flows.finding import CODES, FINDINGS_MAX


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_each_mistake_is_found_at_its_place_with_a_cure(mistake: Mistake) -> None:
    reading = read_book(
        {"flow.yaml": mistake.text, **mistake.others},
        hosts=mistake.hosts,
        has_model=mistake.has_model,
        channels=mistake.channels,
    )
    found = [
        f"{'' if one.file == 'flow.yaml' else one.file + ' '}{one.line}:{one.column} {one.code}"
        for one in reading.findings
    ]
    assert found == list(mistake.found)
    assert mistake.says in reading.findings[0].sentence
    assert reading.findings[0].sentence.endswith(".")
    assert (reading.book is None) == any(one.is_error for one in reading.findings)


REQUESTED = "title: F\nstarts_on: {request: true}\nvariables: {flow.a: text}\n"


def test_every_code_is_shown_by_a_mistake() -> None:
    assert {place.split()[-1] for mistake in MISTAKES for place in mistake.found} == set(CODES)


@pytest.mark.parametrize(
    "text",
    [
        steps("a: {wait: 1 day}", "b: {branch: [{if: conversation.is_open, next: z}], next: a}", "z: {end: true}"),
        steps("a: {ask: Hm?}", "b: {say: Hi, next: a}"),
        steps("a: {wait: 22 hours}", "b: {say: Hi}", "z: {end: true}"),
        steps("a: {wait: 2 days}", "b: {say: {template: {name: t}}}", "c: {tag: [x]}", "z: {end: true}"),
        steps("a: {choose: Hm?, options: {b: {title: B, next: a}, c: {title: C, next: z}}, next: z}", "z: {end: true}"),
        steps("a: {choose: Hm?, options: {b: {title: B, next: a}}}"),
        steps("a: {choose: Hm?, options: {b: {title: Twenty-four characters o, description: D}}}", "z: {end: true}"),
        steps('a: {say: {image: "{{ message.text }}"}}', "z: {end: true}"),
        steps("a: {set: {contact.language: en}}", "z: {end: true}"),
        HEAD + "variables: {contact.a: text}\nsteps: {z: {end: true}}\n",
        steps("a: {say: '{{ flow.a }}'}", "z: {end: true}", head=REQUESTED),
    ],
)  # fmt: skip
def test_what_is_right_is_not_found(text: str) -> None:
    assert read_book({"flow.yaml": text}).findings == ()


def test_flows_may_call_one_another_eight_deep() -> None:
    assert read_book({"flow.yaml": steps("a: {flow: f1}", "z: {end: true}"), **chain(7)}).findings == ()


def test_files_that_are_fine_are_checked_beside_a_broken_one() -> None:
    reading = read_book({"flow.yaml": "a: [", "other.yaml": OTHER.replace("say: Hi", "say: '{{ x }}'")})
    assert [(one.file, one.code) for one in reading.findings] == [("flow.yaml", "yaml"), ("other.yaml", "wording")]


def test_findings_are_bounded_and_errors_come_before_warnings() -> None:
    reading = read_book(
        {
            "flow.yaml": steps(
                *(f"a{number}: {{say: Hi, next: z}}" for number in range(300)), "z: {say: '{{ x }}'}", "y: {end: true}"
            )
        }
    )
    assert len(reading.findings) == FINDINGS_MAX
    assert reading.findings[-1].code == "wording"
    assert list(reading.findings) == sorted(reading.findings)
