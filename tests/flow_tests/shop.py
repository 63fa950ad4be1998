"""Examples in tests: YAML in, outcomes out, as the command has them."""

from __future__ import annotations

from textwrap import dedent, indent

from frontdesk.core.policy import Policy
from frontdesk.flow_tests.examples import read_examples
from frontdesk.flow_tests.playing import Failure, Outcome
from frontdesk.flow_tests.running import Results, play_all
from frontdesk.flows.book import read_book

RULES = """
languages: [en]
time_zone: Asia/Kolkata
interrupts: [{words: [menu], flow: shop}]
silence: [{after: 10 minutes, say: Still there?}, {after: 1 hour, close: true}]
"""
HEAD = "title: Shop\nstarts_on: {keywords: [go], request: true, ads: ['*']}\n"


def results(
    steps: str, examples: str, *, head: str = HEAD, rules: str = RULES, tools: str = "", policy: Policy | None = None
) -> Results:
    """All examples of one flow, played; both must be well written."""
    sources = {
        "rules.yaml": rules,
        "tools.yaml": tools,
        "shop.yaml": head + "steps:\n" + indent(dedent(steps), "  "),
        "shop.test.yaml": dedent(examples),
    }
    reading, read = read_book(sources), read_examples(sources)
    assert [one for one in reading.findings if one.is_error] == []
    assert reading.book is not None
    assert read.findings == ()
    return play_all(reading.book, read.found, policy or Policy())


def outcome(steps: str, example: str, **more: str) -> Outcome:
    """Of one example: the lines of its talk, or all of it but its name."""
    text = dedent(example).strip()
    body = text if text.startswith(("talk:", "given:")) else f"talk:\n{indent(text, '  ')}"
    (found,) = results(steps, "- name: one\n" + indent(body, "  "), **more).outcomes  # type: ignore[arg-type]
    return found


def failure(steps: str, example: str, **more: str) -> Failure:
    """Why the example fails."""
    found = outcome(steps, example, **more).failure
    assert found is not None
    return found
