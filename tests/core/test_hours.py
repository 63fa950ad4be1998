"""Business hours: several periods a day, a time zone, holidays, summer time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.flow_talk import book
from frontdesk.core.flow import Hours
from frontdesk.core.hours import is_open, opens_at


def hours(text: str, zone: str = "Europe/Berlin", holidays: str = "[]") -> Hours:
    rules = f"time_zone: {zone}\nhours: {text}\nholidays: {holidays}"
    made = book(rules=rules, shop="title: S\nstarts_on: {keywords: [x]}\nsteps:\n  a: {end: true}").rules.hours
    assert made is not None
    return made


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


MONDAYS = '{monday: ["09:00-13:00", "14:00-00:00"]}'


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-02T07:59", False),
        ("2026-11-02T08:00", True),
        ("2026-11-02T12:00", False),  # the end is closed
        ("2026-11-02T12:59", False),
        ("2026-11-02T13:00", True),
        ("2026-11-02T22:59", True),
        ("2026-11-02T23:00", False),  # Tuesday there
        ("2026-06-29T07:00", True),  # summer time
        ("2026-11-03T10:00", False),
    ],
)
def test_open_by_the_clock_of_the_business(at: str, expected: bool) -> None:
    assert is_open(hours(MONDAYS), utc(at)) is expected


def test_a_holiday_is_closed() -> None:
    assert not is_open(hours(MONDAYS, holidays="[2026-11-02]"), utc("2026-11-02T10:00"))


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-02T10:00", "2026-11-02T10:00"),
        ("2026-11-02T12:30", "2026-11-02T13:00"),
        ("2026-11-03T00:00", "2026-11-09T08:00"),
        ("2026-10-24T00:00", "2026-10-26T08:00"),  # over the end of summer time
    ],
)
def test_when_it_opens_next(at: str, opens: str) -> None:
    assert opens_at(hours(MONDAYS), utc(at)) == utc(opens)


def test_a_business_that_is_always_closed_never_opens() -> None:
    assert opens_at(Hours(zone=UTC, periods={}), utc("2026-11-02T10:00")) is None


def test_without_hours_it_is_always_open() -> None:
    assert is_open(None, utc("2026-11-02T03:00"))
    assert opens_at(None, utc("2026-11-02T03:00")) == utc("2026-11-02T03:00")
