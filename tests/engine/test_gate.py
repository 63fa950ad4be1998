"""May this channel send now?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from frontdesk.engine.gate import PAUSE_SECONDS, PAUSE_SECONDS_MAX, PROBE_SECONDS, RATE_MIN, Gate

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_channel_sends_freely_until_the_vendor_complains() -> None:
    gate = Gate()
    assert [gate.admit(NOW) for _ in range(500)] == [None] * 500


def test_a_complaint_halts_the_channel_for_as_long_as_the_vendor_says() -> None:
    gate = Gate()
    gate.admit(NOW)
    assert gate.throttled(NOW, 7.0) == after(7)
    assert gate.admit(after(3)) == after(7)
    assert gate.admit(after(7)) is None


def test_a_complaint_without_a_span_halts_it_for_a_second() -> None:
    assert Gate().throttled(NOW, None) == after(1)


def test_after_a_complaint_it_sends_at_four_fifths_of_what_it_managed() -> None:
    gate = Gate()
    for _ in range(10):
        gate.admit(NOW)
    gate.throttled(NOW, None)
    assert gate.rate == 8.0
    gate.throttled(after(1), None)
    assert gate.rate == 6.4


def test_complaints_about_what_was_under_way_together_count_once() -> None:
    gate = Gate()
    for _ in range(80):
        gate.admit(NOW)
    waits = {gate.throttled(after(number / 1_000), 5.0) for number in range(80)}
    assert waits == {after(5)}
    assert gate.rate == 64.0


def test_who_has_to_wait_is_told_a_turn_of_their_own() -> None:
    gate = Gate()
    for _ in range(10):
        gate.admit(NOW)
    gate.throttled(NOW, None)
    turns = [gate.admit(NOW) for _ in range(30)]
    assert len(set(turns)) == 30
    assert [gate.admit(turn) for turn in turns if turn] == [None] * 30


def test_turns_are_given_out_some_seconds_ahead_and_no_further() -> None:
    gate = Gate()
    gate.admit(NOW)
    gate.throttled(NOW, None)
    turns = [gate.admit(NOW) for _ in range(1_000)]
    assert len({turn for turn in turns if turn}) <= 12
    assert max(turn for turn in turns if turn) <= after(12)


def test_a_turn_that_nobody_took_is_not_made_up_for_later() -> None:
    gate = Gate()
    for _ in range(10):
        gate.admit(NOW)
    gate.throttled(NOW, None)
    for _ in range(70):
        gate.admit(NOW)
    assert sum(gate.admit(after(9.5)) is None for _ in range(100)) <= 20


def test_the_rate_never_falls_below_its_floor() -> None:
    gate = Gate()
    for second in range(30):
        gate.throttled(after(second), None)
    assert gate.rate == RATE_MIN


def test_the_rate_is_kept_and_grows_a_tenth_each_second_without_complaint() -> None:
    gate = Gate()
    for _ in range(10):
        gate.admit(NOW)
    gate.throttled(NOW, 1.0)
    sent = sum(gate.admit(after(1 + number / 100)) is None for number in range(100))
    assert 8 <= sent <= 10
    gate.admit(after(5))
    assert gate.rate is not None
    assert gate.rate > 8.0


def test_an_account_failure_pauses_the_channel_and_lets_one_through_to_see() -> None:
    gate = Gate()
    assert gate.barred(NOW, "token expired", None) == after(PAUSE_SECONDS)
    assert gate.pause_reason == "token expired"
    assert gate.admit(after(10)) == after(PAUSE_SECONDS)
    assert gate.admit(after(PAUSE_SECONDS)) is None
    assert gate.admit(after(PAUSE_SECONDS)) == after(PAUSE_SECONDS + PROBE_SECONDS)


def test_success_opens_a_paused_channel() -> None:
    gate = Gate()
    gate.barred(NOW, "token expired", None)
    gate.admit(after(PAUSE_SECONDS))
    gate.succeeded()
    assert gate.admit(after(PAUSE_SECONDS)) is None
    assert gate.pause_reason == ""


def test_the_pause_doubles_while_the_account_stays_barred_up_to_its_limit() -> None:
    gate, now, waits = Gate(), NOW, []
    for _ in range(7):
        until = gate.barred(now, "unpaid", None)
        waits.append((until - now).total_seconds())
        now = until
        gate.admit(now)
    assert waits == [30, 60, 120, 240, 480, PAUSE_SECONDS_MAX, PAUSE_SECONDS_MAX]


def test_several_messages_that_hit_the_bar_together_count_once() -> None:
    gate = Gate()
    first = gate.barred(NOW, "unpaid", 120.0)
    assert gate.barred(after(1), "unpaid", 120.0) == first == after(120)


def test_what_was_under_way_when_the_account_was_barred_does_not_prolong_the_pause() -> None:
    gate = Gate()
    for number in range(20):
        assert gate.barred(after(number / 1_000), "token expired", None) == after(PAUSE_SECONDS)


def test_the_rate_finds_down_to_what_the_vendor_takes_and_stays_near_it() -> None:
    gate, now, waiting, taken = Gate(), NOW, [NOW] * 3_000, [0] * 60
    for _ in range(60 * 20):
        second = int((now - NOW).total_seconds())
        for due in [due for due in waiting if due <= now]:
            waiting.remove(due)
            until = gate.admit(now)
            if until is None and taken[second] < 80:
                taken[second] += 1
            else:
                waiting.append(until or gate.throttled(now, 5.0))
        now += timedelta(seconds=0.05)
    assert sum(taken[30:]) >= 30 * 40
    assert gate.rate is not None
    assert gate.rate < 100
