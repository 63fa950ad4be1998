"""Circles in a graph, without recursion: a file may have a thousand steps in a row."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

Spot = TypeVar("Spot", bound=Hashable)


def circles(ways: Mapping[Spot, Sequence[Spot]]) -> list[set[Spot]]:
    """The sets of spots that lead to one another (Tarjan's strongly connected components), and spots that lead to
    themselves. Every spot that is led to must be a key."""
    order: dict[Spot, int] = {}
    lowest: dict[Spot, int] = {}
    path: list[Spot] = []
    on_path: set[Spot] = set()
    found: list[set[Spot]] = []

    def enter(spot: Spot) -> tuple[Spot, Iterator[Spot]]:
        order[spot] = lowest[spot] = len(order)
        path.append(spot)
        on_path.add(spot)
        return spot, iter(ways[spot])

    def leave(spot: Spot) -> None:
        if lowest[spot] != order[spot]:
            return
        begin = path.index(spot) if len(path) < 2 or path[-1] != spot else len(path) - 1
        circle = set(path[begin:])
        del path[begin:]
        on_path.difference_update(circle)
        if len(circle) > 1 or spot in ways[spot]:
            found.append(circle)

    for start in ways:
        if start in order:
            continue
        visits = [enter(start)]
        while visits:
            spot, ahead = visits[-1]
            following = next(
                (one for one in ahead if one not in order or _lower(spot, one, order, lowest, on_path)), None
            )
            if following is not None:
                visits.append(enter(following))
                continue
            visits.pop()
            if visits:
                lowest[visits[-1][0]] = min(lowest[visits[-1][0]], lowest[spot])
            leave(spot)
    return found


def _lower(spot: Spot, one: Spot, order: dict[Spot, int], lowest: dict[Spot, int], on_path: set[Spot]) -> bool:
    """Note a way back to a spot that is still on the path; it is not entered again."""
    if one in on_path:
        lowest[spot] = min(lowest[spot], order[one])
    return False


def round_trip(ways: Mapping[Spot, Sequence[Spot]], begin: Spot, circle: set[Spot]) -> list[Spot]:
    """A shortest way from `begin` back to it inside its circle, both ends included."""
    came_from: dict[Spot, Spot] = {}
    ahead = [begin]
    for spot in ahead:
        for following in ways[spot]:
            if following == begin:
                trip = [begin]
                while spot != begin:
                    trip.append(spot)
                    spot = came_from[spot]  # noqa: PLW2901
                return [begin, *reversed(trip[1:]), begin]
            if following in circle and following not in came_from:
                came_from[following] = spot
                ahead.append(following)
    return [begin]
