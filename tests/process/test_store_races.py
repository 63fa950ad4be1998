"""Several processes on one PostgreSQL store, without the rest of the service. The long version: make races."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontdesk.testing import servers
from process import races

pytestmark = pytest.mark.anyio


@pytest.fixture
def url() -> Iterator[str]:
    if servers.postgres_install() is None:
        if os.environ.get("CI"):
            pytest.fail(servers.NO_POSTGRES)
        pytest.skip(servers.NO_POSTGRES)
    with servers.postgres() as server:
        yield server.url


async def test_processes_that_die_and_stall_lose_double_reorder_and_block_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    found = await races.race(url, tmp_path, messages=600, seed=1, strikes=4)
    print(found)
    assert found.faults == 0, found
    assert found.interrupted > 0, "the strikes met nobody at work"
