"""From the Markdown that models write to WhatsApp's marks, in pieces that fit."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings, strategies as st

from frontdesk.core.markup import length, split, to_whatsapp


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        pytest.param("plain text, 3 * 4 = 12 and a_b_c", "plain text, 3 * 4 = 12 and a_b_c", id="no markdown"),
        pytest.param("**bold** and __bold__", "*bold* and *bold*", id="bold"),
        pytest.param("*italic* and _italic_", "_italic_ and _italic_", id="italic"),
        pytest.param("***both***", "*_both_*", id="bold italic"),
        pytest.param("**bold with *italic* inside**", "*bold with _italic_ inside*", id="italic in bold"),
        pytest.param("~~struck~~", "~struck~", id="struck"),
        pytest.param("snake__case__name", "snake__case__name", id="underscores in words"),
        pytest.param("# Title\n## Sub ##\ntext", "*Title*\n*Sub*\ntext", id="headings"),
        pytest.param("#hashtag", "#hashtag", id="a hash without a blank"),
        pytest.param("* one\n+ two\n- three\n  * four", "- one\n- two\n- three\n  - four", id="lists"),
        pytest.param("1. one\n2. two", "1. one\n2. two", id="numbered lists"),
        pytest.param("a\n\n---\n\nb", "a\n\nb", id="rules"),
        pytest.param("see [our page](https://a.example/x)", "see our page (https://a.example/x)", id="links"),
        pytest.param("[https://a.example](https://a.example)", "https://a.example", id="a link to itself"),
        pytest.param("[](https://a.example)", "https://a.example", id="a link without words"),
        pytest.param('[a](https://a.example "title")', "a (https://a.example)", id="a link with a title"),
        pytest.param("![shoe](https://a.example/s.png)", "shoe (https://a.example/s.png)", id="pictures"),
        pytest.param("[a](https://a.example/_x_*y*)", "a (https://a.example/_x_*y*)", id="marks in an address"),
        pytest.param("`a **b** c`", "`a **b** c`", id="marks in code"),
        pytest.param("```python\nx = **y**\n```", "```x = **y**```", id="a block of code"),
        pytest.param("```\nunclosed", "```unclosed```", id="a block that does not end"),
        pytest.param("| a | b |\n|---|:-:|\n| 1 | 2 |", "a – b\n1 – 2", id="tables"),
        pytest.param("a | b\n- | -\n1 | 2", "a | b\n1 | 2", id="tables without borders"),
        pytest.param("Regards,\n-- Asha", "Regards,\n-- Asha", id="a signature"),
        pytest.param("--- so much ---", "--- so much ---", id="dashes around words"),
        pytest.param("a  \n\n\n\nb\r\nc", "a\n\nb\nc", id="blanks"),
        pytest.param("[`code`](https://a.example)", "`code` (https://a.example)", id="code in a link"),
        pytest.param("\ufdd0\ufdd1x", "x", id="our own marks are taken out"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_markdown_as_whatsapp_shows_it(markdown: str, shown: str) -> None:
    assert to_whatsapp(markdown) == shown


@given(st.text(alphabet='*_~`[]()|-#!\n\r ab1.\ufdd0\ufdd1"', max_size=80))
def test_whatever_a_model_writes_becomes_text_without_our_marks(markdown: str) -> None:
    shown = to_whatsapp(markdown)
    assert not re.search("[\ufdd0\ufdd1]", shown)
    assert shown == shown.strip()
    assert "\n\n\n" not in shown or "```" in markdown or "`" in markdown


@given(
    st.text(
        alphabet=st.characters(categories=["L", "N", "P", "Zs", "So"], exclude_characters="*_~`[]|#-+"), max_size=60
    )
)
def test_what_is_no_markdown_passes_unchanged_but_for_blanks(text: str) -> None:
    assert to_whatsapp(text) == text.rstrip(" \t").strip()


@pytest.mark.parametrize(
    ("text", "limit", "pieces"),
    [
        pytest.param("short", 10, ("short",), id="what fits is one piece"),
        pytest.param("", 10, (), id="nothing is no piece"),
        pytest.param(" \n ", 10, (), id="blanks are no piece"),
        pytest.param("One two.\n\nThree four.", 14, ("One two.", "Three four."), id="between paragraphs"),
        pytest.param("One two. Three four. Five", 16, ("One two.", "Three four. Five"), id="between sentences"),
        pytest.param("One two. Three four. Five", 20, ("One two. Three four.", "Five"), id="after one that just fits"),
        pytest.param("abcd efgh", 4, ("abcd", "efgh"), id="after a word that just fits"),
        pytest.param("One two three four", 10, ("One two", "three four"), id="between words"),
        pytest.param("abcdefghij", 4, ("abcd", "efgh", "ij"), id="anywhere"),
        pytest.param("line one\nline two x", 12, ("line one", "line two x"), id="between lines"),
        pytest.param("🙂🙂🙂", 4, ("🙂🙂", "🙂"), id="emoji count twice and stay whole"),
        pytest.param("Ja? 「そう。」 Nein.", 12, ("Ja? 「そう。」", "Nein."), id="sentence ends of other scripts"),
    ],
)
def test_a_text_in_pieces(text: str, limit: int, pieces: tuple[str, ...]) -> None:
    assert split(text, limit) == pieces


@settings(max_examples=300)
@given(
    text=st.text(alphabet=st.sampled_from("ab. \n!?🙂é。"), max_size=200) | st.text(max_size=200),
    limit=st.integers(2, 60),
)
def test_pieces_fit_and_lose_nothing_but_blanks(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(0 < length(piece) <= limit for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(piece == piece.strip() for piece in pieces)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_length_counts_utf_16_units(text: str) -> None:
    assert length(text) == len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize("hostile", ["[", "~~a ", " \n", " \t", "**a", "*a", "`", "|-", "![a](b "])
def test_what_repeats_a_mark_for_ever_takes_no_time(hostile: str) -> None:
    began_at = time.process_time()
    to_whatsapp(hostile * (65_536 // len(hostile)) + "x")
    assert time.process_time() - began_at < 2.0
