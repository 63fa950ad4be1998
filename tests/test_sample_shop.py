"""The sample shop answers what customers ask, with its own knowledge, the shipped search and the stub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontdesk.engine.drafting import PASSAGES_MAX
from frontdesk.knowledge.indexing import index_folder
from frontdesk.ports import Completion
from frontdesk.testing.contracts.language_model import asked
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.sqlite.knowledge import SqliteKnowledge
from frontdesk_plugins.stub_model import Options, StubModel

pytestmark = pytest.mark.anyio

ANSWERS = {
    "What does delivery cost, and how long does it take?": "4.90|two to three working days",
    "how much is shipping??": "4.90",
    "do you deliver tomorrow": "9.90|next working day",
    "Is there express delivery?": "Express delivery costs 9.90",
    "Do you deliver to Norway?": "Norway|12.90",
    "how long does a parcel to Switzerland take": "five to seven working days",
    "do I have to pay customs": "Customs and taxes",
    "My parcel has not arrived": "your order number",
    "Can I return shoes that do not fit?": "30 days|exchanged free of charge",
    "When do I get my money back?": "within five working days",
    "THE BOX CAME DAMAGED!!!": "photo|14 days",
    "hi, when are you open?": "9:00 to 18:00|10:00 to 16:00",
    "Are you open on sunday?": "closed on Sundays",
    "where is your shop": "1 Invented Way",
    "Where are you located?": "1 Invented Way|station",
    "Can I pay with PayPal?": "PayPal",
    "do you take cheques": "do not accept cheques",
    "How much are new heels?": "18.00",
    "How long does a repair take?": "one week",
    "How long is a gift card valid?": "three years",
    "do i get points": "100 points",
}
NOT_KNOWN = ["What is the meaning of life?", "Do you sell bicycles?", "👋", "hello??", "¿Hablas español?"]


@pytest.fixture
async def knowledge(tmp_path: Path) -> AsyncIterator[SqliteKnowledge]:
    async with SqliteKnowledge(tmp_path / "knowledge.db") as knowledge:
        await index_folder(knowledge, Path("config/knowledge"), ManualClock())
        yield knowledge


async def answer(knowledge: SqliteKnowledge, question: str) -> Completion:
    passages = await knowledge.search(question, PASSAGES_MAX)
    return await StubModel(Options().sentences_max).complete(asked(question), passages)


@pytest.mark.parametrize("question", ANSWERS)
async def test_a_question_is_answered_with_the_right_words(knowledge: SqliteKnowledge, question: str) -> None:
    text = (await answer(knowledge, question)).text
    for words in ANSWERS[question].split("|"):
        assert words in text


async def test_the_price_of_a_delivery_at_home_is_not_the_one_abroad(knowledge: SqliteKnowledge) -> None:
    assert "12.90" not in (await answer(knowledge, "What does delivery cost, and how long does it take?")).text


@pytest.mark.parametrize("question", NOT_KNOWN)
async def test_what_the_shop_does_not_know_is_not_answered(knowledge: SqliteKnowledge, question: str) -> None:
    assert not (await answer(knowledge, question)).is_answer
