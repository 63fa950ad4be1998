"""The real command: killed, stopped, started again."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.container import SystemClock
from frontdesk.core.message import MessageStatus
from frontdesk.emulator.options import VendorName
from frontdesk.testing.process import until, world
from frontdesk_plugins.sqlite.store import SqliteStore
from process import kills
from process.load import POLICY

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("vendor", "times"), [("meta", 50), ("msg91", 25)])
async def test_kills_under_load_lose_double_and_shuffle_nothing(tmp_path: Path, vendor: VendorName, times: int) -> None:
    accounts = await kills.run(tmp_path, times, seed=7, vendor=vendor)
    print(accounts)
    assert accounts.written > 10 * times
    assert accounts.faults == {}


async def test_a_number_that_changes_its_vendor_in_mid_conversation_loses_and_doubles_nothing(tmp_path: Path) -> None:
    accounts = await kills.run(tmp_path, 20, seed=7, swaps=True)
    print(accounts)
    assert accounts.written > 100
    assert accounts.faults == {}


async def test_nobody_has_to_go_back_where_the_vendor_before_is_still_heard(tmp_path: Path) -> None:
    """The last change is for good: what the other vendor still has to tell (statuses of what it took, messages that it
    could not bring in time) comes to the same channel."""
    accounts = await kills.run(tmp_path, 12, seed=8, swaps=True, hears_former=True)
    print(accounts)
    assert accounts.written > 60
    assert accounts.faults == {}


async def test_on_sigterm_what_was_begun_is_finished_and_the_rest_waits(tmp_path: Path) -> None:
    async with world(tmp_path, POLICY, reads="auto") as (customers, service):
        await service.start()
        await customers.break_({"on": "send", "kind": "latency", "value": 0.5})
        phones = [f"1555010{number:04}" for number in range(20)]
        for phone in phones:
            await customers.write(phone, "delivery?")

        async def is_sending() -> bool:
            async with SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True) as store:
                return (await store.backlog()).states.get("started", 0) > 0

        await until(is_sending, 10, "sends are under way")
        assert await service.stop() == 0, service.log()
        async with SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True) as store:
            states = (await store.backlog()).states
        assert set(states) <= {"pending", "waiting"}
        await service.start()

        async def is_answered() -> bool:
            return len({entry["to"] for entry in await customers.ledger()}) == len(phones)

        await until(is_answered, 15, "everybody is answered after the restart")
        references = [entry["reference"] for entry in await customers.ledger()]
        assert len(references) == len(set(references))
        assert await service.stop() == 0


@pytest.mark.parametrize("vendor", kills.VENDORS)
async def test_lost_answers_of_the_vendor_are_settled_by_their_statuses(tmp_path: Path, vendor: VendorName) -> None:
    async with world(tmp_path, POLICY, reads="auto", vendor=vendor) as (customers, service):
        await service.start()
        await customers.break_({"on": "send", "kind": "accept_then_drop", "count": 5})
        phones = [f"1555020{number:04}" for number in range(10)]
        for phone in phones:
            await customers.write(phone, "delivery?")

        async def is_read() -> bool:
            ledger = await customers.ledger()
            return len(ledger) == len(phones) and all(entry["status"] == "read" for entry in ledger)

        await until(is_read, 15, "all were sent once and read")
        async with SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True) as store:

            async def is_settled() -> bool:
                return not (await store.backlog()).states

            await until(is_settled, 10, "nothing is unsettled")
            for phone in phones:
                known = await store.find("main", phone)
                assert known is not None
                statuses = [one.status for one in await store.messages(known) if one.author == "bot"]
                assert statuses == [MessageStatus.READ]
        await service.stop()
