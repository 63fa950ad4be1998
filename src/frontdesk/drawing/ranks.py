"""Which row each box stands in, and in which order from left to right: the first half of a layered layout (Sugiyama).

Arrows that lead back are taken out first, so that all others lead down. Boxes stand in even rows; every arrow passes
each row between in a *spot* of its own, and an odd row's spot right below its box holds its label. So labels are part
of the order, and never lie on one another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

SWEEPS = 24


class Link(Struct, frozen=True, kw_only=True):
    """An arrow between boxes by number. `spots`: where it passes, one for each row between; of one that leads back, the
    only one is its label's."""

    begin: str
    end: str
    spots: tuple[str, ...]
    leads_back: bool = False


class Ranked(Struct, frozen=True, kw_only=True):
    """Rows of boxes and spots, from above, each from left to right; and a link for each arrow, in their order."""

    rows: tuple[tuple[str, ...], ...]
    links: tuple[Link, ...]

    def neighbours(self) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
        """Of each box and spot, what is joined to it in the row above, and in the row below."""
        above: dict[str, list[str]] = defaultdict(list)
        below: dict[str, list[str]] = defaultdict(list)
        for link in self.links:
            way = [link.begin, *link.spots, *([] if link.leads_back else [link.end])]
            for upper, lower in pairwise(way):
                below[upper].append(lower)
                above[lower].append(upper)
        return above, below


def ranked(boxes: Sequence[str], arrows: Sequence[tuple[str, str]]) -> Ranked:
    """Rows for boxes (the first is where it begins) and the arrows between them."""
    back = _leading_back(boxes, arrows)
    down = [arrow for number, arrow in enumerate(arrows) if number not in back]
    depth = _depths(boxes, down)
    links: list[Link] = []
    spots: dict[str, int] = {}
    for number, (begin, end) in enumerate(arrows):
        last = 2 * depth[begin] + 1 if number in back else 2 * depth[end] - 1
        passed = {f"{number}@{row}": row for row in range(2 * depth[begin] + 1, last + 1)}
        spots.update(passed)
        links.append(Link(begin=begin, end=end, spots=tuple(passed), leads_back=number in back))
    placed = {**{box: 2 * depth[box] for box in boxes}, **spots}
    rows: list[list[str]] = [[] for _ in range(max(placed.values(), default=0) + 1)]
    for one, row in _by_walk(boxes, links, placed):
        rows[row].append(one)
    return _ordered(Ranked(rows=tuple(map(tuple, rows)), links=tuple(links)))


def _leading_back(boxes: Sequence[str], arrows: Sequence[tuple[str, str]]) -> set[int]:
    """The numbers of the arrows without which nothing leads in a circle: those that lead to where a walk comes from."""
    ways: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, (begin, end) in enumerate(arrows):
        ways[begin].append((number, end))
    back: set[int] = set()
    done: set[str] = set()
    for box in boxes:
        if box in done:
            continue
        trail = {box: None}
        ahead = [(box, iter(ways[box]))]
        while ahead:
            here, rest = ahead[-1]
            number, end = next(rest, (-1, ""))
            if number < 0:
                ahead.pop()
                trail.pop(here, None)
                done.add(here)
            elif end in trail:
                back.add(number)
            elif end not in done:
                trail[end] = None
                ahead.append((end, iter(ways[end])))
    return back


def _depths(boxes: Sequence[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Each box below all that lead to it."""
    into: dict[str, list[str]] = defaultdict(list)
    for begin, end in arrows:
        into[end].append(begin)
    depth: dict[str, int] = {}
    for _ in boxes:
        for box in boxes:
            if box not in depth and all(other in depth for other in into[box]):
                depth[box] = max((depth[other] + 1 for other in into[box]), default=0)
        if len(depth) == len(boxes):
            break
    return depth


def _by_walk(boxes: Sequence[str], links: Sequence[Link], placed: Mapping[str, int]) -> list[tuple[str, int]]:
    """A first order: as the boxes stand in the file, each followed by what leaves it."""
    found: dict[str, int] = {}
    for box in boxes:
        found[box] = placed[box]
        for link in links:
            if link.begin == box:
                found.update((spot, placed[spot]) for spot in link.spots)
    return list(found.items())


def _ordered(first: Ranked) -> Ranked:
    """Rows in which fewer arrows cross: each is sorted by where its neighbours stand, down and up again and again, and
    the best is kept."""
    above, below = first.neighbours()
    rows = [list(row) for row in first.rows]
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(SWEEPS):
        is_down = sweep % 2 == 0
        order = range(1, len(rows)) if is_down else range(len(rows) - 2, -1, -1)
        for number in order:
            fixed = rows[number - 1 if is_down else number + 1]
            _sort(rows[number], fixed, above if is_down else below)
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
        if not fewest:
            break
    return Ranked(rows=tuple(map(tuple, best)), links=first.links)


def _sort(row: list[str], fixed: Sequence[str], joined: Mapping[str, list[str]]) -> None:
    places = {one: number for number, one in enumerate(fixed)}
    own = {one: number * len(fixed) / max(len(row), 1) for number, one in enumerate(row)}

    def middle(one: str) -> float:
        found = [places[other] for other in joined.get(one, ()) if other in places]
        return sum(found) / len(found) if found else own[one]

    row.sort(key=middle)


def _crossings(rows: Sequence[Sequence[str]], below: Mapping[str, list[str]]) -> int:
    count = 0
    for upper, lower in pairwise(rows):
        places = {one: number for number, one in enumerate(lower)}
        ends = [sorted(places[other] for other in below.get(one, ())) for one in upper]
        flat = [end for row in ends for end in row]
        count += sum(1 for number, end in enumerate(flat) for later in flat[number + 1 :] if later < end)
    return count
