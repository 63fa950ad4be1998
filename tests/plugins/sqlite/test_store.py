"""SQLite keeps the store's promises, and those that only a file can keep."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event, FromContact
from frontdesk.core.plan import Decision
from frontdesk.plugin import ConfigError
from frontdesk.ports import Store, StoreUnavailable
from frontdesk.testing.contracts import LEASE, ArchiveContract, StoreContract, rules
from frontdesk.testing.contracts.books import everybody, run_on, standing_on
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import PHONE, wrote
from frontdesk_plugins.sqlite.queries import SQL, migrations
from frontdesk_plugins.sqlite.store import SqliteStore
from frontdesk_plugins.sqlite.transaction import encode

pytestmark = pytest.mark.anyio


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Store]:
        async with SqliteStore(tmp_path / "frontdesk.db", clock) as store:
            yield store


class TestSqliteArchive(ArchiveContract):
    @pytest.fixture
    def source(self, clock: ManualClock, tmp_path: Path) -> Callable[[], SqliteStore]:
        return lambda: SqliteStore(tmp_path / "old" / "frontdesk.db", clock)

    @pytest.fixture
    def target(self, clock: ManualClock, tmp_path: Path) -> Callable[[], SqliteStore]:
        return lambda: SqliteStore(tmp_path / "new" / "frontdesk.db", clock)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "frontdesk.db"


def phones(count: int) -> list[str]:
    return [f"1555{number:07}" for number in range(count)]


async def test_what_was_accepted_is_there_after_a_restart_and_leases_have_ended(file: Path, clock: ManualClock) -> None:
    async with SqliteStore(file, clock) as store:
        decision = await store.apply(wrote("hi", clock.now()), rules)
        await store.claim(LEASE, 10)
    assert decision is not None
    async with SqliteStore(file, clock) as store:
        assert await store.conversation(decision.conversation.id) == decision.conversation
        assert [claim.is_interrupted for claim in await store.claim(LEASE, 10)] == [True]


async def test_a_second_process_is_refused_and_told_why(file: Path, clock: ManualClock) -> None:
    async with SqliteStore(file, clock):
        with pytest.raises(ConfigError, match=r"is in use by another frontdesk \(process \d+\); stop it"):
            await SqliteStore(file, clock).__aenter__()
    async with SqliteStore(file, clock) as store:
        await store.check()


async def test_a_reader_may_look_while_the_service_runs_and_cannot_write(file: Path, clock: ManualClock) -> None:
    async with SqliteStore(file, clock) as store:
        decision = await store.apply(wrote("hi", clock.now()), rules)
        assert decision is not None
        async with SqliteStore(file, clock, is_read_only=True) as reader:
            assert await reader.conversation(decision.conversation.id) == decision.conversation
            with pytest.raises(StoreUnavailable):
                await reader.check()


async def test_a_reader_of_nothing_is_told_where_it_looked(file: Path, clock: ManualClock) -> None:
    with pytest.raises(ConfigError, match=r"there is no database at .*frontdesk\.db; is `data_dir`"):
        await SqliteStore(file, clock, is_read_only=True).__aenter__()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "frontdesk.db"
    file.write_text("hello " * 1000)
    with pytest.raises(ConfigError, match="cannot be opened as a database"):
        await SqliteStore(file, clock).__aenter__()


async def test_a_newer_schema_is_refused(file: Path, clock: ManualClock) -> None:
    async with SqliteStore(file, clock):
        pass
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    connection.close()
    with pytest.raises(ConfigError, match="install the newer release again"):
        await SqliteStore(file, clock).__aenter__()


async def test_writes_that_wait_share_a_commit(file: Path, clock: ManualClock) -> None:
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    async with SqliteStore(file, clock) as store:
        assert store._connection is not None
        store._connection.set_trace_callback(count)
        events = [wrote("hi", clock.now(), phone=phone) for phone in phones(500)]
        decisions = await asyncio.gather(*(store.apply(event, rules) for event in events))
    assert None not in decisions
    assert commits <= 4


async def test_one_that_fails_in_a_batch_costs_the_others_nothing(file: Path, clock: ManualClock) -> None:
    def picky(conversation: Conversation, event: Event) -> Decision:
        if isinstance(event, FromContact) and event.contact.addresses[0].value.endswith("3"):
            raise ZeroDivisionError
        return rules(conversation, event)

    async with SqliteStore(file, clock) as store:
        events = [wrote("hi", clock.now(), phone=phone) for phone in phones(10)]
        results = await asyncio.gather(*(store.apply(event, picky) for event in events), return_exceptions=True)
        kept = [await store.find("main", phone) for phone in phones(10)]
    assert [isinstance(result, ZeroDivisionError) for result in results] == [number == 3 for number in range(10)]
    assert [one is None for one in kept] == [number == 3 for number in range(10)]


async def test_a_caller_that_gave_up_spoils_nothing(file: Path, clock: ManualClock) -> None:
    async with SqliteStore(file, clock) as store:
        impatient = asyncio.create_task(store.apply(wrote("hi", clock.now()), rules))
        await asyncio.sleep(0)
        impatient.cancel()
        assert await store.apply(wrote("hello?", clock.now()), rules) is not None
        known = await store.find("main", PHONE)
        assert known is not None
        messages = await store.messages(known)
    assert [message.author for message in messages] == ["contact", "bot", "contact"]


async def test_a_full_disk_refuses_loses_nothing_and_recovers_by_itself(file: Path, clock: ManualClock) -> None:
    async with SqliteStore(file, clock) as store:
        first = await store.apply(wrote("hi", clock.now()), rules)
        assert store._connection is not None
        assert first is not None
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        long = wrote("x" * 100_000, clock.now())
        with pytest.raises(StoreUnavailable, match=r"full.*nothing was lost; free some disk space"):
            await store.apply(long, rules)
        assert await store.conversation(first.conversation.id) == first.conversation
        store._connection.execute("PRAGMA max_page_count = 1000000")
        again = await store.apply(long, rules)
        assert again is not None
        assert await store.conversation(first.conversation.id) == again.conversation


async def test_events_of_a_conversation_are_decided_in_the_order_of_the_calls(file: Path, clock: ManualClock) -> None:
    async with SqliteStore(file, clock) as store:
        events = [wrote(f"message {number}", clock.now()) for number in range(600)]
        await asyncio.gather(*(store.apply(event, rules) for event in events))
        known = await store.find("main", PHONE)
        assert known is not None
        said = [message.content for message in await store.messages(known) if message.author == "contact"]
    assert said == [event.content for event in events]


async def test_a_migration_keeps_a_backup(file: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    async with SqliteStore(file, clock) as store:
        await store.apply(wrote("hi", clock.now()), rules)
    more = [*migrations(), "CREATE TABLE later (id INTEGER PRIMARY KEY);"]
    monkeypatch.setattr("frontdesk_plugins.sqlite.store.migrations", lambda: more)
    monkeypatch.setattr("frontdesk_plugins.sqlite.queries.migrations", lambda: more)
    async with SqliteStore(file, clock) as store:
        assert await store.find("main", PHONE)
    backup = sqlite3.connect(file.with_suffix(f".schema-{len(more) - 1}.backup"))
    assert backup.execute("SELECT count(*) FROM message").fetchone() == (2,)
    backup.close()


async def test_a_migration_that_is_tried_again_replaces_its_backup(
    file: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SqliteStore(file, clock):
        pass
    backup = file.with_suffix(f".schema-{len(migrations())}.backup")
    backup.write_bytes(b"of the try before")
    more = [*migrations(), "CREATE TABLE later (id INTEGER PRIMARY KEY);"]
    monkeypatch.setattr("frontdesk_plugins.sqlite.store.migrations", lambda: more)
    monkeypatch.setattr("frontdesk_plugins.sqlite.queries.migrations", lambda: more)
    async with SqliteStore(file, clock):
        pass
    assert backup.read_bytes().startswith(b"SQLite format 3")


async def test_what_waits_when_the_store_closes_is_written_after_the_batch_under_way(
    file: Path, clock: ManualClock
) -> None:
    async with SqliteStore(file, clock) as store:
        writes = [
            asyncio.create_task(store.apply(wrote("hi", clock.now(), phone=phone), rules)) for phone in phones(600)
        ]
        await asyncio.sleep(0.002)
    assert None not in await asyncio.gather(*writes)
    async with SqliteStore(file, clock, is_read_only=True) as reader:
        assert len(await reader.conversations(1_000)) == 600


async def test_a_disk_that_is_full_at_the_start_is_said_to_be_full(
    file: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontdesk_plugins.sqlite.store.WRITING", "PRAGMA max_page_count = 2;")
    with pytest.raises(StoreUnavailable, match=r"full.*free some disk space"):
        await SqliteStore(file, clock).__aenter__()


async def test_a_database_of_the_first_release_is_migrated_with_all_that_is_in_it(
    file: Path, clock: ManualClock
) -> None:
    event = wrote("hi", clock.now())
    before = rules(Conversation(id="c1", channel="main"), event)
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(f"{migrations()[0]}\nPRAGMA user_version = 1;")
        address = event.contact.addresses[0]
        connection.execute(
            "INSERT INTO conversation (id, channel, name, handler, updated_at, state) VALUES (?, ?, ?, ?, ?, ?)",
            ("c1", "main", "Mira", "bot", 0, encode(before.conversation)),
        )
        connection.execute(
            "INSERT INTO address (channel, kind, value, conversation_id) VALUES (?, ?, ?, ?)",
            ("main", address.kind, address.value, "c1"),
        )
        connection.execute(
            "INSERT INTO journal (conversation_id, seq, event_id, event, effects) VALUES (?, ?, ?, ?, ?)",
            ("c1", 1, event.id, encode(event), encode(before.effects)),
        )
        connection.commit()
    async with SqliteStore(file, clock) as store:
        assert await store.conversation("c1") == before.conversation
        assert await store.apply(event, rules) is None
        assert await everybody(store) == {}
        await store.apply(wrote("menu", clock.now()), standing_on(run_on("v1")))
        assert set(await everybody(store)) == {"c1"}
        assert [entry.seq async for entry in store.journal("c1")] == [1, 2]
    assert file.with_suffix(".schema-1.backup").exists()


async def test_who_stands_in_a_flow_is_found_by_an_index_and_in_pieces(
    file: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontdesk_plugins.sqlite.store.STANDING_AT_ONCE", 2)
    async with SqliteStore(file, clock) as store:
        for number, phone in enumerate(phones(12)):
            run = run_on("v1") if number % 2 else None
            await store.apply(wrote("hi", clock.now(), phone=phone), standing_on(run))
        assert len(await everybody(store)) == 6
    with closing(sqlite3.connect(file)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {SQL['standing']}", ("", 500)).fetchall()
    assert [row[3] for row in plan] == ["SEARCH conversation USING INDEX conversation_standing (id>?)"]
