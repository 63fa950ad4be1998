"""A server that is away, full, slow, read-only or not ours: one sentence with the cure, and it recovers by itself."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import asyncpg
import msgspec
import pytest

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event
from frontdesk.core.plan import Decision
from frontdesk.plugin import ConfigError, Secret
from frontdesk.ports import StoreUnavailable
from frontdesk.testing.contracts import LEASE, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, PHONE, wrote
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.queries import migrations
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio

KILL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def kill(url: str) -> None:
    """End every other connection to the database."""
    connection = await asyncpg.connect(url)
    await connection.execute(KILL)
    await connection.close()


async def test_a_connection_that_dies_in_mid_batch_leaves_nothing_half_written(
    one: PostgresStore, clock: ManualClock, url: str, bare: Any
) -> None:
    def deadly(conversation: Conversation, event: Event) -> Decision:
        killer = threading.Thread(target=lambda: asyncio.run(kill(url)))
        killer.start()
        killer.join()
        return rules(conversation, event)

    event = wrote("hi", clock.now())
    with pytest.raises(StoreUnavailable):
        await one.apply(event, deadly)
    assert await one.find(CHANNEL, PHONE) is None
    assert await one.apply(event, rules) is not None
    assert await one.apply(event, rules) is None
    assert len(await one.claim(LEASE, 10)) == 1


async def test_a_server_that_comes_back_is_used_again(one: PostgresStore, clock: ManualClock, url: str) -> None:
    assert await one.apply(wrote("a", clock.now()), rules) is not None
    await kill(url)
    await asyncio.sleep(0.05)
    assert await one.apply(wrote("b", clock.now()), rules) is not None


async def test_a_lock_that_somebody_else_keeps_is_not_waited_for_without_end(
    options: StoreOptions, clock: ManualClock, bare: Any
) -> None:
    impatient = msgspec.structs.replace(options, statement_timeout_seconds=0.3)
    async with PostgresStore(impatient, clock=clock) as store:
        await store.apply(wrote("a", clock.now()), rules)
        held = bare.transaction()
        await held.start()
        await bare.execute("SELECT 1 FROM conversation FOR UPDATE")
        with pytest.raises(StoreUnavailable, match=r"statement timeout.*look for what blocks"):
            await store.apply(wrote("b", clock.now()), rules)
        await held.rollback()
        assert await store.apply(wrote("b", clock.now()), rules) is not None


async def test_a_pool_without_a_free_connection_is_said_and_recovers(options: StoreOptions, clock: ManualClock) -> None:
    small = msgspec.structs.replace(options, pool_max=2, connect_timeout_seconds=0.3)
    async with PostgresStore(small, clock=clock) as store:
        taken = [await store._pool.acquire() for _ in range(2)]
        for work in (store.apply(wrote("a", clock.now()), rules), store.check(), store.backlog()):
            with pytest.raises(StoreUnavailable, match=r"raise `store.pool_max`"):
                await work
        for connection in taken:
            await store._pool.release(connection)
        assert await store.apply(wrote("a", clock.now()), rules) is not None


async def test_a_server_that_only_reads_refuses_and_recovers_by_itself(
    one: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    name = await bare.fetchval("SELECT current_database()")
    await bare.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await one._pool.expire_connections()
    with pytest.raises(StoreUnavailable, match=r"let `store.url` name the primary"):
        await one.check()
    with pytest.raises(StoreUnavailable):
        await one.apply(wrote("a", clock.now()), rules)
    await bare.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await one.check()
    assert await one.apply(wrote("a", clock.now()), rules) is not None


async def test_a_server_that_is_away_is_said_to_be_away() -> None:
    with pytest.raises(StoreUnavailable, match="check that the server runs and is reached"):
        await PostgresStore(StoreOptions(url=Secret("postgresql://x@127.0.0.1:1/x"))).__aenter__()


@pytest.mark.parametrize("address", ["mysql://x:hunter2@127.0.0.1:1/x", "postgresql://x:hunter2@127.0.0.1:99999/x"])
async def test_an_address_that_cannot_be_read_is_refused_without_telling_the_password(address: str) -> None:
    with pytest.raises(ConfigError, match="has the form postgresql://") as refused:
        await PostgresStore(StoreOptions(url=Secret(address))).__aenter__()
    assert "hunter2" not in str(refused.value)


async def test_a_database_that_does_not_exist_is_to_be_created(url: str) -> None:
    with pytest.raises(ConfigError, match="create the database, or name another"):
        await PostgresStore(StoreOptions(url=Secret(f"{url}_not"))).__aenter__()


async def test_rights_that_are_missing_are_named(url: str, bare: Any) -> None:
    role = f"poor_{await bare.fetchval('SELECT current_database()')}"
    await bare.execute(f"CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with pytest.raises(ConfigError, match=r"permission denied.*let the role own the database's schema"):
        await PostgresStore(StoreOptions(url=Secret(url.replace("postgres@", f"{role}@")))).__aenter__()
    await bare.execute(f"DROP ROLE {role}")


async def test_too_many_connections_are_said_to_be_too_many(url: str, bare: Any) -> None:
    role = f"many_{await bare.fetchval('SELECT current_database()')}"
    await bare.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0")
    with pytest.raises(StoreUnavailable, match=r"lower `store.pool_max`"):
        await PostgresStore(StoreOptions(url=Secret(url.replace("postgres@", f"{role}@")))).__aenter__()
    await bare.execute(f"DROP ROLE {role}")


async def test_a_newer_schema_is_refused(options: StoreOptions, bare: Any) -> None:
    async with PostgresStore(options):
        pass
    await bare.execute("INSERT INTO frontdesk_schema VALUES ($1)", len(migrations()) + 1)
    with pytest.raises(ConfigError, match="install the newer release again"):
        await PostgresStore(options).__aenter__()


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("25P04", "raise the role's transaction_timeout"),  # transaction_timeout, of PostgreSQL 17
        ("26000", "set `store.statement_cache = 0`"),
        ("42P05", "set `store.statement_cache = 0`"),
        ("40003", "check that the server runs"),  # statement_completion_unknown
        ("42883", "start the service once, and check the search_path"),
        ("42703", "start the service once, and check the search_path"),
        ("3F000", "check the search_path of the role"),
        ("XX000", "look into the server's log"),  # cache lookup failed, tuple concurrently updated
        ("XX001", "look into the server's log"),  # invalid page in block
    ],
)
async def test_what_is_not_the_fault_of_the_question_makes_the_store_unavailable(
    one: PostgresStore, code: str, cure: str
) -> None:
    async def fail(connection: Any) -> None:
        await connection.execute(f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$")

    with pytest.raises(StoreUnavailable) as refused:
        await one._run(fail)
    assert cure in str(refused.value)
    await one.check()


async def test_a_row_that_the_server_cannot_read_costs_the_others_nothing(
    one: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    await bare.execute(
        "CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'invalid page' USING ERRCODE = 'XX001'; END $$;"
        " CREATE TRIGGER break BEFORE INSERT ON journal FOR EACH ROW"
        " WHEN (convert_from(NEW.event, 'UTF8') LIKE '%15550003%') EXECUTE FUNCTION break()"
    )
    events = [wrote("hi", clock.now(), phone=f"1555000{number}") for number in range(5)]
    results = await asyncio.gather(*(one.apply(event, rules) for event in events), return_exceptions=True)
    assert [isinstance(result, StoreUnavailable) for result in results] == [number == 3 for number in range(5)]
    assert [isinstance(result, Decision) for result in results] == [number != 3 for number in range(5)]


async def test_an_option_that_leads_nowhere_is_named(url: str) -> None:
    for option, cure in {"search_path=nowhere": "check the search_path", "timezone=Nowhere": "after its ?"}.items():
        with pytest.raises(ConfigError, match=cure.replace("?", r"\?")):
            await PostgresStore(StoreOptions(url=Secret(f"{url}?{option}"))).__aenter__()


async def test_a_database_with_somebody_elses_tables_is_left_alone(options: StoreOptions, bare: Any) -> None:
    await bare.execute("CREATE TABLE message (theirs integer)")
    with pytest.raises(ConfigError, match="name a database of its own"):
        await PostgresStore(options).__aenter__()
    assert await bare.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 1


async def test_an_old_server_is_refused(options: StoreOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontdesk_plugins.postgres.schema.SERVER_MIN", 99)
    with pytest.raises(ConfigError, match="is too old; upgrade the server to 99 or newer"):
        await PostgresStore(options).__aenter__()


async def test_a_server_that_forgets_what_it_accepted_is_refused(options: StoreOptions, bare: Any) -> None:
    name = await bare.fetchval("SELECT current_database()")
    await bare.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(ConfigError, match="synchronous_commit is off"):
        await PostgresStore(options).__aenter__()


async def test_processes_that_start_together_migrate_once(options: StoreOptions, bare: Any) -> None:
    stores = [PostgresStore(options) for _ in range(6)]
    await asyncio.gather(*(store.__aenter__() for store in stores))
    await asyncio.gather(*(store.check() for store in stores))
    await asyncio.gather(*(store.__aexit__() for store in stores))
    assert await bare.fetchval("SELECT count(*) FROM frontdesk_schema") == len(migrations())


async def test_a_reader_may_look_and_cannot_write(
    one: PostgresStore, options: StoreOptions, clock: ManualClock
) -> None:
    decision = await one.apply(wrote("hi", clock.now()), rules)
    assert decision is not None
    async with PostgresStore(options, is_read_only=True) as reader:
        assert await reader.conversation(decision.conversation.id) == decision.conversation
        for write in (reader.check(), reader.apply(wrote("a", clock.now()), rules)):
            with pytest.raises(StoreUnavailable):
                await write


async def test_a_reader_of_nothing_is_told_to_start_the_service(options: StoreOptions) -> None:
    with pytest.raises(ConfigError, match="start the service once"):
        await PostgresStore(options, is_read_only=True).__aenter__()
