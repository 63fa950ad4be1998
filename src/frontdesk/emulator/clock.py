"""The emulator's one look at the wall clock: a vendor lives in its own time, not in the service's."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the vendor's clock is not the service's, and must not be injected by it
