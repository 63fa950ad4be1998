"""One emulated vendor for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from plugins.openrouter.support import Vendor, open_vendor


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with open_vendor() as vendor:
        yield vendor
