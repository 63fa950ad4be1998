"""When to try again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from frontdesk.engine.backoff import Patience, next_pair_try, next_try

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
PATIENCE = Patience(attempts_max=5, base_seconds=1.0, cap_seconds=60.0)


@pytest.mark.parametrize(
    ("failures", "chance", "retry_after", "seconds"),
    [
        pytest.param(0, 1.0, None, 1.0, id="the first wait is the base"),
        pytest.param(3, 1.0, None, 8.0, id="it doubles with each failure"),
        pytest.param(40, 1.0, None, 60.0, id="up to the cap"),
        pytest.param(3, 0.25, None, 2.0, id="anywhere below the ceiling"),
        pytest.param(0, 0.5, 30.0, 30.5, id="after the vendor's own word, with jitter on top"),
    ],
)
def test_the_next_try(failures: int, chance: float, retry_after: float | None, seconds: float) -> None:
    assert next_try(PATIENCE, NOW, failures, retry_after, chance) == NOW + timedelta(seconds=seconds)


@given(
    failures=st.integers(0, 10_000),
    chance=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 3_600),
)
def test_a_try_is_never_before_the_vendors_word_and_never_much_later(
    failures: int, chance: float, retry_after: float | None
) -> None:
    at = next_try(PATIENCE, NOW, failures, retry_after, chance)
    earliest = NOW + timedelta(seconds=retry_after or 0.0)
    assert earliest <= at <= earliest + timedelta(seconds=PATIENCE.cap_seconds)


@pytest.mark.parametrize(("failures", "seconds"), [(0, 1), (1, 4), (2, 16), (4, 256), (9, 256)])
def test_the_pair_limit_waits_as_meta_advises(failures: int, seconds: int) -> None:
    assert next_pair_try(NOW, failures) == NOW + timedelta(seconds=seconds)
