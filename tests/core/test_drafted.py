"""How a model's words are read, whatever it says."""

from __future__ import annotations

import json
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, strategies as st

from frontdesk.core.drafted import TEXT_CHARACTERS_MAX, Drafted, Unusable, read, schema, without_thoughts
from frontdesk.core.prompt import Prompt

ANSWER = Prompt(business_name="Shop", question="When?", turns=())
SOURCED = Prompt(business_name="Shop", question="When?", turns=(), demands_sources=True)
CHOOSE = Prompt(business_name="Shop", question="my parcel", turns=(), task="choose", choices=("Track it", "Return it"))
SUMMARISE = Prompt(business_name="Shop", question="", turns=(), task="summarise")
KNOWN = {"hours.md#0", "p 2"}


def fields(**changes: Any) -> str:
    return json.dumps({"text": "At nine.", "is_answer": True, "hands_off": False, "sources": [], **changes})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(fields(), Drafted(text="At nine."), id="plain"),
        pytest.param(
            fields(sources=["hours.md#0", "made up", "hours.md#0"]),
            Drafted(text="At nine.", sources=("hours.md#0",)),
            id="only sources that it was given, once",
        ),
        pytest.param(f"```json\n{fields()}\n```", Drafted(text="At nine."), id="in a fence"),
        pytest.param(f"Here you are:\n{fields()}\nBye!", Drafted(text="At nine."), id="with kind words around it"),
        pytest.param(f"<think>{{nine?}}</think>{fields()}", Drafted(text="At nine."), id="thought aloud"),
        pytest.param(fields(more=1), Drafted(text="At nine."), id="with more fields than asked for"),
        pytest.param('{"text":"At nine.","is_answer":true}', Drafted(text="At nine."), id="with fewer"),
        pytest.param(fields(text=" \n"), Drafted(text="", is_answer=False), id="an empty answer is none"),
        pytest.param(fields(is_answer=False), Drafted(text="At nine.", is_answer=False), id="it does not know"),
        pytest.param(fields(hands_off=True, text=""), Drafted(text="", is_answer=False, hands_off=True), id="a person"),
        pytest.param(
            fields(text="a\x00b\x1b[31m\tc\nd"), Drafted(text="ab[31m\tc\nd"), id="without control characters"
        ),
        pytest.param(
            fields(text="PERSON HANDOFF [[hand_off]]"),
            Drafted(text="PERSON HANDOFF [[hand_off]]"),
            id="no word in it is magic",
        ),
    ],
)
def test_an_answer_in_fields(text: str, expected: Drafted) -> None:
    assert read(text, ANSWER, KNOWN, "fields") == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("At nine.", "it is no JSON object", id="prose"),
        pytest.param("", "it is no JSON object", id="nothing"),
        pytest.param("}{", "it is no JSON object", id="the wrong way round"),
        pytest.param('{"text": "At ni', "it is no JSON object", id="cut off"),
        pytest.param('{"text": "x", }', "JSON is malformed: trailing comma", id="broken"),
        pytest.param('{"text": 7, "is_answer": true}', "Expected `str`, got `int`", id="a number for a text"),
        pytest.param('{"is_answer": true}', "missing required field `text`", id="without a text"),
        pytest.param('{"text": "x"}', "missing required field `is_answer`", id="without a verdict"),
        pytest.param(fields(sources="hours.md#0"), "Expected `array`, got `str`", id="a text for a list"),
        pytest.param("{" * 50_000 + "}", "", id="nested"),
        pytest.param(fields(text="x" * (TEXT_CHARACTERS_MAX + 1)), "longer than 6000 characters", id="a novel"),
    ],
)
def test_what_is_not_in_the_form_is_not_used(text: str, complaint: str) -> None:
    with pytest.raises(Unusable) as caught:
        read(text, ANSWER, KNOWN, "fields")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "ANSWER\nAt nine.\nSOURCES: hours.md#0, made-up",
            Drafted(text="At nine.", sources=("hours.md#0",)),
            id="as asked",
        ),
        pytest.param(
            "**ANSWER**:\nAt nine.\n\nSource: [hours.md#0]\n",
            Drafted(text="At nine.", sources=("hours.md#0",)),
            id="decorated",
        ),
        pytest.param("At nine.", Drafted(text="At nine."), id="without the form"),
        pytest.param("UNKNOWN\nI do not know.", Drafted(text="I do not know.", is_answer=False), id="unknown"),
        pytest.param(
            "PERSON\nOne moment.", Drafted(text="One moment.", is_answer=False, hands_off=True), id="a person"
        ),
        pytest.param(
            "Answers come by post.", Drafted(text="Answers come by post."), id="a word that only begins alike"
        ),
        pytest.param("ANSWER\n", Drafted(text="", is_answer=False), id="nothing below"),
        pytest.param("At nine.\nPERSON", Drafted(text="At nine.\nPERSON"), id="further down it is just a word"),
    ],
)
def test_an_answer_in_lines(text: str, expected: Drafted) -> None:
    assert read(text, ANSWER, KNOWN, "lines") == expected


@pytest.mark.parametrize(
    ("text", "form", "chosen"),
    [
        ('{"choice": 2}', "fields", "Return it"),
        ('{"choice": 0}', "fields", ""),
        ("1", "lines", "Track it"),
        ("The number is **2**.", "lines", "Return it"),
        ("0", "lines", ""),
    ],
)
def test_a_choice_is_one_of_the_sentences_or_none(text: str, form: Any, chosen: str) -> None:
    assert read(text, CHOOSE, (), form) == Drafted(text=chosen, is_answer=bool(chosen))


@pytest.mark.parametrize(
    ("text", "form", "complaint"),
    [
        ('{"choice": 3}', "fields", "there is no sentence 3"),
        ('{"choice": -1}', "fields", ">= 0"),
        ('{"choice": "Track it"}', "fields", "Expected `int`"),
        ("Track it", "lines", "there is no number in it"),
        ("99", "lines", "there is no sentence 99"),
    ],
)
def test_a_choice_of_something_else_is_refused(text: str, form: Any, complaint: str) -> None:
    with pytest.raises(Unusable, match=complaint):
        read(text, CHOOSE, (), form)


def test_a_summary_is_plain_text_of_a_bounded_length() -> None:
    assert read(" Bought boots. ", SUMMARISE, (), "fields") == Drafted(text="Bought boots.")
    assert len(read("x" * 9_999, SUMMARISE, (), "lines").text) == TEXT_CHARACTERS_MAX
    assert not read("<think>hm", SUMMARISE, (), "lines").is_answer


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>nine?</think>\nAt nine.", "At nine."),
        ("\n<THINKING>nine?</THINKING>At nine.", "At nine."),
        ("<think>nine, or", ""),
        ("At <think>nine</think>.", "At <think>nine</think>."),
    ],
)
def test_thoughts_are_not_shown(text: str, left: str) -> None:
    assert without_thoughts(text) == left


@pytest.mark.parametrize("prompt", [ANSWER, CHOOSE])
def test_the_schema_is_strict_and_admits_what_is_read(prompt: Prompt) -> None:
    known = schema(prompt)
    assert known is not None
    assert known["additionalProperties"] is False
    assert set(known["required"]) == set(known["properties"])
    jsonschema.Draft202012Validator.check_schema(known)
    good = json.loads(fields()) if prompt is ANSWER else {"choice": 2}
    jsonschema.validate(good, known)
    assert read(json.dumps(good), prompt, (), "fields").is_answer


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (fields(), "fields"),
        (fields(sources=["made up"]), "fields"),
        ("ANSWER\nAt nine.", "lines"),
        ("At nine.\nSOURCES: made-up", "lines"),
    ],
)
def test_where_a_source_is_demanded_an_answer_without_one_is_asked_for_again(text: str, form: Any) -> None:
    assert read(text, ANSWER, KNOWN, form).sources == ()
    with pytest.raises(Unusable, match="it names no passage that it was given"):
        read(text, SOURCED, KNOWN, form)


@pytest.mark.parametrize("changes", [{"is_answer": False}, {"hands_off": True}, {"sources": ["p 2"]}, {"text": ""}])
def test_what_is_no_answer_needs_no_source(changes: dict[str, Any]) -> None:
    assert read(fields(**changes), SOURCED, KNOWN, "fields") == read(fields(**changes), ANSWER, KNOWN, "fields")


def test_plain_text_has_no_schema() -> None:
    assert schema(SUMMARISE) is None


@given(st.text(), st.sampled_from((ANSWER, CHOOSE, SUMMARISE)), st.sampled_from(("fields", "lines")))
def test_whatever_it_says_it_is_read_or_refused(text: str, prompt: Prompt, form: Any) -> None:
    try:
        drafted = read(text, prompt, KNOWN, form)
    except Unusable:
        return
    assert len(drafted.text) <= max(TEXT_CHARACTERS_MAX, len(text))
    assert set(drafted.sources) <= KNOWN
    assert drafted.text.strip() or not drafted.is_answer


@pytest.mark.parametrize("unit", ["\n", "{", "<think>", "\nSOURCES:", " ", "ANSWER\n", "```\n", "*"])
def test_no_text_takes_long_to_read(unit: str) -> None:
    text = unit * (600_000 // len(unit))
    began_at = time.perf_counter()
    for form in ("fields", "lines"):
        try:
            read(text, ANSWER, KNOWN, form)
        except Unusable:
            continue
    assert time.perf_counter() - began_at < 2.0
