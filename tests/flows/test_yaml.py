"""YAML without its surprises, places that are true, and no input that raises anything else or takes long."""

# ruff: noqa: E501 -- tables are read in rows

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st

from flows.fuzz import by_chance
from flows.mistakes import MISTAKES
from frontdesk.flows.book import read_book
from frontdesk.flows.finding import FINDINGS_MAX, Place
from frontdesk.flows.yaml import Listed, Mapped, Plain, Written, YamlError, read_yaml


def value(text: str) -> object:
    node = read_yaml(f"a: {text}")
    assert isinstance(node, Mapped)
    inner = node.entries[Written("a")]
    return inner.value if isinstance(inner, Plain) else inner


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "off", "True", "NULL", "012", "1:30", "2026-12-25", "0x1f", "1e5", "+5", ".5", "5.", "1_000",
     "1,5", ".inf", "1234567890123456", "=", "-a", "1.2.3"],
)  # fmt: skip
def test_what_other_readers_turn_into_something_else_stays_text(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [("true", True), ("false", False), ("null", None), ("~", None), ("", None), ("0", 0), ("-3", -3), ("2.50", 2.5),
     ("123456789012345", 123456789012345), ("'3'", "3"), ('"true"', "true"), ("''", ""), ("|\n  x", "x"), ("-0", 0)],
)  # fmt: skip
def test_plain_values(text: str, meant: object) -> None:
    assert value(text) == meant
    assert type(value(text)) in {type(meant), Written}


def test_nodes_know_their_places() -> None:
    node = read_yaml("a: [x, {b: 'y'}]\nक: 😀 z\n")
    assert isinstance(node, Mapped)
    first, second = node.entries
    assert (first.place, second.place) == (Place(1, 1), Place(2, 1))
    listed = node.entries[first]
    assert isinstance(listed, Listed)
    assert [item.place for item in listed.items] == [Place(1, 5), Place(1, 8)]
    smiling = node.entries[second]
    assert isinstance(smiling, Written)
    assert smiling.place_of(2) == Place(2, 6)


@pytest.mark.parametrize("begin", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(begin: str, end: str) -> None:
    with pytest.raises(YamlError) as error:
        read_yaml(begin + end.join(["a: 1", "# comment", "", "b: *x"]))
    assert error.value.place == Place(4, 4)


@pytest.mark.parametrize(
    "text",
    ["plain ⟦", "'it''s ⟦'", '"a\\u00e9\\x41\\n\\"\\\\ ⟦"', "|\n  one\n    two\n  ⟦", ">\n  one\n  two\n\n  ⟦", "|-\n\n  ⟦",
     "one\n  two\n\n  three ⟦", '"one \\\n   two ⟦"', "|2\n   one\n  ⟦", ">+\n  a\n\n\n  ⟦\n\n", '"a\\\n\n  ⟦"'],
)  # fmt: skip
def test_every_character_of_a_text_is_found_again(text: str) -> None:
    source = f"x: 1\na: {text}\n"
    node = read_yaml(source)
    assert isinstance(node, Mapped)
    written = node.entries[Written("a")]
    assert isinstance(written, Written)
    before = source[: source.index("⟦")]
    expected = Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    assert written.place_of(written.index("⟦")) == expected
    assert written.place_of(len(written)).line >= expected.line


HOSTILE = {
    "open lists": "[" * 260_000,
    "open mappings": "{" * 260_000,
    "lists in a row": "- " * 130_000,
    "question marks": "? " * 130_000,
    "open quote": '"' + "a\n" * 130_000,
    "quotes": "'" * 262_000,
    "comments": "#\n" * 130_000,
    "values": "[" + "a," * 130_000,
    "lines": "a\n" * 130_000,
    "tags": "!" * 260_000,
    "tag's address": "!<" + "a" * 260_000,
    "anchors": "&a " * 80_000,
    "aliases": "[" + "*a, " * 60_000 + "]",
    "a long key": "a" * 260_000 + ": 1",
    "colons": ":" * 260_000,
    "directives": "%" * 260_000,
    "escaped lines": '"' + "\\\n" * 130_000,
    "empty lines": "|\n" + "\n" * 260_000,
    "steps inwards": "\n".join(" " * depth + "a:" for depth in range(700)),
    "dashes": "-" * 260_000,
    "documents": "---\n" * 65_000,
    "keys": "\n".join(f"k{number}: v" for number in range(19_000)),
    "block without end": ">-\n" + " a\n" * 80_000,
    "tabs": "\t" * 260_000,
    "laughter": "a: &a [x]\n" + "\n".join(f"b{n}: &b{n} [*a, *a, *a, *a]" for n in range(9)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_take_no_time(name: str) -> None:
    began = time.process_time()
    reading = read_book({"flow.yaml": HOSTILE[name], "rules.yaml": HOSTILE[name]})
    assert time.process_time() - began < 2
    assert reading.book is None
    assert len(reading.findings) <= FINDINGS_MAX


@pytest.mark.parametrize(
    "text",
    [
        "title: F\nsteps:\n" + "".join(f"  s{n}: {{wait: 1, next: s{(n * 7) % 990}}}\n" for n in range(990)),
        "title: F\nsteps:\n" + "".join(f"  s{n}: {{say: '{'{{ flow.x }}' * 90}'}}\n" for n in range(90)),
        "title: F\nsteps: {a: {branch: [" + "{if: '" + "(" * 20 + "1" + ")" * 20 + "', next: a}," * 1 + "]}}",
        "title: F\nstarts_on: {keywords: [" + ", ".join(f"w{n}" for n in range(199)) + "]}\nsteps: {a: {end: true}}",
        "title: F\nsteps: {a: {sayy: 1}, " + ", ".join(f"b{n}: {{zzzz{n}: 1}}" for n in range(900)) + "}",
        "title: F\n" + "\n".join(f"unknown{n}: 1" for n in range(9_000)),
    ],
)
def test_files_that_are_much_work_take_little_time(text: str) -> None:
    began = time.process_time()
    read_book({"flow.yaml": text})
    assert time.process_time() - began < 4


PIECES = st.sampled_from(
    [*"abz019 \n\t:-[]{},'\"#&*!|>%@`?~<\\=.", "\n  ", ": ", "- ", "say", "{{ ", " }}", "é", "क्ष", "😀"]
)
MUTATED = st.sampled_from([mistake.text for mistake in MISTAKES if len(mistake.text) < 2_000])


def refusal(text: str) -> YamlError | None:
    try:
        read_yaml(text)
    except YamlError as error:
        return error
    return None


@settings(max_examples=300, deadline=2_000)
@given(st.lists(PIECES, max_size=80).map("".join) | st.text(max_size=200))
def test_no_text_raises_anything_but_our_error(text: str) -> None:
    error = refusal(text)
    assert error is None or error.sentence.endswith(".")
    assert error is None or error.place.line <= text.count("\n") + text.count("\r") + 2


@settings(max_examples=200, deadline=4_000)
@given(MUTATED, st.integers(0, 2_000), st.integers(0, 12), st.lists(PIECES, max_size=4).map("".join))
def test_no_damaged_file_raises(text: str, at: int, cut: int, put: str) -> None:
    at %= len(text) + 1
    damaged = text[:at] + put + text[at + cut :]
    reading = read_book({"flow.yaml": damaged, "rules.yaml": put + damaged})
    assert all(finding.sentence.endswith(".") for finding in reading.findings)


plain_values = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["a", "b", "Hi", "= flow.a + 1", "{{ flow.a }}", "1 day"])
)
verbs = st.sampled_from(
    "say ask choose set branch call answer flow jump wait hand_off tag consent resolve end next options save expect "
    "silence if_failed misfit with title type text image host path a b en hi flow.a contact.b 09:00-10:00".split()
)
trees = st.recursive(
    plain_values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(verbs, inner, max_size=4)
)


@settings(max_examples=200, deadline=4_000)
@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.dictionaries(verbs, trees, min_size=1, max_size=4), min_size=1
    ),
    trees,
)
def test_no_tree_raises(written: dict[str, object], rules: object) -> None:
    import msgspec

    text = msgspec.json.encode({"title": "F", "steps": written, "variables": {"flow.a": "number"}}).decode()
    reading = read_book({"flow.yaml": text, "rules.yaml": msgspec.json.encode(rules).decode()})
    assert reading.book is None or reading.book.flows["flow"].steps


def test_the_fuzzer_works() -> None:
    assert by_chance(0.5, seed=1) > 10
