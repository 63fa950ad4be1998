"""A recorded conversation becomes an example that passes, and that does not tell who it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from flow_tests.recorded import (
    PHONE,
    SHOP,
    Play,
    asked_for_an_order,
    complained,
    left_a_question_alone,
    recording,
)
from frontdesk.core.policy import Policy
from frontdesk.flow_tests.examples import read_examples
from frontdesk.flow_tests.recording import Exported, export, flowing, quoted
from frontdesk.flow_tests.redaction import Redactor
from frontdesk.flow_tests.running import Results, play_all
from frontdesk.flows.book import compile_book

pytestmark = pytest.mark.anyio
BOOK = compile_book(SHOP)


async def exported(play: Play, folder: Path) -> Exported:
    async with recording(folder) as shop:
        await play(shop)
        state = await shop.store.conversation(await shop.known())
        assert state is not None
        return export("Recorded", await shop.journal(), state, BOOK.rules.zone)


def played(text: str) -> Results:
    read = read_examples({"x.test.yaml": text})
    assert read.findings == ()
    return play_all(BOOK, read.found, Policy())


@pytest.mark.parametrize("play", [asked_for_an_order, left_a_question_alone, complained])
async def test_what_was_recorded_passes_as_an_example(play: Play, tmp_path: Path) -> None:
    found = await exported(play, tmp_path)
    results = played(found.text)
    assert [one.failure for one in results.failed] == [], found.text
    assert found.left_out == ()
    assert "Look at it before you share it" in found.text


async def test_an_example_shows_what_was_said_answered_and_called(tmp_path: Path) -> None:
    text = (await exported(asked_for_an_order, tmp_path)).text
    assert '- customer: {tap: "Order status"}' in text
    assert '"GET /orders/A1001": [{status: 200, body: {status: "shipped", expected_on: "2026-11-04"' in text
    assert 'model: ["Yes, Kim, of order +12025550102 too."]' in text
    assert "- wait: 2" in text
    assert "at: 2026-11-02 11:00:" in text
    [line] = [one for one in text.splitlines() if one.startswith("  expect:")]
    assert 'handler: "bot", ended: true' in line
    text = (await exported(complained, tmp_path / "other")).text
    assert '- customer: {image: "file", caption: "Kim\'s shoe"}' in text
    assert '- agent: "Hello Kim, this is Priya."' in text
    assert 'tags: ["complaint"]' in text
    assert 'team: "complaints"' in text


@pytest.mark.parametrize("play", [asked_for_an_order, complained])
async def test_nothing_tells_who_it_was(play: Play, tmp_path: Path) -> None:
    text = (await exported(play, tmp_path)).text.casefold()
    for personal in ("asha", "verma", PHONE, "98765", "123456789", "priya@"):
        assert personal not in text


async def test_an_example_fails_where_the_flows_say_something_else(tmp_path: Path) -> None:
    text = (await exported(asked_for_an_order, tmp_path)).text
    changed = {**SHOP, "order_status.yaml": SHOP["order_status.yaml"].replace("is on its way with", "travels with")}
    results = play_all(compile_book(changed), read_examples({"x.test.yaml": text}).found, Policy())
    (failed,) = results.failed
    assert failed.failure is not None
    assert failed.failure.sentence == "the bot says something else than this line expects"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Mira Rao here", "Kim Doe here"),
        ("mira, MIRA and Mirabelle", "Kim, Kim and Mirabelle"),
        ("Call +91 98765 43210 or 09876543210", "Call +12025550101 or +12025550101"),
        ("919876543210", "12025550101"),
        ("mira.rao@shop.example and Mira.Rao@Shop.example", "person1@example.com and person1@example.com"),
        ("order 123456, again 123456, then 654321", "order 900001, again 900001, then 900002"),
        ("on 2026-11-04 11:00, 24.12.2026, A1001: 250.00", "on 2026-11-04 11:00, 24.12.2026, A1001: 250.00"),
    ],
)
def test_what_tells_who_it_is_becomes_something_that_stays_the_same(text: str, redacted: str) -> None:
    assert Redactor(["Mira Rao"]).heard(text) == redacted


def test_data_paths_and_places_are_redacted_too() -> None:
    redactor = Redactor(["Mira Rao"])
    redactor.heard("+919876543210")
    assert redactor.data({"to": ["+919876543210", 7, True, None, 1234567]}) == {
        "to": ["+12025550101", 7, True, None, 9000001]
    }
    assert redactor.path("/c/%2B919876543210/Mira?q=Rao&n=1") == "/c/%2B12025550101/Kim?q=Doe&n=1"
    assert redactor.place(12.97, 77.59) == (1.0, 1.0)
    assert redactor.place(12.97, 77.59) == (1.0, 1.0)
    assert redactor.text("at 12.97,77.59") == "at 1,1"
    assert Redactor([]).name("") == ""


@pytest.mark.parametrize("text", ['a "b" \\ c', "नमस्ते 👩‍🌾", "two\nlines", "- x: {y}", "\x07bell", "#", "null"])
def test_any_text_can_be_written_into_a_file(text: str) -> None:
    example = f"- name: {quoted(text)}\n  talk: [{{customer: {quoted(text)}}}]\n  expect: {flowing({'ended': True})}\n"
    read = read_examples({"x.test.yaml": example})
    assert read.findings == ()
    (found,) = read.found
    assert found.name == text.replace("\x07", "�")
