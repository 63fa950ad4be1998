"""Which language the script of a text tells."""

from __future__ import annotations

import pytest

from frontdesk.core.language import LETTERS_MAX, detect

BOTH = ("en", "hi", "ja", "zh")


@pytest.mark.parametrize(
    ("text", "languages", "found"),
    [
        ("मेरा ऑर्डर कहाँ है", BOTH, "hi"),
        ("मेरा ऑर्डर कहाँ है", ("en", "mr"), "mr"),
        ("मेरा ऑर्डर कहाँ है", ("en", "ta"), ""),
        ("मेरा ऑर्डर", ("en", "hi_IN"), "hi_IN"),
        ("where is my order", BOTH, ""),
        ("¿dónde está?", ("en", "es"), ""),
        ("", BOTH, ""),
        ("१२३ 👍", BOTH, ""),
        ("注文はどこ", BOTH, "ja"),
        ("我的订单在哪里", ("en", "zh"), "zh"),
    ],
)
def test_a_script_tells_the_first_language_that_is_written_in_it(
    text: str, languages: tuple[str, ...], found: str
) -> None:
    assert detect(text, languages) == found


@pytest.mark.parametrize(("text", "found"), [("नम abc", ""), ("नम ab", ""), ("नमस ab", "hi")])
def test_it_tells_only_by_more_than_half_of_the_letters(text: str, found: str) -> None:
    assert detect(text, BOTH) == found


def test_only_the_beginning_of_a_long_text_counts() -> None:
    assert detect("न" * LETTERS_MAX + "a" * 5_000, BOTH) == "hi"
    assert detect("a" * LETTERS_MAX + "न" * 5_000, BOTH) == ""
