"""Numbers, amounts and errors of servers that keep to no schema."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from frontdesk.testing.contracts.hostile import BODIES
from frontdesk_plugins.openrouter.errors import failure, refusal_in, refusal_of, retry_after
from frontdesk_plugins.openrouter.options import Options
from frontdesk_plugins.openrouter.reading import cost, decode, number, seconds, within
from frontdesk_plugins.openrouter.reply import reply_in, trouble

NOW = datetime(2026, 11, 20, 4, 46, 40, tzinfo=UTC)
OPTIONS = Options(model="m")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.000913", "0.000913"),
        ("9.13e-4", "0.000913"),
        ("1.50", "1.5"),
        (0, "0"),
        (2, "2"),
        ("-1", ""),
        (-1, ""),
        ("NaN", ""),
        ("Infinity", ""),
        ("1e999999", ""),
        ("1e-999999", ""),
        ("0." + "1" * 99, ""),
        ("a lot", ""),
        (None, ""),
        (True, ""),
        ([], ""),
    ],
)
def test_an_amount_is_decimal_text_or_unknown(value: Any, expected: str) -> None:
    assert cost(value) == expected


def test_an_amount_keeps_its_digits_on_the_way() -> None:
    assert cost(within(decode(b'{"usage":{"cost":0.1000000000000000055}}'), "usage", "cost")) == "0.1000000000000000055"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), ("7", 7), (0, 0), (-7, None), (True, None), ("7.5", None), (10**15, None), ("x", None), (None, None)],
)
def test_a_count_is_a_whole_number_or_nothing(value: Any, expected: int | None) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(4, 4.0), ("2.5", 2.5), ("nan", None), (-1, None), ("1e400", None), (10**400, None)]
)
def test_a_span_is_one_that_somebody_may_mean(value: Any, expected: float | None) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "40"}, 40.0),
        ({"Retry-After": "Fri, 20 Nov 2026 04:47:10 GMT"}, 30.0),
        ({"Retry-After": "Fri, 20 Nov 2020 04:47:10 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"X-RateLimit-Reset": "1795150060000"}, 60.0),
        ({"X-RateLimit-Reset": "1795150060"}, 60.0),
        ({"X-RateLimit-Reset": "1"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after(httpx.Headers(headers), NOW) == expected


@pytest.mark.parametrize(
    ("body", "status", "code", "kind", "message"),
    [
        ({"error": "text"}, 400, 400, "", "text"),
        ({"error": {"message": "m", "code": "429"}}, 200, 429, "", "m"),
        ({"error": {"message": "m", "code": "server_error"}}, 500, 500, "server_error", "m"),
        ({"error": {"message": "m", "http_status": 404}}, 200, 404, "", "m"),
        ({"error": {"message": ["m"], "code": None, "type": 7}}, 418, 418, "", ""),
        ({"object": "error", "message": "m", "code": 400}, 200, 400, "", "m"),
        ({"choices": [{"error": {"code": 502, "message": "m"}}]}, 200, 502, "", "m"),
        ({"error": ["m"]}, 500, 500, "", ""),
    ],
)
def test_an_error_is_found_wherever_it_hides(body: Any, status: int, code: int, kind: str, message: str) -> None:
    refusal = refusal_in(body, status)
    assert refusal is not None
    assert (refusal.code, refusal.kind, refusal.message) == (code, kind, message)


@pytest.mark.parametrize("body", [{}, {"error": None}, {"error": ""}, {"choices": [{"error": None}]}, [], None, 7])
def test_no_error_is_no_error(body: Any) -> None:
    assert refusal_in(body, 200) is None


def test_a_filter_is_named_word_for_word_and_what_the_contact_wrote_is_not() -> None:
    body = b"""{"error":{"message":"No endpoints match.","http_status":404,"metadata":{"flagged_input":"my secret",
        "raw":"my secret"},"availability":{"code":"constraint_filtered","retryable":false,
        "excluded_by":["data_policy:zdr"],"constraint":{"detail":"no host keeps nothing"}}}}"""
    said = str(failure(refusal_of(body, 404), httpx.Headers(), NOW))
    assert "Excluded by data_policy:zdr. no host keeps nothing." in said
    assert "my secret" not in said


def test_what_the_vendor_says_can_be_tried_again_is() -> None:
    for retryable, expected in ((True, "TemporaryFailure"), (False, "PermanentFailure")):
        for code in (400, 429, 503):
            body = {"error": {"code": code, "availability": {"code": "new_word", "retryable": retryable}}}
            refusal = refusal_in(body, code)
            assert refusal is not None
            found = failure(refusal, httpx.Headers(), NOW)
            assert (type(found).__name__, found.code) == (expected, "new_word")


def test_words_of_a_server_are_bounded() -> None:
    word = "x" * 9_999
    availability = {"code": word, "excluded_by": [word, 7, word], "constraint": {"detail": word}}
    refusal = refusal_in({"error": {"code": 404, "message": word, "availability": availability}}, 404)
    assert refusal is not None
    found = failure(refusal, httpx.Headers(), NOW)
    assert len(found.code) == 64
    assert len(str(found)) < 1_200


def test_a_page_is_quoted_briefly() -> None:
    said = str(failure(refusal_of(b"<html>" + b"x" * 9_999, 502), httpx.Headers(), NOW))
    assert "<html>xxx" in said
    assert len(said) < 500


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("status", [200, 400, 500, 302, 999])
def test_nothing_that_strangers_answer_raises(body: bytes, status: int) -> None:
    assert str(failure(refusal_of(body, status), httpx.Headers(), NOW))
    reply = reply_in(decode(body), OPTIONS)
    assert trouble(reply) is not None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hello", "Hello"),
        ([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}, {"type": "image_url"}], "Hello"),
        (None, ""),
        ({"text": "Hello"}, ""),
    ],
)
def test_a_content_is_a_text_or_its_parts(content: Any, text: str) -> None:
    assert reply_in({"choices": [{"message": {"content": content}}]}, OPTIONS).text == text


def test_a_finish_reason_that_nobody_knows_is_an_end_if_there_are_words() -> None:
    body = {"choices": [{"finish_reason": "eos", "message": {"content": "Hello", "tool_calls": [{}]}}]}
    assert trouble(reply_in(body, OPTIONS)) is None
