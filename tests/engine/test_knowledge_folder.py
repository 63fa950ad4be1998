"""The folder of the knowledge is kept in the index: at the start, under way, and whatever becomes of its files."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from frontdesk.config import KnowledgeSettings
from frontdesk.core.policy import Policy
from frontdesk.engine.engine import Engine
from frontdesk.engine.knowledge_folder import KnowledgeFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.knowledge.indexing import index_folder
from frontdesk.plugin import ConfigError
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.process import until
from frontdesk.testing.simulated_world import NoKnowledge
from frontdesk_plugins.sqlite.knowledge import SqliteKnowledge
from knowledge.meaning import Endpoint, embeddings, endpoint, http

__all__ = ["endpoint", "http"]

pytestmark = pytest.mark.anyio


class Shop:
    """A folder, what is known of it, and who is told."""

    def __init__(self, folder: Path, knowledge: SqliteKnowledge, watch_seconds: float = 0.05) -> None:
        clock = ManualClock()
        self.folder = folder
        self.knowledge = knowledge
        self.store = MemoryStore(clock)
        self.metrics = Metrics()
        engine = Engine(
            store=self.store,
            policy=Policy(),
            signal=InProcessSignal(),
            clock=clock,
            metrics=self.metrics,
            channels={},
        )
        self.watching = KnowledgeFolder(
            settings=KnowledgeSettings(folder=str(folder), watch_seconds=watch_seconds),
            knowledge=knowledge,
            engine=engine,
            metrics=self.metrics,
            clock=clock,
        )

    async def knows(self, query: str) -> bool:
        return bool(await self.knowledge.search(query, 1))

    async def digests(self) -> dict[str, str]:
        return {file.name: file.digest for file in await self.knowledge.files()}

    def measured(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"frontdesk_knowledge_{name}", labels)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "knowledge"
    (folder / "more").mkdir(parents=True)
    (folder / "a.md").write_text("# Horses\n\nThey neigh.\n")
    (folder / "more/b.txt").write_text("Cows moo.\n")
    (folder / "eval.yaml").write_text("- not: read\n")
    return folder


@asynccontextmanager
async def open_shop(folder: Path, watch_seconds: float = 0.05) -> AsyncIterator[Shop]:
    async with SqliteKnowledge(folder.parent / "data/knowledge.db") as knowledge:
        shop = Shop(folder, knowledge, watch_seconds)
        async with shop.watching:
            yield shop


async def eventually(shop: Shop, is_so: Callable[[], object], query: str = "", *, known: bool = True) -> None:
    async def holds() -> bool:
        return bool(is_so()) and (not query or await shop.knows(query) == known)

    await until(holds, 10, f"{query} {known}")


async def test_the_start_knows_all_files_and_counts_them(folder: Path) -> None:
    async with open_shop(folder) as shop:
        assert await shop.knows("horse")
        assert await shop.knows("cow")
        assert shop.watching.trouble == ""
        assert set(await shop.digests()) == {"a.md", "more/b.txt"}
        assert shop.measured("passages") == 2
        assert shop.measured("files", state="used") == 2
        assert shop.measured("reads_total", outcome="indexed") == 2


async def test_the_next_start_reads_only_what_is_new(folder: Path) -> None:
    async with open_shop(folder):
        pass
    (folder / "c.md").write_text("Goats bleat.")
    async with open_shop(folder) as shop:
        assert await shop.knows("goat")
        assert shop.measured("reads_total", outcome="indexed") == 1


async def test_changes_are_taken_under_way(folder: Path) -> None:
    async with open_shop(folder) as shop:
        before = await shop.digests()
        (folder / "a.md").write_text("# Donkeys\n")
        (folder / "a.md").write_text("# Donkeys\n\nThey bray.\n")
        await eventually(shop, lambda: True, "donkey")
        assert not await shop.knows("horse")
        assert (await shop.digests())["more/b.txt"] == before["more/b.txt"]
        (folder / "more/b.txt").unlink()
        await eventually(shop, lambda: shop.measured("reads_total", outcome="removed") == 1, "cow", known=False)


async def test_a_link_to_nowhere_hides_no_change_of_others(folder: Path) -> None:
    (folder / "lost.md").symlink_to(folder / "nowhere.md")
    async with open_shop(folder) as shop:
        assert "it is not there, or a link to nowhere" in shop.watching.trouble
        (folder / "a.md").write_text("# Donkeys\n\nThey bray.\n")
        await eventually(shop, lambda: True, "donkey")
        (folder / "lost.md").unlink()
        await eventually(shop, lambda: shop.watching.trouble == "")


async def test_a_pipe_is_no_file_and_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.md")
    async with open_shop(folder) as shop:
        assert "pipe.md is not used as it is now: it is no file; take it away" in shop.watching.trouble
        assert await shop.knows("horse")


async def test_a_file_that_is_taken_away_while_it_is_read_is_no_trouble(folder: Path) -> None:
    async with open_shop(folder) as shop:

        def takes_away(what: str, _done: int, _of: int) -> None:
            if what == "a.md":
                (folder / what).unlink()

        change = await index_folder(shop.knowledge, folder, ManualClock(), takes_away)
        assert (change.removed, change.refused) == (("a.md",), {})
        assert set(await shop.digests()) == {"more/b.txt"}


async def test_a_broken_file_keeps_what_it_said_and_costs_no_other(folder: Path) -> None:
    async with open_shop(folder) as shop:
        (folder / "a.md").write_bytes(b"\xff\xff")
        (folder / "c.md").write_text("Goats bleat.")
        await eventually(shop, lambda: shop.watching.trouble, "goat")
        assert await shop.knows("horse")
        sentence = (
            f"the knowledge in {folder}/a.md is not used as it is now: it is not UTF-8 in line 1; save it as UTF-8"
        )
        assert shop.watching.trouble == sentence
        (notice,) = await shop.store.notices(10)
        assert (notice.kind, notice.text, notice.is_alarm) == ("knowledge_refused", sentence, True)
        assert shop.measured("files", state="refused") == 1
        (folder / "a.md").write_text("# Horses\n\nThey neigh.\n")
        await eventually(shop, lambda: not shop.watching.trouble)
        assert len(await shop.store.notices(10)) == 1


async def test_a_broken_file_does_not_stop_the_start_and_is_read_once(folder: Path) -> None:
    (folder / "c.pdf").write_bytes(b"%PDF-1.4 broken")
    for refused in (1, None):
        async with open_shop(folder, watch_seconds=0) as shop:
            assert await shop.knows("horse")
            assert "c.pdf is not used as it is now: it is a broken PDF" in shop.watching.trouble
            assert shop.measured("reads_total", outcome="refused") == refused


async def test_who_asks_is_heard_where_nobody_looks_by_himself(folder: Path) -> None:
    async with open_shop(folder, watch_seconds=0) as shop:
        (folder / "c.md").write_text("Goats bleat.")
        assert not await shop.knows("goat")
        shop.watching.ask()
        await eventually(shop, lambda: not shop.watching.trouble, "goat")


async def test_files_that_are_all_gone_are_more_likely_on_their_way(folder: Path) -> None:
    async with open_shop(folder) as shop:
        shutil.move(folder, folder.with_name("elsewhere"))
        await eventually(shop, lambda: "there is no folder" in shop.watching.trouble, "horse")
        os.mkdir(folder)  # noqa: PTH102 -- in a moment
        await eventually(shop, lambda: "no files are in" in shop.watching.trouble, "horse")
        (folder / "c.md").write_text("Goats bleat.")
        await eventually(shop, lambda: not shop.watching.trouble, "goat")
        assert not await shop.knows("horse")


async def test_a_name_that_is_no_text_is_refused_alone(folder: Path) -> None:
    (folder / os.fsdecode(b"b\xff.md")).write_text("Goats bleat.")
    async with open_shop(folder, watch_seconds=0) as shop:
        assert await shop.knows("horse")
        assert "its name is no Unicode; rename it" in shop.watching.trouble


async def test_a_folder_that_is_not_there_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"knowledge\.folder: there is no folder .*none; make it, or name another"):
        async with open_shop(tmp_path / "none"):
            pass


async def test_an_empty_folder_knows_nothing(tmp_path: Path) -> None:
    (tmp_path / "knowledge").mkdir()
    async with open_shop(tmp_path / "knowledge") as shop:
        assert not await shop.knows("anything")
        assert shop.watching.trouble == ""


async def test_a_search_with_its_own_ways_is_left_alone(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "none", SqliteKnowledge(tmp_path / "unused.db"))
    watching = KnowledgeFolder(
        settings=KnowledgeSettings(folder=str(tmp_path / "none")),
        knowledge=NoKnowledge(),
        engine=shop.watching._engine,
        metrics=shop.metrics,
        clock=ManualClock(),
    )
    async with watching:
        assert watching.trouble == ""


async def test_vectors_are_tried_again_until_they_are_there(
    folder: Path, endpoint: Endpoint, http: httpx.AsyncClient
) -> None:
    (folder / "c.md").write_text("Sneakers are washed by hand.")
    endpoint.status = 503
    async with SqliteKnowledge(folder.parent / "data/knowledge.db", embeddings(endpoint, http)) as knowledge:
        shop = Shop(folder, knowledge)
        async with shop.watching:
            await eventually(shop, lambda: "answers 503" in shop.watching.trouble, "sneakers")
            assert not await shop.knows("my trainers")
            endpoint.status = 200
            await eventually(shop, lambda: True, "my trainers")
            await eventually(shop, lambda: not shop.watching.trouble)
