"""From SQLite to PostgreSQL and back by the real command: killed, refused, and with a process that slept through it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from msgspec import Struct

from frontdesk.archive import Movable
from frontdesk.container import SystemClock
from frontdesk.core.archive import Part, Record, canonical
from frontdesk.plugin import ConfigError, Secret
from frontdesk.testing.contracts import rules
from frontdesk.testing.contracts.archive import by_key, everything, live
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, PHONE, wrote
from frontdesk.testing.process import until, world
from frontdesk_plugins.postgres import presence
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.queries import migrations
from frontdesk_plugins.postgres.store import PostgresStore
from frontdesk_plugins.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio

# Opens a store as the service does, and writes when it is told to.
SERVER = """
import asyncio, sys
from functools import partial
from frontdesk.core.decide import decide
from frontdesk.core.policy import Policy
from frontdesk.plugin import Secret
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import wrote
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.queries import migrations
from frontdesk_plugins.postgres.store import PostgresStore

async def main():
    async with PostgresStore(StoreOptions(url=Secret(sys.argv[1]))) as store:
        print("open", flush=True)
        sys.stdin.readline()
        for work in (
            store.apply(wrote("too late", ManualClock().now()), partial(decide, policy=Policy())),
            store.claim(__import__("datetime").timedelta(seconds=30), 10),
            store.check(),
        ):
            try:
                await work
                print("written", flush=True)
            except Exception as error:
                print(type(error).__name__, error, flush=True)

asyncio.run(main())
"""


class Ended(Struct, frozen=True):
    """What a command left behind."""

    status: int
    out: str
    err: str


@asynccontextmanager
async def started(*words: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, env={"PATH": os.environ["PATH"], **environ},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def command(*words: str, **environ: str) -> Ended:
    async with started("-m", "frontdesk", "migrate-storage", *words, **environ) as process:
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return Ended(process.returncode or 0, out.decode(), err.decode())


async def content(store: Movable) -> dict[Part, list[Record]]:
    async with store.archive(is_target=False) as archive:
        found = await everything(archive)
    return by_key({part: [canonical(record) for record in records] for part, records in found.items()})


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "old" / "frontdesk.db"


@pytest.fixture
async def shop(file: Path, clock: ManualClock) -> Path:
    """A shop's SQLite database, an address with NUL included."""
    async with SqliteStore(file, clock) as store:
        await live(store, clock)
        await store.apply(wrote("hi", clock.now(), phone="1555\0"), rules)
        await store.apply(wrote("hi", clock.now(), phone="15550"), rules)
    return file


async def test_a_shop_moves_to_postgres_and_back(shop: Path, url: str, tmp_path: Path, clock: ManualClock) -> None:
    before = await content(SqliteStore(shop, clock))
    there = await command("--from", f"sqlite:{shop}", "--to", "env:DATABASE_URL", "--json", DATABASE_URL=url)
    assert there.status == 0, there.err
    found = msgspec.json.decode(there.out)
    assert found["is_equal"]
    assert {one["part"]: one["target_count"] for one in found["parts"]} == {
        part: len(records) for part, records in before.items()
    }
    assert "messages: " in there.err
    assert "copied, " in there.err
    again = tmp_path / "again.db"
    back = await command("--from", url, "--to", f"sqlite:{again}")
    assert back.status == 0, back.err
    assert "the same" in back.out
    assert back.out.endswith(f"to sqlite:{again}: serve that one now\n")
    sides = [
        await content(store) for store in (PostgresStore(StoreOptions(url=Secret(url))), SqliteStore(again, clock))
    ]
    assert sides == [before, before]
    async with SqliteStore(again, clock) as store:
        assert await store.apply(wrote("I am back", clock.now()), rules) is not None


async def test_a_shop_that_is_served_moves_and_goes_on(tmp_path: Path, url: str) -> None:
    async with world(tmp_path, 'greeting = ""\nburst_wait_seconds = 1.0', reads="auto") as (customers, service):
        await service.start()
        file = service.data_dir / "frontdesk.db"
        served = await command("--from", f"sqlite:{file}", "--to", url)
        assert served.status == 1
        assert f"is in use by another frontdesk (process {service.pid}); stop it" in served.err
        phones = [f"1555030{number:04}" for number in range(12)]
        for phone in phones:
            await customers.write(phone, "delivery?")

        async def all_are_told() -> bool:
            return all(entry["delivered_at"] for entry in await customers.inbound())

        await until(all_are_told, 10, "all is accepted")
        assert await service.stop() == 0, service.log()
        async with SqliteStore(file, SystemClock(), is_read_only=True) as store:
            known = {phone: await store.find(CHANNEL, phone) for phone in phones}
            assert (await store.backlog()).states, "something is left to be done"
        moved = await command("--from", f"sqlite:{file}", "--to", url)
        assert moved.status == 0, moved.err
        service.config.write_text(
            f'{service.config.read_text()}\n[store]\nprovider = "postgres"\nurl = {{ env = "DATABASE_URL" }}\n'
        )
        service._environ["DATABASE_URL"] = url
        await service.start()

        async def answers() -> dict[str, int]:
            sent = [entry["to"].lstrip("+") for entry in await customers.ledger()]
            return {phone: sent.count(phone) for phone in phones}

        async def all_have(count: int) -> bool:
            return await answers() == dict.fromkeys(phones, count)

        await until(lambda: all_have(1), 20, "what was left is done, once")
        await customers.write(phones[0], "returns?")
        await until(lambda: _has(answers, phones[0], 2), 10, "the next message is answered")
        async with PostgresStore(StoreOptions(url=Secret(url)), is_read_only=True) as store_there:
            assert {phone: await store_there.find(CHANNEL, phone) for phone in phones} == known
            authors = [one.author for one in await store_there.messages(known[phones[0]] or "")]
            assert authors == ["contact", "bot", "contact", "bot"]
        assert await service.stop() == 0


async def _has(answers: Callable[[], Awaitable[dict[str, int]]], phone: str, count: int) -> bool:
    return (await answers())[phone] == count


async def test_a_move_that_is_killed_goes_on(file: Path, url: str, bare: Any, clock: ManualClock) -> None:
    async with SqliteStore(file, clock) as store:
        await asyncio.gather(
            *(store.apply(wrote("hi", clock.now(), phone=f"1555{number:06}"), rules) for number in range(4_000))
        )
    before = await content(SqliteStore(file, clock))
    words = ("--from", f"sqlite:{file}", "--to", url)

    async def holds(table: str) -> bool:
        try:
            return bool(await bare.fetchval(f"SELECT EXISTS (SELECT 1 FROM {table})"))
        except asyncpg.UndefinedTableError:
            return False

    for table in ("move", "conversation", "message", "outbox"):
        async with started("-m", "frontdesk", "migrate-storage", *words) as process:
            await until(lambda table=table: holds(table), 20, f"{table} is being filled")
            process.kill()
            await process.wait()
        assert await bare.fetchval("SELECT count(*) FROM move") == 1, "it was killed too late"
        for half in (SqliteStore(file, clock), PostgresStore(StoreOptions(url=Secret(url)))):
            with pytest.raises(ConfigError, match="is not finished; run frontdesk migrate-storage again"):
                await half.__aenter__()
    ended = await command(*words)
    assert ended.status == 0, ended.err
    assert "conversations: 4000 of 4000 copied" not in ended.err, "what was copied is not copied again"
    assert await content(PostgresStore(StoreOptions(url=Secret(url)))) == before


async def test_who_slept_through_the_move_cannot_write(url: str, bare: Any, tmp_path: Path, clock: ManualClock) -> None:
    async with PostgresStore(StoreOptions(url=Secret(url))) as store:
        await store.apply(wrote("hi", clock.now()), rules)
    words = ("--from", url, "--to", f"sqlite:{tmp_path}/new.db")
    async with started("-c", SERVER, url) as sleeper:
        assert sleeper.stdout
        assert sleeper.stdin
        assert await sleeper.stdout.readline() == b"open\n"
        served = await command(*words)
        assert served.status == 1
        assert f"is served by process {sleeper.pid} on " in served.err
        assert "stop it, or where it was killed wait 35 s" in served.err
        sleeper.send_signal(signal.SIGSTOP)
        await bare.execute("UPDATE process SET seen_at = seen_at - interval '36 seconds'")
        before = await content(PostgresStore(StoreOptions(url=Secret(url))))
        moved = await command(*words)
        assert moved.status == 0, moved.err
        sleeper.send_signal(signal.SIGCONT)
        sleeper.stdin.write(b"\n")
        said = [(await asyncio.wait_for(sleeper.stdout.readline(), 20)).decode() for _ in range(3)]
        assert all(line.startswith("StoreUnavailable ") and "was moved away" in line for line in said), said
    assert await content(PostgresStore(StoreOptions(url=Secret(url)))) == before


async def test_one_who_serves_is_seen_until_the_end(
    url: str, bare: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "RENEWED_SECONDS", 0.02)
    async with PostgresStore(StoreOptions(url=Secret(url))):
        await bare.execute("UPDATE process SET seen_at = seen_at - interval '1 hour'")

        async def is_seen() -> bool:
            return bool(await bare.fetchval("SELECT bool_and(seen_at > now() - interval '1 minute') FROM process"))

        await until(is_seen, 5, "it gives another sign of life")
        async with PostgresStore(StoreOptions(url=Secret(url)), is_read_only=True):
            assert await bare.fetchval("SELECT count(*) FROM process") == 1
    assert await bare.fetchval("SELECT count(*) FROM process") == 0


async def test_what_killed_processes_left_behind_is_swept_away(
    options: StoreOptions, bare: Any, clock: ManualClock
) -> None:
    async with PostgresStore(options) as store:
        await bare.execute("INSERT INTO process VALUES ('old', 'x', $1)", clock.now())
        await store.prune(clock.now() + timedelta(seconds=1))
        assert await bare.fetchval("SELECT count(*) FROM process WHERE id = 'old'") == 0
        assert await bare.fetchval("SELECT count(*) FROM process") == 1


async def test_a_long_move_keeps_its_guard_whatever_the_role_is_limited_to(options: StoreOptions, bare: Any) -> None:
    name = await bare.fetchval("SELECT current_database()")
    for limit in ("idle_in_transaction_session_timeout", "transaction_timeout"):
        if await bare.fetchval("SELECT count(*) FROM pg_settings WHERE name = $1", limit):
            await bare.execute(f"ALTER DATABASE {name} SET {limit} = '200ms'")
    store = PostgresStore(options)
    async with store.archive(is_target=True):
        await asyncio.sleep(0.5)
        with pytest.raises(ConfigError, match="another frontdesk migrate-storage is at work"):
            await store.archive(is_target=True).__aenter__()


async def test_a_source_that_was_moved_can_be_reopened(shop: Path, url: str, clock: ManualClock) -> None:
    words = ("--from", f"sqlite:{shop}", "--to", url)
    assert (await command(*words)).status == 0
    second = await command(*words)
    assert second.status == 1
    assert f"sqlite:{shop} was moved to postgresql://" in second.err
    with pytest.raises(ConfigError, match="--reopen sqlite:"):
        await SqliteStore(shop, clock).__aenter__()
    async with SqliteStore(shop, clock, is_read_only=True) as reader:
        assert await reader.find(CHANNEL, PHONE)
    reopened = await command("--reopen", f"sqlite:{shop}")
    assert (reopened.status, reopened.err) == (0, "")
    assert "can be served again; never serve it and postgresql://" in reopened.out
    async with SqliteStore(shop, clock) as store:
        await store.check()


async def test_a_newer_schema_is_not_moved(shop: Path, url: str, bare: Any) -> None:
    async with PostgresStore(StoreOptions(url=Secret(url))):
        pass
    await bare.execute("INSERT INTO frontdesk_schema VALUES (99)")
    ended = await command("--from", f"sqlite:{shop}", "--to", url)
    assert ended.status == 1
    assert f"has schema 99, this frontdesk knows {len(migrations())}; install the newer release again" in ended.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "sqlite:none.db", "--to", "sqlite:b.db"], "there is no database at "),
        (["--from", "sqlite:", "--to", "sqlite:b.db"], "has the form sqlite:path/to/frontdesk.db; write it so"),
        (["--from", "sqlite:a.db", "--to", "sqlite:./a.db"], "--from and --to are the same store, sqlite:/"),
        (["--from", "a.db", "--to", "sqlite:b.db"], "--from names no store; write sqlite:"),
        (["--from", "mysql://x:hunter2@y/z", "--to", "sqlite:b.db"], "--from names no store; write sqlite:"),
        (["--from", "in_process:x", "--to", "sqlite:b.db"], "'in_process' is no store that can be moved; write"),
        (["--from", "env:NOWHERE", "--to", "sqlite:b.db"], "--from: the environment variable NOWHERE is not set; set"),
        (["--from", "postgres://x:hunter2@127.0.0.1:1/x", "--to", "sqlite:b.db"], "check that the server runs"),
        (["--from", "postgres://x:hunter2@127.0.0.1:a/x", "--to", "sqlite:b.db"], "has the form postgresql://"),
    ],
)
async def test_a_store_that_cannot_be_meant_is_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = await command(*words)
    assert ended.status == 1
    assert sentence in ended.err
    assert ended.err.count("\n") == 1
    assert "hunter2" not in ended.err
    assert files(tmp_path) == []


async def test_half_of_a_question_is_told_its_usage() -> None:
    for words in ((), ("--from", "sqlite:a.db"), ("--reopen", "sqlite:a.db", "--to", "sqlite:b.db")):
        ended = await command(*words)
        assert ended.status == 2
        assert ended.err.endswith("Error: Give --from and --to, or --reopen alone.\n")
