"""The stub keeps the promises of a language model, and always says the same."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from frontdesk.core.prompt import Passage
from frontdesk.ports import LanguageModel
from frontdesk.testing.contracts import LanguageModelContract
from frontdesk.testing.contracts.language_model import PASSAGES, QUESTION, asked
from frontdesk_plugins.stub_model import StubModel

pytestmark = pytest.mark.anyio


class TestStubModel(LanguageModelContract):
    @pytest.fixture
    async def model(self) -> AsyncIterator[LanguageModel]:
        async with StubModel(sentences_max=3) as model:
            yield model


async def test_it_always_says_the_same() -> None:
    one, two = [await StubModel(sentences_max=3).complete(QUESTION, PASSAGES) for _ in range(2)]
    assert one == two
    assert one.text == "We are open from 9:00 to 18:00. Closed on Sundays."
    assert one.sources == ("hours.md#0",)


async def test_it_admits_that_it_knows_nothing() -> None:
    completion = await StubModel(sentences_max=3).complete(QUESTION, ())
    assert (completion.is_answer, completion.text) == (False, "")


async def test_a_passage_without_words_is_no_answer() -> None:
    empty = Passage(id="a", title="Opening hours", text=" \n ")
    assert not (await StubModel(sentences_max=3).complete(QUESTION, [empty])).is_answer
    assert (await StubModel(sentences_max=3).complete(QUESTION, [empty, *PASSAGES])).sources == ("hours.md#0",)


async def test_it_says_no_more_sentences_than_it_may() -> None:
    passage = Passage(id="a", title="", text="Red shoes. Blue shoes. Green shoes. A hat.")
    completion = await StubModel(sentences_max=2).complete(asked("Which shoes?"), [passage])
    assert completion.text == "Red shoes. Blue shoes."
