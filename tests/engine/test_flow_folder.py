"""Flows come into force from a folder, and are changed under a running service: real files, real reading."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from frontdesk.config import FlowsSettings
from frontdesk.core.policy import Policy
from frontdesk.engine import flow_folder as subject
from frontdesk.engine.engine import Engine
from frontdesk.engine.flow_folder import FlowFolder, compile_in_thread
from frontdesk.engine.library import Library
from frontdesk.engine.metrics import Metrics
from frontdesk.flows.book import book_version
from frontdesk.flows.folder import read_sources
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.plugin import ConfigError
from frontdesk.ports import StoreUnavailable
from frontdesk.testing.contracts.books import everybody
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import PHONE, wrote
from frontdesk.testing.process import until

pytestmark = pytest.mark.anyio

RULES = "languages: [en]\n"
MENU = """\
title: Menu
starts_on: {keywords: [menu]}
variables: {flow.wish: text}
steps:
  ask_wish: {ask: What do you wish?, save: flow.wish}
  thank: {say: "Thank you for {{ flow.wish }}."}
  bye: {end: true}
"""
BROKEN = MENU.replace("save: flow.wish", "next: nowhere")


class Moody(MemoryStore):
    """Takes nothing while it is away."""

    is_away = False

    async def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        self._look()
        await super().keep_book(version, sources)

    async def keep(self, notices: Any) -> None:
        self._look()
        await super().keep(notices)

    def _look(self) -> None:
        if self.is_away:
            raise StoreUnavailable("the network is cut")


class Process:
    """A service's part that has flows; the folder is looked at a hundred times a second."""

    def __init__(self, store: Moody, clock: ManualClock, folder: Path | str, **fields: Any) -> None:
        self.store = store
        self.metrics = Metrics()
        self.library = Library(store, compile_in_thread)
        self.engine = Engine(store, Policy(), InProcessSignal(), clock, self.metrics, library=self.library)
        known: dict[str, Any] = {"is_required": False, "hosts": (), "has_model": False, "watch_seconds": 0.01, **fields}
        settings = FlowsSettings(folder=str(folder), watch_seconds=known.pop("watch_seconds"))
        self.folder = FlowFolder(
            settings=settings, library=self.library, engine=self.engine, metrics=self.metrics, clock=clock, **known
        )

    def reloads(self, outcome: str) -> float:
        found = self.metrics.registry.get_sample_value("frontdesk_flow_reloads_total", {"outcome": outcome})
        return found or 0.0

    async def reloaded(self, outcome: str, count: float = 1) -> None:
        await until(lambda: self.reloads(outcome) >= count, 5, f"flows are {outcome}")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Moody:
    return Moody(clock)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "rules.yaml").write_text(RULES)
    (folder / "menu.yaml").write_text(MENU)
    return folder


@pytest.fixture
async def process(store: Moody, clock: ManualClock, folder: Path) -> AsyncIterator[Process]:
    process = Process(store, clock, folder)
    async with process.folder:
        yield process


def version_of(folder: Path) -> str:
    return book_version(read_sources(folder))


async def test_the_folders_flows_are_in_force_and_kept_when_it_is_open(process: Process, folder: Path) -> None:
    version = version_of(folder)
    assert (process.library.current, process.folder.trouble) == (version, "")
    assert await process.store.book(version) == {"menu.yaml": MENU, "rules.yaml": RULES}
    assert process.metrics.registry.get_sample_value("frontdesk_flows_info", {"version": version}) == 1.0


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda folder: (folder / "menu.yaml").write_text(BROKEN), r"menu\.yaml:5:\d+: .*nowhere"),
        (lambda folder: (folder / "menu.yaml").write_text("title: [\n"), r"menu\.yaml:\d+:\d+: "),
        (lambda folder: (folder / "menu.yml").write_text(MENU), r"menu\.yml would be overlooked"),
        (lambda folder: (folder / "menu.yaml").write_bytes(b"title: \xff"), r"menu\.yaml:1: this is not UTF-8"),
        (
            lambda folder: [(folder / f"a{number}.yaml").write_text("- a") for number in range(5)],
            r"a0\.yaml:1:1: .*; a\d\.yaml.*; a\d\.yaml.*; and \d+ more; run frontdesk flow check",
        ),
    ],
)
async def test_a_start_with_broken_flows_is_refused(
    store: Moody, clock: ManualClock, folder: Path, break_it: Callable[[Path], object], sentence: str
) -> None:
    break_it(folder)
    with pytest.raises(ConfigError, match=rf"the flows in .*/flows cannot be used: .*{sentence}.*") as refused:
        await Process(store, clock, folder).folder.__aenter__()
    assert str(refused.value).endswith(f"; run frontdesk flow check {folder}")
    assert "\n" not in str(refused.value)


async def test_a_host_that_the_configuration_does_not_list_is_refused(
    store: Moody, clock: ManualClock, folder: Path
) -> None:
    (folder / "menu.yaml").write_text(
        MENU.replace("  bye:", "  ask_it: {call: {host: shop, path: /a}, if_failed: bye}\n  bye:")
    )
    with pytest.raises(ConfigError, match="The configuration lists no host “shop”"):
        await Process(store, clock, folder).folder.__aenter__()
    process = Process(store, clock, folder, hosts={"shop": None})
    async with process.folder:
        assert process.library.current == version_of(folder)


async def test_a_folder_that_was_named_has_to_be_there(store: Moody, clock: ManualClock, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"flows\.folder: there is no folder .*/none; make it, or leave the key out"):
        await Process(store, clock, tmp_path / "none", is_required=True).folder.__aenter__()


async def test_without_a_folder_there_are_no_flows_until_one_appears(
    store: Moody, clock: ManualClock, folder: Path
) -> None:
    away = folder.with_name("away")
    shutil.move(folder, away)
    process = Process(store, clock, folder)
    async with process.folder:
        assert process.library.current == ""
        shutil.copytree(away, folder, ignore=lambda _, names: names)
        await process.reloaded("unchanged")
        assert (process.library.current, process.folder.trouble) == ("", "")
        shutil.copytree(away, folder, dirs_exist_ok=True)
        await process.reloaded("taken")
        assert process.library.current == version_of(folder)


async def test_a_business_that_wants_no_flows_is_left_in_peace(store: Moody, clock: ManualClock) -> None:
    process = Process(store, clock, "")
    async with process.folder:
        process.folder.ask()
        await asyncio.sleep(0)
        assert (process.library.current, process.folder.trouble) == ("", "")


async def test_a_change_is_taken_and_who_is_in_a_flow_stays_on_the_old_one(
    process: Process, folder: Path, clock: ManualClock
) -> None:
    before = process.library.current
    await process.engine.handle(wrote("menu", clock.now()))
    (folder / "menu.yaml").write_text(MENU.replace("Thank you", "Many thanks"))
    await process.reloaded("taken")
    assert process.library.current == version_of(folder) != before
    assert [one.run.book for one in (await everybody(process.store)).values()] == [before]
    decision = await process.engine.handle(wrote("a mug", clock.now()))
    assert decision is not None
    assert decision.conversation.turns[-1].turn.text == "Thank you for a mug."
    known = await process.store.find("main", PHONE)
    assert known is not None
    events = [entry.event.flows async for entry in process.store.journal(known)]
    assert events == [before, process.library.current]


async def test_a_change_has_to_settle_before_it_is_read(store: Moody, clock: ManualClock, folder: Path) -> None:
    """Somebody writes for a while: one reading in the end, not one for each piece."""
    process = Process(store, clock, folder, watch_seconds=0.05)
    async with process.folder:
        for number in range(20):
            (folder / "menu.yaml").write_text(MENU + f"# piece {number}\n" + "#" * number)
            await asyncio.sleep(0.01)
        await process.reloaded("taken")
        assert process.library.current == version_of(folder)
        assert process.reloads("taken") == 1


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda folder: (folder / "menu.yaml").write_text(BROKEN), "menu.yaml:5:"),
        (lambda folder: (folder / "menu.yaml").write_text(MENU[:60]), "menu.yaml:"),
        (lambda folder: (folder / "rules.yaml").unlink(), "rules.yaml is gone"),
        (lambda folder: [path.unlink() for path in folder.iterdir()], "no flows are there any more"),
        (shutil.rmtree, "the folder is gone"),
        (lambda folder: (folder / "lost.yaml").symlink_to("nowhere.yaml"), "lost.yaml cannot be read"),
    ],
    ids=["broken", "half written", "no rules", "emptied", "gone", "unreadable"],
)
async def test_a_change_that_is_no_good_costs_nothing_but_itself(
    process: Process, folder: Path, break_it: Callable[[Path], object], reason: str
) -> None:
    before, copy = process.library.current, folder.with_name("copy")
    shutil.copytree(folder, copy)
    break_it(folder)
    await process.reloaded("refused")
    assert process.library.current == before
    assert process.folder.trouble.startswith(f"the flows in {folder} were changed but not taken: ")
    assert reason in process.folder.trouble
    assert process.folder.trouble.endswith(f"; run frontdesk flow check {folder}")
    (notice,) = await process.store.notices(10)
    assert (notice.kind, notice.is_alarm, notice.text) == ("flows_refused", True, process.folder.trouble)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(copy, folder)
    await until(lambda: not process.folder.trouble, 5, "the folder is good again")
    assert process.library.current == before


async def test_the_same_mistake_is_told_once_by_all_processes_and_another_one_again(
    process: Process, store: Moody, clock: ManualClock, folder: Path
) -> None:
    async with Process(store, clock, folder).folder as other:
        (folder / "menu.yaml").write_text(BROKEN)
        await process.reloaded("refused")
        await until(lambda: other.trouble, 5, "the other one has seen it")
        os.utime(folder / "menu.yaml", (1, 1))
        await process.reloaded("refused", 2)
        assert len(await store.notices(10)) == 1
        (folder / "menu.yaml").write_text(BROKEN.replace("Menu", "The menu"))
        await process.reloaded("refused", 3)
        assert len(await store.notices(10)) == 2


async def test_a_bug_of_the_reader_is_a_refusal_and_the_folder_is_watched_on(
    process: Process, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_sources: Mapping[str, str], **_known: Any) -> Any:
        raise ZeroDivisionError("by nought")

    with monkeypatch.context() as bug:
        bug.setattr(subject, "read_book", broken)
        (folder / "menu.yaml").write_text(MENU.replace("Thank you", "Thanks"))
        await process.reloaded("refused")
    assert "Frontdesk fails on them (ZeroDivisionError: by nought), please report that" in process.folder.trouble
    (folder / "menu.yaml").write_text(MENU.replace("Thank you", "Many thanks"))
    await process.reloaded("taken")


async def test_a_touch_changes_nothing(process: Process, folder: Path) -> None:
    before = process.library.current_book
    os.utime(folder / "menu.yaml", (1, 1))
    (folder / "menu.test.yaml").write_text("[]")
    await process.reloaded("unchanged")
    assert process.library.current_book is before


async def test_while_the_store_is_away_a_change_waits(process: Process, store: Moody, folder: Path) -> None:
    before, store.is_away = process.library.current, True
    (folder / "menu.yaml").write_text(MENU.replace("Thank you", "Many thanks"))
    await process.reloaded("failed", 2)
    assert process.library.current == before
    store.is_away = False
    await process.reloaded("taken")
    assert process.library.current == version_of(folder)


async def test_an_alarm_that_could_not_be_kept_is_kept_later(process: Process, store: Moody, folder: Path) -> None:
    store.is_away = True
    (folder / "menu.yaml").write_text(BROKEN)
    await process.reloaded("failed", 2)
    assert process.folder.trouble
    store.is_away = False
    await process.reloaded("refused")
    assert [notice.kind for notice in await store.notices(10)] == ["flows_refused"]


async def test_who_looks_never_by_itself_looks_when_it_is_asked(store: Moody, clock: ManualClock, folder: Path) -> None:
    process = Process(store, clock, folder, watch_seconds=0.0)
    async with process.folder:
        (folder / "menu.yaml").write_text(MENU.replace("Thank you", "Many thanks"))
        assert process.reloads("taken") == 0
        process.folder.ask()
        await process.reloaded("taken")
        process.folder.ask()
        await process.reloaded("unchanged")


async def test_a_look_from_the_command_line_keeps_nothing(store: Moody, clock: ManualClock, folder: Path) -> None:
    process = Process(store, clock, folder, keeps=False)
    async with process.folder as found:
        assert found.found.book is not None
        assert set(found.found.book.flows) == {"menu"}
    assert (process.library.current, await store.book(version_of(folder))) == ("", None)
