"""What every knowledge search promises."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from frontdesk.ports import Knowledge
from frontdesk.testing.contracts.hostile import TEXTS

DOCUMENTS = {
    "kitchen.md": "# Dessert\n\nCrème brûlée is served warm.\n\n# Breakfast\n\nEggs are fried or boiled.\n",
    "parcels.md": "Parcels are delivered on workdays.\n\n## Parcels abroad\n\nA parcel abroad needs a week.\n",
    "more/pets.md": "# Pets\n\nSmall dogs may stay in every room.\n\n## Nothing is said here\n",
}
SECONDS_MAX = 1.0


class KnowledgeContract:
    """The promises of `frontdesk.ports.Knowledge`. A subclass adds the fixture `knowledge`: a search of the Markdown
    files in `folder`, open."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """What the business knows."""
        for name, text in DOCUMENTS.items():
            file = tmp_path / "knowledge" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return tmp_path / "knowledge"

    async def best(self, knowledge: Knowledge, query: str) -> str:
        """The title of the best passage."""
        found = await knowledge.search(query, 5)
        assert found, query
        return found[0].title

    @pytest.mark.parametrize(
        ("query", "title"),
        [
            ("Do you have a dessert?", "Dessert"),
            ("CREME BRULEE", "Dessert"),
            ("crêmé", "Dessert"),
            ("delivering", "parcels"),
            ("DELIVERED?!", "parcels"),
            ("my parcel goes abroad", "Parcels abroad"),
            ("a dog", "Pets"),
            ("is my dog's room small", "Pets"),
            ("who fries an egg", "Breakfast"),
        ],
    )
    async def test_words_are_found_whatever_their_form_case_and_accents(
        self, knowledge: Knowledge, query: str, title: str
    ) -> None:
        assert await self.best(knowledge, query) == title

    async def test_the_best_comes_first(self, knowledge: Knowledge) -> None:
        found = await knowledge.search("parcels abroad", 5)
        assert [passage.title for passage in found] == ["Parcels abroad", "parcels"]
        assert found[0].score > found[1].score

    async def test_no_more_is_found_than_asked_for(self, knowledge: Knowledge) -> None:
        for limit in (0, 1, 2):
            assert len(await knowledge.search("parcel dog egg dessert", limit)) == limit

    @pytest.mark.parametrize("query", ["", " ", "?!", "👩‍🌾", "and the of what", "xyzzy", "\0"])
    async def test_nothing_is_found_for_nothing(self, knowledge: Knowledge, query: str) -> None:
        assert list(await knowledge.search(query, 5)) == []

    async def test_a_passage_says_where_it_stands(self, knowledge: Knowledge) -> None:
        found = await knowledge.search("parcel dog egg dessert", 10)
        assert len({passage.id for passage in found}) == len(found) == 5
        assert all(passage.text for passage in found)
        assert list(await knowledge.search("parcel dog egg dessert", 10)) == list(found)

    @pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
    async def test_a_hostile_query_raises_nothing_and_is_quick(self, knowledge: Knowledge, text: str) -> None:
        began_at = asyncio.get_running_loop().time()
        for query in (text, f"dog {text}", f"{text} dog"):
            await knowledge.search(query, 5)
        assert asyncio.get_running_loop().time() - began_at < SECONDS_MAX

    async def test_many_may_ask_at_once(self, knowledge: Knowledge) -> None:
        found = await asyncio.gather(*(knowledge.search("dog", 1) for _ in range(50)))
        assert {passages[0].title for passages in found} == {"Pets"}
