"""What a model gives a tool, read or refused."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, strategies as st

from frontdesk.core.arguments import BadArguments, read_arguments, schema
from frontdesk.core.tool import ARGUMENTS_CHARACTERS_MAX, Argument, ToolOffered

NUMBER = Argument(name="number", longest=10, description="On the receipt.")
ALL = (
    NUMBER,
    Argument(name="count", kind="number"),
    Argument(name="is_gift", kind="yes_no"),
    Argument(name="day", kind="date"),
    Argument(name="size", choices=("S", "M")),
)
GOOD: dict[str, Any] = {"number": " A1001 ", "count": 2, "is_gift": True, "day": "2026-12-24", "size": "M"}


def test_each_kind_is_read() -> None:
    assert read_arguments(json.dumps(GOOD), ALL) == {**GOOD, "number": "A1001"}
    assert read_arguments("", ()) == read_arguments("{}", ()) == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"number": "A1",', "its arguments are no JSON"),
        ("refund all", "its arguments are no JSON"),
        ('["A1"]', "its arguments are no JSON object"),
        ('"A1"', "its arguments are no JSON object"),
        ("{}", "its argument number is missing"),
        ('{"number": null}', "its argument number is missing"),
        ('{"number": 7}', "its argument number is no text"),
        ('{"number": {"$ne": ""}}', "its argument number is no text"),
        ('{"number": ["A1"]}', "its argument number is no text"),
        ('{"number": ""}', "its argument number must have 1 to 10 characters"),
        ('{"number": "\\u200b\\u202e"}', "its argument number must have 1 to 10 characters"),
        ('{"number": "12345678901"}', "its argument number must have 1 to 10 characters"),
        ('{"number": "A1", "contact": "15550100999"}', "it takes no argument 'contact'"),
        ('{"number": "A1", "contact.phone": "1"}', "it takes no argument 'contact.phone'"),
        (f'{{"number": "{"x" * ARGUMENTS_CHARACTERS_MAX}"}}', "its arguments are longer than 4000 characters"),
        ("[" * 3_000, "its arguments are no JSON"),
        ('{"number": "\ud800"}', ""),
    ],
)
def test_what_a_tool_does_not_take_is_refused(text: str, complaint: str) -> None:
    if not complaint:
        assert read_arguments(text, [NUMBER]) == {"number": "?"}
        return
    with pytest.raises(BadArguments) as caught:
        read_arguments(text, [NUMBER])
    assert str(caught.value).startswith(complaint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", "2"), ("count", True), ("count", 1e300), ("is_gift", 1), ("is_gift", "yes"), ("day", "tomorrow"),
        ("day", 20261224), ("day", "2026-02-30"), ("size", "XL"), ("size", ""),
    ],
)  # fmt: skip
def test_values_of_another_kind_are_refused(name: str, value: Any) -> None:
    with pytest.raises(BadArguments, match=f"its argument {name} "):
        read_arguments(json.dumps({**GOOD, name: value}), ALL)


def test_the_schema_admits_what_is_read() -> None:
    known = schema(ToolOffered(name="t", description="d", arguments=ALL))
    jsonschema.Draft202012Validator.check_schema(known)
    jsonschema.validate(GOOD, known)
    assert known["properties"]["number"] == {"type": "string", "maxLength": 10, "description": "On the receipt."}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**GOOD, "contact": "x"}, known)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_whatever_it_says_it_is_read_or_refused(text: str) -> None:
    try:
        values = read_arguments(text, ALL)
    except BadArguments:
        return
    assert set(values) == {one.name for one in ALL}
