"""Circles in a graph, without recursion: a file may have a thousand steps in a row."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

Spot = TypeVar("Spot", bound=Hashable)


def circles(ways: Mapping[Spot, Sequence[Spot]]) -> list[set[Spot]]:
    """The sets of spots that lead to one another (Tarjan's strongly connected components), and spots that lead to
    themselves. Every spot that is led to must be a key."""
    search = _Search(ways)
    for spot in ways:
        if spot not in search.order:
            search.walk(spot)
    return search.found


class _Search(Generic[Spot]):
    """`order` counts the spots as they were entered; `lowest` is the earliest that a spot leads back to."""

    def __init__(self, ways: Mapping[Spot, Sequence[Spot]]) -> None:
        self.ways = ways
        self.order: dict[Spot, int] = {}
        self.lowest: dict[Spot, int] = {}
        self.open: list[Spot] = []
        self.is_open: set[Spot] = set()
        self.found: list[set[Spot]] = []

    def walk(self, start: Spot) -> None:
        visits = [self.enter(start)]
        while visits:
            spot, ahead = visits[-1]
            following = next(ahead, None)
            if following is None:
                visits.pop()
                self.leave(spot)
                if visits:
                    self.lower(visits[-1][0], self.lowest[spot])
            elif following not in self.order:
                visits.append(self.enter(following))
            elif following in self.is_open:
                self.lower(spot, self.order[following])

    def enter(self, spot: Spot) -> tuple[Spot, Iterator[Spot]]:
        self.order[spot] = self.lowest[spot] = len(self.order)
        self.open.append(spot)
        self.is_open.add(spot)
        return spot, iter(self.ways[spot])

    def lower(self, spot: Spot, to: int) -> None:
        self.lowest[spot] = min(self.lowest[spot], to)

    def leave(self, spot: Spot) -> None:
        """All ways from the spot are walked; where none leads further back, what is open from it on is one set."""
        if self.lowest[spot] != self.order[spot]:
            return
        circle: set[Spot] = set()
        while spot not in circle:
            circle.add(self.open.pop())
        self.is_open -= circle
        if len(circle) > 1 or spot in self.ways[spot]:
            self.found.append(circle)


def round_trip(ways: Mapping[Spot, Sequence[Spot]], begin: Spot, circle: set[Spot]) -> list[Spot]:
    """A shortest way from `begin` back to it inside its circle, both ends included."""
    came_from: dict[Spot, Spot] = {}
    ahead = [begin]
    for spot in ahead:
        if begin in ways[spot]:
            return [*_traced(came_from, begin, spot), begin]
        for following in ways[spot]:
            if following in circle and following not in came_from:
                came_from[following] = spot
                ahead.append(following)
    return [begin]


def _traced(came_from: Mapping[Spot, Spot], begin: Spot, spot: Spot) -> list[Spot]:
    trip = [spot]
    while trip[-1] != begin:
        trip.append(came_from[trip[-1]])
    return trip[::-1]
