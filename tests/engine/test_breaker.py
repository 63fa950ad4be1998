"""When something that fails is left out, and how it comes back."""

from __future__ import annotations

from frontdesk.engine.breaker import Breaker, BreakerRules
from frontdesk.testing.doubles import ManualClock

RULES = BreakerRules(window_seconds=60, calls_min=4, failure_rate=0.5, rest_seconds=10, rest_seconds_max=35)


class Bench:
    def __init__(self, rules: BreakerRules = RULES) -> None:
        self.clock = ManualClock()
        self.breaker = Breaker(rules)

    @property
    def state(self) -> str:
        return self.breaker.state(self.clock.now())

    def admit(self) -> int | None:
        return self.breaker.admit(self.clock.now())

    def permit(self) -> int:
        permit = self.admit()
        assert permit is not None
        return permit

    def call(self, *, fails: bool, retry_after: float | None = None) -> None:
        permit = self.permit()
        self.clock.advance(0.1)
        if fails:
            self.breaker.failed(permit, self.clock.now(), "busy", retry_after)
        else:
            self.breaker.succeeded(permit, self.clock.now())

    def open(self) -> None:
        for _ in range(RULES.calls_min):
            self.call(fails=True)
        assert self.state == "open"


def test_too_few_calls_say_nothing() -> None:
    bench = Bench()
    for _ in range(3):
        bench.call(fails=True)
    assert (bench.state, bench.breaker.reason) == ("closed", "")
    bench.call(fails=True)
    assert (bench.state, bench.breaker.reason, bench.admit()) == ("open", "busy", None)


def test_half_of_the_calls_must_fail() -> None:
    bench = Bench()
    for _ in range(3):
        bench.call(fails=False)
    bench.call(fails=True)
    bench.call(fails=True)
    assert bench.state == "closed"
    bench.call(fails=True)
    assert bench.state == "open"


def test_what_was_before_the_window_is_forgotten() -> None:
    bench = Bench()
    for _ in range(3):
        bench.call(fails=True)
    bench.clock.advance(60)
    bench.call(fails=True)
    assert bench.state == "closed"


def test_one_probe_is_let_through_and_its_success_closes() -> None:
    bench = Bench()
    bench.open()
    bench.clock.advance(9.9)
    assert bench.admit() is None
    bench.clock.advance(0.1)
    assert bench.state == "half open"
    probe = bench.permit()
    assert bench.admit() is None
    bench.breaker.succeeded(probe, bench.clock.now())
    assert (bench.state, bench.breaker.reason) == ("closed", "")


def test_each_failed_probe_doubles_the_rest_up_to_the_longest() -> None:
    bench = Bench()
    bench.open()
    rests = []
    for _ in range(4):
        assert bench.breaker.rests_until is not None
        rest = bench.breaker.rests_until - bench.clock.now()
        rests.append(rest.total_seconds())
        bench.clock.advance(rests[-1])
        bench.breaker.failed(bench.permit(), bench.clock.now(), "still busy")
    assert rests == [10, 20, 35, 35]
    assert bench.breaker.reason == "still busy"


def test_after_it_was_closed_the_rest_is_short_again() -> None:
    bench = Bench()
    bench.open()
    bench.clock.advance(10)
    bench.call(fails=True)
    bench.clock.advance(20)
    bench.call(fails=False)
    bench.open()
    bench.clock.advance(10)
    assert bench.state == "half open"


def test_a_probe_that_tells_nothing_makes_room_for_another() -> None:
    bench = Bench()
    bench.open()
    bench.clock.advance(10)
    bench.permit()
    bench.clock.advance(29)
    assert bench.admit() is None
    bench.clock.advance(1)
    assert bench.admit() is not None


def test_a_probe_that_was_broken_off_makes_room_at_once() -> None:
    bench = Bench()
    bench.open()
    bench.clock.advance(10)
    bench.breaker.forget(bench.permit())
    assert bench.admit() is not None


def test_what_was_under_way_when_it_opened_is_no_probe() -> None:
    bench = Bench()
    slow = [bench.permit() for _ in range(3)]
    bench.open()
    bench.breaker.succeeded(slow[0], bench.clock.now())
    assert bench.state == "open"
    bench.clock.advance(10)
    bench.permit()
    bench.breaker.failed(slow[1], bench.clock.now(), "late")
    assert bench.state == "half open"
    bench.breaker.forget(slow[2])
    assert bench.admit() is None


def test_a_probe_whose_time_is_over_says_nothing_about_the_next() -> None:
    bench = Bench()
    bench.open()
    bench.clock.advance(10)
    first = bench.permit()
    bench.clock.advance(30)
    second = bench.permit()
    bench.breaker.failed(first, bench.clock.now(), "late")
    assert bench.state == "half open"
    bench.breaker.succeeded(second, bench.clock.now())
    assert bench.state == "closed"


def test_it_rests_for_as_long_as_it_was_asked_to() -> None:
    bench = Bench()
    bench.call(fails=True, retry_after=40)
    bench.clock.advance(39.9)
    assert bench.state == "open"
    bench.clock.advance(0.1)
    assert bench.state == "half open"


def test_it_is_tripped_at_once_and_not_twice() -> None:
    bench = Bench()
    bench.breaker.trip(bench.clock.now(), "the key is wrong")
    until = bench.breaker.rests_until
    bench.clock.advance(1)
    bench.breaker.trip(bench.clock.now(), "the key is still wrong")
    assert (bench.state, bench.breaker.reason, bench.breaker.rests_until) == ("open", "the key is wrong", until)
    assert bench.breaker.is_tripped
    bench.clock.advance(10)
    bench.call(fails=True)
    assert (bench.state, bench.breaker.is_tripped) == ("open", False)
