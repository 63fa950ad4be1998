"""An outcome that comes at the very moment at which its hold is given up as lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from frontdesk.core.effect import DraftReply
from frontdesk.core.money import Caps, Total, scopes
from frontdesk.testing.contracts import rules
from frontdesk.testing.contracts.ledger import LedgerContract, asked, hold_for, paid
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.process import until
from frontdesk_plugins.postgres import ledger
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio


async def test_it_counts_once_at_its_real_cost(one: PostgresStore, clock: ManualClock, bare: Any) -> None:
    claim = await LedgerContract().drafting(one, clock)
    assert isinstance(claim.effect, DraftReply)
    began_at = clock.now()
    await one.reserve(hold_for(claim, began_at, 400), Caps())
    clock.advance(86_400)

    async def waiting() -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await one._run(lambda connection: connection.fetchval(query)))

    async with bare.transaction():
        assert await ledger.write_off(bare, clock.now()) == 1
        late = asyncio.create_task(one.apply(paid(claim, clock.now(), asked("0.00000003")), rules))
        await until(waiting, 10, "the outcome waits")
    await late
    totals = await one.totals([scope.key for scope in scopes(claim.conversation_id, began_at)])
    assert list(totals.values()) == [Total(30, 0)] * 4
    assert [line.count for line in await one.spent(began_at)] == [1]
