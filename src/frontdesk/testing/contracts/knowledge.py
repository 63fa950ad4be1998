"""What every knowledge search promises, and what every index of passages does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from frontdesk.core.prompt import Passage
from frontdesk.knowledge.indexing import index_folder
from frontdesk.ports import Knowledge, KnowledgeFile, KnowledgeIndex
from frontdesk.testing.contracts.hostile import TEXTS
from frontdesk.testing.doubles import ManualClock

DOCUMENTS = {
    "kitchen.md": "# Dessert\n\nCrème brûlée is served warm.\n\n# Breakfast\n\nEggs are fried or boiled.\n",
    "parcels.md": "Parcels are delivered on workdays.\n\n## Parcels abroad\n\nA parcel abroad needs a week.\n",
    "more/pets.md": "# Pets\n\nSmall dogs may stay in every room.\n\n## Nothing is said here\n",
    "deutsch.md": "# Rückgabe\n\nDie Größe passt nicht? Umtausch ist kostenlos.\n",
    "hindi.md": "# डिलीवरी\n\nपार्सल दो दिन में आता है। बदली मुफ़्त है।\n",
}
SECONDS_MAX = 1.0


class KnowledgeContract:
    """The promises of `frontdesk.ports.Knowledge`. A subclass adds the fixture `knowledge`: a search of the files in
    `folder`, open."""

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
            ("GRÖSSE", "Rückgabe"),
            ("große Grössen umtauschen", "Rückgabe"),
            ("RUCKGABE?", "Rückgabe"),
            ("डिलीवरी कब होगी", "डिलीवरी"),
            ("पार्सलों", "डिलीवरी"),
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

    async def test_a_vowel_sign_is_not_left_out_of_a_word(self, knowledge: Knowledge) -> None:
        assert list(await knowledge.search("दान", 5)) == []

    async def test_only_the_files_of_the_scope_are_searched(self, knowledge: Knowledge) -> None:
        query = "parcel dog egg dessert"
        for scope in (("kitchen.md",), ("more/pets.md", "kitchen.md"), ("none.md",), ("pets.md",)):
            found = await knowledge.search(query, 10, scope)
            assert {passage.id.partition("#")[0] for passage in found} == set(scope) & DOCUMENTS.keys()
        assert len(await knowledge.search(query, 10, ())) == 5

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


def passages(name: str, *texts: str) -> list[Passage]:
    """Passages of a file, one for each text."""
    return [Passage(id=f"{name}#{number}", title="Title", text=text) for number, text in enumerate(texts)]


class KnowledgeIndexContract(KnowledgeContract):
    """The promises of `frontdesk.ports.KnowledgeIndex`. A subclass adds two fixtures: `index`, an empty one, open, and
    `other_index`, the same as another process has it."""

    @pytest.fixture
    async def knowledge(self, index: KnowledgeIndex, folder: Path) -> Knowledge:
        """An index that was given the folder."""
        await index_folder(index, folder, ManualClock())
        assert isinstance(index, Knowledge)
        return index

    async def found(self, index: KnowledgeIndex, query: str) -> list[str]:
        """The ids of what is found."""
        assert isinstance(index, Knowledge)
        return [passage.id for passage in await index.search(query, 10)]

    async def test_a_new_index_is_empty(self, index: KnowledgeIndex) -> None:
        assert list(await index.files()) == []
        assert await self.found(index, "anything") == []

    async def test_files_are_told_as_they_were_put(self, index: KnowledgeIndex, other_index: KnowledgeIndex) -> None:
        at = ManualClock().now()
        await index.put(KnowledgeFile(name="b.md", digest="2", passages=1, indexed_at=at), passages("b.md", "word"))
        await index.put(
            KnowledgeFile(name="a/c.md", digest="1", passages=2, indexed_at=at), passages("a/c.md", "x", "y")
        )
        for one in (index, other_index):
            assert list(await one.files()) == [
                KnowledgeFile(name="a/c.md", digest="1", passages=2, indexed_at=at),
                KnowledgeFile(name="b.md", digest="2", passages=1, indexed_at=at),
            ]
        assert await self.found(other_index, "word") == ["b.md#0"]

    async def test_hostile_headings_cost_no_other_file(self, index: KnowledgeIndex, folder: Path) -> None:
        # Words that do not repeat: an engine may pack what does.
        deep = "\n\n".join(f"{'#' * min(level, 6)} {'ढ़' * 40}{level**9}{'ß' * 900}" for level in range(1, 9))
        endless = "".join(chr(0x4E00 + number * 7_919 % 20_000) for number in range(9_000))
        (folder / "deep.md").write_text(f"{deep}\n\nA walrus.\n\n# {endless}\n\nA narwhal.\n", encoding="utf-8")
        change = await index_folder(index, folder, ManualClock())
        assert change.refused == {}
        for query in ("walrus", "narwhal", "dessert"):
            assert await self.found(index, query)

    async def test_a_file_that_is_put_again_has_its_new_passages_only(self, index: KnowledgeIndex) -> None:
        await index.put(KnowledgeFile(name="a.md", digest="1", passages=2), passages("a.md", "horse", "cow"))
        await index.put(KnowledgeFile(name="b.md", digest="1", passages=1), passages("b.md", "horse"))
        await index.put(KnowledgeFile(name="a.md", digest="2", passages=1), passages("a.md", "goat"))
        assert set(await self.found(index, "horse cow goat")) == {"a.md#0", "b.md#0"}
        assert await self.found(index, "cow") == []
        assert [(one.name, one.digest, one.passages) for one in await index.files()] == [
            ("a.md", "2", 1),
            ("b.md", "1", 1),
        ]

    async def test_a_refused_file_keeps_what_it_said(self, index: KnowledgeIndex) -> None:
        await index.put(KnowledgeFile(name="a.md", digest="1", passages=1), passages("a.md", "horse"))
        await index.refuse("a.md", digest="2", trouble="it is broken; mend it")
        await index.refuse("new.pdf", digest="3", trouble="it is encrypted; open it")
        assert await self.found(index, "horse") == ["a.md#0"]
        assert list(await index.files()) == [
            KnowledgeFile(name="a.md", digest="1", passages=1, refused="2", trouble="it is broken; mend it"),
            KnowledgeFile(name="new.pdf", refused="3", trouble="it is encrypted; open it"),
        ]
        await index.put(KnowledgeFile(name="a.md", digest="1", passages=1), passages("a.md", "horse"))
        assert next(iter(await index.files())) == KnowledgeFile(name="a.md", digest="1", passages=1)

    async def test_a_removed_file_is_found_no_more(self, index: KnowledgeIndex) -> None:
        for name in ("a.md", "b.md"):
            await index.put(KnowledgeFile(name=name, digest="1", passages=1), passages(name, "horse"))
        await index.remove(["a.md", "none.md"])
        assert await self.found(index, "horse") == ["b.md#0"]
        assert [one.name for one in await index.files()] == ["b.md"]

    async def test_what_is_put_twice_by_two_is_there_once(
        self, index: KnowledgeIndex, other_index: KnowledgeIndex
    ) -> None:
        file = KnowledgeFile(name="a.md", digest="1", passages=1)
        await asyncio.gather(*(one.put(file, passages("a.md", "horse")) for one in (index, other_index) * 4))
        assert await self.found(index, "horse") == ["a.md#0"]

    async def test_one_at_a_time_indexes(self, index: KnowledgeIndex, other_index: KnowledgeIndex) -> None:
        order: list[str] = []
        may_end, has_begun = asyncio.Event(), asyncio.Event()

        async def work(name: str, one: KnowledgeIndex, until: asyncio.Event) -> None:
            async with one.indexing():
                order.append(f"{name} begins")
                has_begun.set()
                await until.wait()
                order.append(f"{name} ends")

        first = asyncio.create_task(work("first", index, may_end))
        await has_begun.wait()
        second = asyncio.create_task(work("second", other_index, may_end))
        await asyncio.wait([second], timeout=0.3)
        assert order == ["first begins"]
        may_end.set()
        await asyncio.gather(first, second)
        assert order == ["first begins", "first ends", "second begins", "second ends"]

    async def test_the_folder_is_read_by_one_of_two(
        self, index: KnowledgeIndex, other_index: KnowledgeIndex, folder: Path
    ) -> None:
        changes = await asyncio.gather(*(index_folder(one, folder, ManualClock()) for one in (index, other_index)))
        assert sorted(len(change.indexed) for change in changes) == [0, len(DOCUMENTS)]

    async def test_hostile_passages_are_kept(self, index: KnowledgeIndex) -> None:
        texts = [text.replace("\0", "") for text in TEXTS if text.strip()]
        await index.put(KnowledgeFile(name="a.md", digest="1", passages=len(texts)), passages("a.md", *texts))
        assert await self.found(index, "instructions") == [f"a.md#{texts.index(TEXTS[12])}"]

    async def test_without_embeddings_there_is_nothing_to_compute_and_no_trouble(self, index: KnowledgeIndex) -> None:
        await index.embed(lambda _done, _of: pytest.fail("nothing is to be done"))
        assert index.trouble == ""
