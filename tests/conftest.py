"""Fixtures for all rings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from browser import chromium


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _logs_as_ever() -> Iterator[None]:
    """A command that runs in this process sets up its own log, to a stream that ends with the test."""
    yield
    structlog.reset_defaults()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A ring that was left out is said aloud."""
    if chromium.found() is None:
        terminalreporter.write_line(chromium.complaint(), red=True, bold=True)
