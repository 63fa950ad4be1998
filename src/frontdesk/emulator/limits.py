"""Meta's two speed limits: so many messages a second per number, and a slow bucket per pair of number and contact."""

from __future__ import annotations

from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.options import EmulatorOptions


class Limits:
    """Generic cells: per key the moment at which its bucket will be empty again."""

    def __init__(self, options: EmulatorOptions) -> None:
        self._per_second = options.throughput_per_second
        self._burst = options.pair_burst
        self._interval = options.pair_interval_seconds
        self.clear()

    def clear(self) -> None:
        """Every bucket empty."""
        self._second = 0
        self._in_second = 0
        self._empty_at: dict[str, float] = {}

    def count(self, to: str, at: float) -> None:
        """Let one message through, or raise Meta's refusal. `at` is any clock that only goes forward, seconds."""
        if self._per_second is not None:
            self._count_second(int(at), self._per_second)
        if self._burst is not None:
            self._count_pair(to, at, self._burst)

    def _count_second(self, second: int, most: int) -> None:
        if second != self._second:
            self._second, self._in_second = second, 0
        if self._in_second >= most:
            raise GraphError("130429_rate_limit")
        self._in_second += 1

    def _count_pair(self, to: str, at: float, burst: int) -> None:
        empty_at = max(self._empty_at.get(to, at), at)
        if empty_at - at > (burst - 1) * self._interval + 1e-6:
            raise GraphError("131056_pair_rate_limit")
        self._empty_at[to] = empty_at + self._interval
