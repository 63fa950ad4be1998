"""Real processes never spend more than a cap allows, whoever is killed when."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontdesk.testing import servers
from process import spending

pytestmark = pytest.mark.anyio


@pytest.fixture
def database_url() -> Iterator[str]:
    if servers.postgres_install() is None:
        if os.environ.get("CI"):
            pytest.fail(servers.NO_POSTGRES)
        pytest.skip(servers.NO_POSTGRES)
    with servers.postgres() as server:
        yield server.url


def judge(found: spending.Spending) -> None:
    print(found)
    assert (found.overrun, found.unbooked) == ("0", "0")
    assert found.calls > 10
    assert found.refused > 10
    assert float(found.held) > 0


async def test_one_process_that_is_killed_again_and_again_stays_below_the_cap(tmp_path: Path) -> None:
    judge(await spending.run(tmp_path, 5, seed=3))


async def test_several_processes_on_one_database_stay_below_the_cap_together(tmp_path: Path, database_url: str) -> None:
    judge(await spending.run(tmp_path, 5, seed=4, database_url=database_url))
