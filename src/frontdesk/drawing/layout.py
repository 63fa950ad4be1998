"""Where boxes stand and which way arrows go: the second half of a layered layout; rows and their order are `ranks`'.

Within its row each box strives to the middle of what it is joined to, as near as its neighbours let it. Arrows that
lead back run in lanes of their own at the right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from frontdesk.drawing.ranks import Link, Ranked, ranked

GAP = 28.0
SPOT_GAP = 14.0
SWEEPS = 30
ROW_GAP = 22.0
LANE = 14.0
STRAIGHT = 8.0
"""How much more than boxes the spots of one arrow strive to stand below one another."""

MARGIN = 20.0

Point = tuple[float, float]


class Size(Struct, frozen=True):
    """Of a box or a label, in pixels."""

    width: float
    height: float


class Spot(Struct, frozen=True):
    """The middle of a box or a label."""

    x: float
    y: float


class Route(Struct, frozen=True, kw_only=True):
    """Where an arrow passes, from box to box; and the middle of its label. `leads_back`: in straight lines."""

    points: tuple[Point, ...]
    label: Spot
    leads_back: bool


class Layout(Struct, frozen=True, kw_only=True):
    """Everything in pixels from the upper left corner; routes in the order of the arrows."""

    width: float
    height: float
    boxes: Mapping[str, Spot]
    routes: tuple[Route, ...]


def lay_out(sizes: Mapping[str, Size], arrows: Sequence[tuple[str, str, Size]]) -> Layout:
    """Boxes by name with their sizes, the first of them on top; arrows with the sizes of their labels."""
    ranks = ranked(list(sizes), [(begin, end) for begin, end, _ in arrows])
    everything = dict(sizes)
    for link, (_, _, label) in zip(ranks.links, arrows, strict=True):
        for number, spot in enumerate(link.spots):
            everything[spot] = label if number == 0 else Size(4.0, 0.0)
    return _Placing(ranks, everything, list(sizes)).layout()


class _Placing:
    def __init__(self, ranks: Ranked, sizes: Mapping[str, Size], boxes: Sequence[str]) -> None:
        self.ranks = ranks
        self.sizes = sizes
        self.boxes = boxes
        self.xs = self._across()
        self.ys, self.heights = self._down()

    def _across(self) -> dict[str, float]:
        above, below = self.ranks.neighbours()
        xs: dict[str, float] = {}
        for row in self.ranks.rows:
            xs.update(zip(row, self._spread(row, [0.0] * len(row)), strict=True))
        for sweep in range(SWEEPS):
            rows = self.ranks.rows if sweep % 2 == 0 else self.ranks.rows[::-1]
            for row in rows:
                wanted = [self._wanted(one, xs, above, below, is_down=sweep % 2 == 0) for one in row]
                xs.update(zip(row, self._spread(row, wanted), strict=True))
        left = min(xs[one] - self.sizes[one].width / 2 for one in xs)
        return {one: x - left + MARGIN for one, x in xs.items()}

    def _wanted(
        self,
        one: str,
        xs: Mapping[str, float],
        above: Mapping[str, list[str]],
        below: Mapping[str, list[str]],
        *,
        is_down: bool,
    ) -> float:
        """The middle of its neighbours: all of them, but those of the side that was placed just now count double."""
        weights = [
            (
                xs[other],
                (2.0 if side is (above if is_down else below) else 1.0)
                * (STRAIGHT if "@" in one and "@" in other else 1.0),
            )
            for side in (above, below)
            for other in side.get(one, ())
        ]
        whole = sum(weight for _, weight in weights)
        return sum(x * weight for x, weight in weights) / whole if whole else xs[one]

    def _spread(self, row: Sequence[str], wanted: Sequence[float]) -> list[float]:
        """The places nearest to those wanted (least squares) at which nothing touches: neighbours that would are merged
        into a block, which moves as one (pool adjacent violators)."""
        offsets, offset = [0.0], 0.0
        for left, right in pairwise(row):
            is_spot = "@" in left or "@" in right
            gap = SPOT_GAP if is_spot else GAP
            offset += (self.sizes[left].width + self.sizes[right].width) / 2 + gap
            offsets.append(offset)
        blocks: list[tuple[float, int]] = []
        for place, want in enumerate(wanted):
            mean, count = want - offsets[place], 1
            while blocks and blocks[-1][0] > mean:
                before, many = blocks.pop()
                mean = (before * many + mean * count) / (many + count)
                count += many
            blocks.append((mean, count))
        flat = [mean for mean, count in blocks for _ in range(count)]
        return [mean + offset for mean, offset in zip(flat, offsets, strict=False)]

    def _down(self) -> tuple[list[float], list[float]]:
        """The middle of each row, and its height."""
        heights = [max((self.sizes[one].height for one in row), default=0.0) for row in self.ranks.rows]
        middles, top = [], MARGIN
        for height in heights:
            middles.append(top + height / 2)
            top += height + ROW_GAP
        return middles, heights

    def layout(self) -> Layout:
        """All of it."""
        rows = {one: number for number, row in enumerate(self.ranks.rows) for one in row}
        ports = self._ports()
        right = max(self.xs[one] + self.sizes[one].width / 2 for one in rows)
        lanes = self._lanes(rows)
        routes = []
        for number, link in enumerate(self.ranks.links):
            lane = right + LANE * (1 + lanes[number]) if link.leads_back else 0.0
            routes.append(self._route(number, link, rows, ports, lane))
        width = right + MARGIN + LANE * (max(lanes.values(), default=-1) + 1)
        height = self.ys[-1] + self.heights[-1] / 2 + MARGIN
        boxes = {box: Spot(self.xs[box], self.ys[rows[box]]) for box in self.boxes}
        return Layout(width=width, height=height, boxes=boxes, routes=tuple(routes))

    def _lanes(self, rows: Mapping[str, int]) -> dict[int, int]:
        """A lane for each arrow that leads back, the shortest next to the boxes."""
        back = [number for number, link in enumerate(self.ranks.links) if link.leads_back]
        back.sort(key=lambda number: rows[self.ranks.links[number].begin] - rows[self.ranks.links[number].end])
        return {number: lane for lane, number in enumerate(back)}

    def _ports(self) -> dict[tuple[int, str], float]:
        """Where each arrow leaves its box and enters the other, from left to right as they come."""
        leaving: dict[str, list[tuple[float, int]]] = defaultdict(list)
        entering: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for number, link in enumerate(self.ranks.links):
            leaving[link.begin].append((self.xs[link.spots[0]], number))
            entering[link.end].append((float("inf") if link.leads_back else self.xs[link.spots[-1]], number))
        ports: dict[tuple[int, str], float] = {}
        for side, found in (("out", leaving), ("in", entering)):
            for box, row in found.items():
                step = min(22.0, (self.sizes[box].width - 24) / max(len(row), 1))
                for place, (_, number) in enumerate(sorted(row)):
                    ports[number, side] = self.xs[box] + (place - (len(row) - 1) / 2) * step
        return ports

    def _route(
        self, number: int, link: Link, rows: Mapping[str, int], ports: Mapping[tuple[int, str], float], lane: float
    ) -> Route:
        begin, end = rows[link.begin], rows[link.end]
        label = Spot(self.xs[link.spots[0]], self.ys[begin + 1])
        first = (ports[number, "out"], self.ys[begin] + self.sizes[link.begin].height / 2)
        last = (ports[number, "in"], self.ys[end] - self.sizes[link.end].height / 2)
        if link.leads_back:
            below = self.ys[begin + 1] + self.heights[begin + 1] / 2 + ROW_GAP / 3
            over = self.ys[end] - self.heights[end] / 2 - ROW_GAP / 2
            corners = [(label.x, below), (lane, below), (lane, over), (last[0], over)]
            return Route(points=(first, (label.x, label.y), *corners, last), label=label, leads_back=True)
        passed = [(first[0], self.ys[begin] + self.heights[begin] / 2)]
        for spot in link.spots:
            row = rows[spot]
            if row % 2 == 0:  # straight down beside boxes, and bent only where there are none
                half = self.heights[row] / 2
                passed += [(self.xs[spot], self.ys[row] - half), (self.xs[spot], self.ys[row] + half)]
            elif self.heights[row]:  # between the labels of others
                passed.append((self.xs[spot], self.ys[row]))
        passed.append((last[0], self.ys[end] - self.heights[end] / 2))
        points = tuple(dict.fromkeys((first, *passed, last)))  # a last piece without length has no direction
        return Route(points=points, label=label, leads_back=False)
