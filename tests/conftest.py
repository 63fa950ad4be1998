"""Fixtures for all rings."""

from __future__ import annotations

import pytest

from browser import chromium


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A ring that was left out is said aloud."""
    if chromium.found() is None:
        terminalreporter.write_line(chromium.complaint(), red=True, bold=True)
