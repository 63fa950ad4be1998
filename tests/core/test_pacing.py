"""How fast: never early, a burst, then an interval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from frontdesk.core.pacing import pace

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)


def leave(gaps: list[float], burst: int, interval: float) -> list[tuple[datetime, datetime]]:
    """When each was asked for and when it may go."""
    ready_at, now, times = None, NOW, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        due_at, ready_at = pace(ready_at, now, burst=burst, interval_seconds=interval)
        times.append((now, due_at))
    return times


def test_a_burst_goes_at_once_and_then_one_an_interval() -> None:
    waits = [(due_at - now).total_seconds() for now, due_at in leave([0.0] * 5, burst=3, interval=6.0)]
    assert waits == [0.0, 0.0, 0.0, 6.0, 12.0]


def test_what_was_not_used_comes_back_with_time_but_no_more_than_a_burst() -> None:
    waits = [
        (due_at - now).total_seconds()
        for now, due_at in leave([0, 0, 0, 12, 0, 0, 9_999, 0, 0, 0], burst=3, interval=6)
    ]
    assert waits == [0, 0, 0, 0, 0, 6, 0, 0, 0, 6]


@given(
    gaps=st.lists(st.floats(0, 40), min_size=1, max_size=40),
    burst=st.integers(1, 6),
    interval=st.floats(0.1, 20),
)
def test_nothing_goes_early_and_no_window_of_time_holds_more_than_is_allowed(
    gaps: list[float], burst: int, interval: float
) -> None:
    times = leave(gaps, burst, interval)
    assert all(due_at >= now for now, due_at in times)
    left = [due_at for _, due_at in times]
    assert left == sorted(left)
    for first in range(len(left)):
        for last in range(first + burst, len(left)):
            count = last - first + 1
            span = (left[last] - left[first]).total_seconds()
            assert span >= (count - burst) * interval - 0.001
