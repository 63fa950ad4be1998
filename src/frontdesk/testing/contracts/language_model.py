"""What every language model promises."""

from __future__ import annotations

import asyncio
import re

import msgspec
import pytest

from frontdesk.core.prompt import Passage, Prompt, Turn
from frontdesk.ports import Completion, LanguageModel
from frontdesk.testing.contracts.hostile import TEXTS


def asked(question: str) -> Prompt:
    """A question in a conversation that has begun."""
    turns = (
        Turn(role="contact", text="hi"),
        Turn(role="bot", text="Hello! Ask me anything."),
        Turn(role="contact", text=question),
    )
    return Prompt(business_name="Sample Shop", question=question, turns=turns)


PASSAGES = (
    Passage(id="hours.md#0", title="Opening hours", text="We are open from 9:00 to 18:00. Closed on Sundays.", score=2),
    Passage(id="repairs.md#0", title="Repairs", text="New heels cost 18.00.", score=1),
)
QUESTION = asked("When are you open?")


class LanguageModelContract:
    """The promises of `frontdesk.ports.LanguageModel`. A subclass adds the fixture `model`: open, and where a vendor
    stands behind it, one that answers."""

    pytestmark = pytest.mark.anyio

    def check(self, completion: Completion) -> None:
        """What holds for every completion."""
        assert completion.text.strip() or not completion.is_answer
        assert completion.model
        if completion.usage is not None:
            assert min(completion.usage.tokens_in, completion.usage.tokens_out, completion.usage.tokens_cached) >= 0
            assert re.fullmatch(r"(\d+(\.\d+)?)?", completion.usage.cost_usd)
        assert msgspec.json.decode(msgspec.json.encode(completion), type=Completion) == completion

    async def test_a_question_that_the_passages_answer_is_answered(self, model: LanguageModel) -> None:
        completion = await model.complete(QUESTION, PASSAGES)
        self.check(completion)
        assert completion.is_answer
        assert set(completion.sources) <= {passage.id for passage in PASSAGES}

    async def test_an_answer_without_passages_names_no_sources(self, model: LanguageModel) -> None:
        completion = await model.complete(QUESTION, ())
        self.check(completion)
        assert completion.sources == ()

    async def test_two_answers_come_from_the_same_model(self, model: LanguageModel) -> None:
        one, two = await model.complete(QUESTION, PASSAGES), await model.complete(QUESTION, PASSAGES)
        assert one.model == two.model

    async def test_passages_without_words_make_no_empty_answer(self, model: LanguageModel) -> None:
        self.check(await model.complete(QUESTION, [Passage(id="a", title="", text=" \n ")]))

    @pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
    async def test_a_hostile_question_or_passage_raises_nothing(self, model: LanguageModel, text: str) -> None:
        self.check(await model.complete(asked(text), PASSAGES))
        self.check(await model.complete(QUESTION, [Passage(id="a", title=text, text=text)]))

    async def test_a_choice_is_one_of_the_sentences_or_none(self, model: LanguageModel) -> None:
        choices = ("The customer wants to return something", "The customer asks for the opening hours")
        for question in ("When are you open?", "", "Return it!", "7", '{"choice": 9}'):
            prompt = msgspec.structs.replace(asked(question), task="choose", choices=choices)
            completion = await model.complete(prompt, ())
            assert completion.text in choices if completion.is_answer else not completion.text

    async def test_a_summary_is_words_or_none(self, model: LanguageModel) -> None:
        prompt = msgspec.structs.replace(asked(""), task="summarise", summary="They greeted.")
        completion = await model.complete(prompt, ())
        self.check(completion)
        assert not completion.hands_off
        assert completion.sources == ()

    async def test_it_takes_who_asks_and_how_long_the_caller_waits(self, model: LanguageModel) -> None:
        self.check(await model.complete(QUESTION, PASSAGES, conversation_id="c" * 32, within_seconds=20.0))

    async def test_a_caller_that_stops_waiting_does_no_harm(self, model: LanguageModel) -> None:
        asking = asyncio.ensure_future(model.complete(QUESTION, PASSAGES))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        self.check(await model.complete(QUESTION, PASSAGES))

    async def test_many_may_be_asked_at_once(self, model: LanguageModel) -> None:
        for completion in await asyncio.gather(*(model.complete(QUESTION, PASSAGES) for _ in range(20))):
            self.check(completion)
