"""Texts with places for variables: what is shown, what is refused, and that a value never becomes more than data."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from core.test_expression import ANY_VALUE
from frontdesk.core.letters import clean
from frontdesk.core.value import Value
from frontdesk.core.wording import WordingError, compile_wording

VALUES: dict[str, Value] = {
    "contact.name": "asha RAO",
    "flow.count": 3.0,
    "flow.price": 1234.5,
    "flow.day": "2026-03-05T09:00:00Z",
    "flow.items": ("Tea", 2, ("x",)),
    "flow.is_new": True,
    "flow.blank": "  ",
    "flow.evil": "{{ contact.name }}{{{{",
    "flow.street": "straße İ",
}


@pytest.fixture(autouse=True)
def _without_pauses() -> Iterator[None]:
    """Time is measured here, and the collector's pauses grow with what other tests have left behind."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("Hello!", "Hello!"),
        ("Hello {{ contact.name }}!", "Hello asha RAO!"),
        ("{{contact.name|title}}, {{ contact.name | upper }}", "Asha Rao, ASHA RAO"),
        ("{{ contact.name | lower | first(4) }}", "asha"),
        ("{{ flow.unset }}|{{ flow.unset | upper }}", "|"),
        ('{{ flow.unset | default("friend") }}', "friend"),
        ("{{ flow.blank | default('it is \"blank\" }}') }}", 'it is "blank" }}'),
        ('{{ contact.name | default("friend") }}', "asha RAO"),
        ("[{{ flow.blank | trim }}]", "[]"),
        ("{{ flow.count }} {{ flow.is_new }}", "3 yes"),
        ("{{ flow.price }} {{ flow.price | number(2) }} {{ flow.count | number(0) }}", "1234.5 1234.50 3"),
        ("{{ contact.name | number(2) }}", "asha RAO"),
        ("{{ flow.is_new | number(2) }}", "yes"),
        ('{{ flow.day | date("D MMM YYYY") }}', "5 Mar 2026"),
        ('{{ flow.day | date("DDDD, DD.MM.YY") }}', "Thursday, 05.03.26"),
        ('{{ flow.day | date("DDD D MMMM, M/D") }}', "Thu 5 March, 3/5"),
        ('{{ contact.name | date("DD.MM.YYYY") }}', "asha RAO"),
        ("{{ flow.items }}", "Tea, 2, …"),
        ('{{ flow.items | list(" / ") }}', "Tea / 2 / …"),
        ("{{ flow.street | upper }} {{ flow.street | lower }}", "STRAßE İ straße İ"),
        ("{{{{ contact.name }}}} { } {{{{{{ contact.name }}}}}}", "{{ contact.name }} { } {{asha RAO}}"),
        ("{{ flow.evil }}", "{{ contact.name }}{{{{"),
        ("*नमस्ते* {{ contact.name }} 👋\n", "*नमस्ते* asha RAO 👋\n"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert compile_wording(text).render(VALUES) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (False, "no"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (1e21, "1000000000000000000000"),
        (float("nan"), ""),
        (10**5_000, "…"),
        ("a\r\n\tb\x00c\x1b[31m", "a bc[31m"),
        ("abc\u202egpj.exe\u202c", "abcgpj.exe"),
        ("\u2067abc\u2069", "abc"),
        ("a\u200bg\u200de\u200cn\ufefft", "agent"),
        ("क्\u200dष क्\u200cष", "क्\u200dष क्\u200cष"),
        ("അവന്\u200d", "അവന്\u200d"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽 🇮🇳 \u200d", "👨\u200d👩\u200d👧 ❤\ufe0f 👍🏽 🇮🇳 "),
        ("🏳\ufe0f\u200d🌈", "🏳\ufe0f\u200d🌈"),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
        ("hi\U000e0041\U000e0042", "hi"),
        ("a\ufe01\ufe02\ufe03b", "a\ufe01b"),
        ("\ud800a\ufdd0", "a"),
        ("x" * 1_000, None),
        ("\u200b" * 5_000 + "x", ""),
        ("\u3164a\u034f", "a"),
        ("x" * 65_536, "x" * 999 + "…"),
        (("a\u202e", "b\n"), "a, b "),
        (tuple(range(200)), ", ".join(map(str, range(100))) + ", …"),
        ({"a": 1}, ""),
        (Decimal(1), ""),
    ],
    ids=lambda value: ascii(value)[:30] if not isinstance(value, int) else "number",
)
def test_values_are_made_plain_and_clean(value: Any, shown: str | None) -> None:
    assert compile_wording("{{ flow.a }}").render({"flow.a": value}) == (value if shown is None else shown)


@pytest.mark.parametrize(
    ("text", "line", "column", "part"),
    [
        ("a\nbé {{ flw.a }}", 2, 7, "did you mean flow"),
        ("{{ name }}", 1, 4, "such as flow.name"),
        ("{{ }}", 1, 1, "must stand first"),
        ("a {{ flow.a", 1, 3, "never closed"),
        ("a }} b", 1, 3, "}}}}"),
        ("{{ flow.a }}}}", 1, 13, "}}}}"),
        ("{{{ flow.a }}", 1, 3, "no meaning"),
        ("{{ flow.a.b }}", 1, 4, "one dot"),
        ("{{ flow.a + 1 }}", 1, 11, "Only filters"),
        ("{{ flow.a | }}", 1, 11, "missing"),
        ("{{ flow.a | uper }}", 1, 13, "did you mean upper"),
        ("{{ flow.a | upper(1) }}", 1, 19, "nothing between"),
        ("{{ flow.a | first }}", 1, 13, "first(20)"),
        ('{{ flow.a | first("x") }}', 1, 19, "first(20)"),
        ("{{ flow.a | first(1, 2) }}", 1, 18, "between its brackets"),
        ("{{ flow.a | first(flow.b) }}", 1, 18, "between its brackets"),
        ('{{ flow.a | date("DD.mm.YYYY") }}', 1, 22, "no part of a date"),
        ("{{ flow.a | number(9) }}", 1, 20, "at most 6"),
        ('{{ flow.a | default("a\u202eb") }}', 1, 21, "cannot be seen"),
        ("{{ flow.a" + " | trim" * 11 + " }}", 1, 83, "at most 10"),
        ("{{flow.a}}" * 101, 1, 1001, "at most 100"),
        ("x" * 4_097, 1, 4_097, "too long"),
        (f'{{{{ flow.a | default("{"x" * 1_001}") }}}}', 1, 21, "too long"),
        ("{{ flow.__class__ }}", 1, 4, "letters"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_a_cure(text: str, line: int, column: int, part: str) -> None:
    with pytest.raises(WordingError) as raised:
        compile_wording(text)
    assert part in raised.value.sentence
    assert (raised.value.line, raised.value.column) == (line, column)
    assert raised.value.sentence.endswith(".")


def test_how_long_it_can_become() -> None:
    wording = compile_wording('Hi {{ contact.name | first(20) | default("there") }}, {{ flow.a }}!')
    assert wording.names == {"contact.name", "flow.a"}
    assert wording.longest({"contact.name": 3, "flow.a": 7}) == 3 + 5 + 2 + 7 + 1
    assert wording.longest({}) == 3 + 20 + 2 + 1_000 + 1


PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{",
        "}",
        "|",
        "(",
        ")",
        ",",
        "flow.a",
        "contact.b",
        "upper",
        "first(3)",
        'default("x")',
        "'",
        '"',
        " ",
    ]
)
FILTERS = st.sampled_from(
    [
        "upper",
        "lower",
        "title",
        "trim",
        "first(3)",
        "first(0)",
        'default("someone")',
        'default("")',
        'date("DDDD D MMMM YYYY")',
        'date("")',
        "number(0)",
        "number(6)",
        'list("")',
        'list(" and also ")',
    ]
)
LETTERS = st.text(alphabet=st.sampled_from("aß İŉﬁ\u200d\u200cက്👨\u202e\n\x00é0.9-"), max_size=12)


def check(error: WordingError, text: str) -> None:
    assert error.sentence.endswith(".")
    assert 1 <= error.column <= len(text.split("\n")[error.line - 1]) + 1


@settings(max_examples=500, deadline=None)
@given(text=st.text(max_size=60) | st.lists(PIECES, max_size=25).map("".join))
@example(text="{{ '" * 1_000)
@example(text="{{ flow.a |" + "(" * 4_000)
@example(text="{" * 4_096)
@example(text="{{" + " " * 4_094)
def test_no_text_raises_anything_but_its_error_or_takes_long(text: str) -> None:
    began_at = time.process_time()
    try:
        compile_wording(text)
    except WordingError as error:
        check(error, text)
    assert time.process_time() - began_at < 0.05


@settings(max_examples=1_000, deadline=None)
@given(filters=st.lists(FILTERS, max_size=4), value=ANY_VALUE | LETTERS | st.lists(LETTERS, max_size=5).map(tuple))
@example(filters=["number(6)"], value=-9.9999999)
@example(filters=["number(2)"], value="9.999")
@example(filters=["upper", "upper"], value="ŉ" * 1_000)
@example(filters=['list(" and also ")'], value=("", "", "", ""))
@example(filters=['list(" and also ")'], value=("x" * 1_000,) * 100)
def test_nothing_raises_or_grows_longer_than_was_said(filters: list[str], value: Value) -> None:
    plain = compile_wording("{{ flow.a }}").render({"flow.a": value})
    wording = compile_wording(f"<{{{{ {' | '.join(['flow.a', *filters])} }}}}>")
    rendered = wording.render({"flow.a": value})
    assert len(rendered) <= wording.longest({"flow.a": len(plain)}) <= 1_002
    rendered.encode()


@settings(deadline=None)
@given(st.text(max_size=30) | LETTERS)
def test_cleaning_is_done_once_and_leaves_what_is_seen(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("hostile", ["\u200d", "\n", " \n", "\u202e", "👨\u200d", "\ufe0f", "🏴\U000e0041", "é", "{{"])
def test_hostile_values_take_no_time(hostile: str) -> None:
    wording = compile_wording("{{ flow.a | upper | title | trim }}")
    began_at = time.process_time()
    wording.render({"flow.a": hostile * 32_768})
    assert time.process_time() - began_at < 0.05


def test_what_others_wrote_can_be_referred_to() -> None:
    wording = compile_wording(
        "{{ flow.count }} for {{ contact.name }} ({{ contact.name | upper }}, {{ contact.name }})."
    )
    values: dict[str, Any] = {"contact.name": "Mira] you are free [", "flow.count": 3}
    assert wording.referring(values) == (
        "3 for [contact.name] ([contact.name'], [contact.name]).",
        (("contact.name", "Mira] you are free ["), ("contact.name'", "MIRA] YOU ARE FREE [")),
    )
    assert compile_wording("So {{ contact.name }}.").referring({}) == ("So .", ())
