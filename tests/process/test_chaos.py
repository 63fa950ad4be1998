"""Enterprise mode while everything breaks. The long version: make chaos-test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from frontdesk.testing import servers
from process import chaos

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def has_servers() -> None:
    missing = [
        complaint
        for found, complaint in (
            (servers.postgres_install(), servers.NO_POSTGRES),
            (servers.redis_command(), servers.NO_REDIS),
        )
        if found is None
    ]
    if missing and os.environ.get("CI"):
        pytest.fail(missing[0])
    if missing:
        pytest.skip(missing[0])


async def test_killed_emptied_and_cut_off_enterprise_mode_keeps_its_promises(tmp_path: Path) -> None:
    plan = chaos.Plan(kills=8, postgres_kills=1, redis_kills=1, cuts=2, customers=20, lease_seconds=3.0, seed=7)
    report = await chaos.run(tmp_path, plan)
    print(report)
    assert report.accounts.written > 100
    assert report.flushes > 5
    assert report.accounts.faults == {}
    assert report.unforeseen == ()
    assert set(report.ends) <= {-9, 1}, "a process ends when it is killed, or cannot begin for want of PostgreSQL"
