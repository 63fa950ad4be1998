"""A picture as SVG that needs nothing else: no script, no font of its own, readable on white and in print."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from frontdesk.drawing.layout import Layout, Point, Route, Size, Spot, lay_out
from frontdesk.drawing.mermaid import COLOURS
from frontdesk.drawing.picture import Arrow, Box, Picture

FONT = "'DejaVu Sans', 'Noto Sans', 'Noto Sans Devanagari', system-ui, sans-serif"
LINE = 16.0
HEAD_SIZE = 12
WORDS_SIZE = 12
LABEL_SIZE = 11
LINE_CHARACTERS = 32
LINES_MAX = 3
CORNER = 6.0


def as_svg(picture: Picture) -> str:
    """The file's text. The same picture gives the same text."""
    lines = {box.id: wrapped(box.words) for box in picture.boxes}
    sizes = {box.id: _size(box, lines[box.id]) for box in picture.boxes}
    arrows = [(arrow.begin, arrow.end, _label_size(arrow.label)) for arrow in picture.arrows]
    layout = lay_out(sizes, arrows)
    title = _xml(picture.title)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:.0f}" height="{layout.height:.0f}" '
            f'viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" font-family="{FONT}" role="img">'
        ),
        f"<title>{title}</title>",
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto-start-reverse"><path d="M0 0.5 L7.5 4 L0 7.5 z" fill="#4b5563"/></marker></defs>'
        ),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *(_arrow(arrow, route) for arrow, route in zip(picture.arrows, layout.routes, strict=True)),
        *(_label(arrow, route) for arrow, route in zip(picture.arrows, layout.routes, strict=True) if arrow.label),
        *(_drawn(box, lines[box.id], sizes[box.id], layout) for box in picture.boxes),
        "</svg>",
        "",
    ]
    return "\n".join(parts)


def wrapped(text: str) -> list[str]:
    """Lines of a box; what does not fit ends with “…”."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= LINE_CHARACTERS:
            lines[-1] += f" {word}"
        else:
            lines.extend(word[at : at + LINE_CHARACTERS] for at in range(0, len(word), LINE_CHARACTERS))
    if len(lines) > LINES_MAX:
        lines = [*lines[: LINES_MAX - 1], lines[LINES_MAX - 1][: LINE_CHARACTERS - 1].rstrip("… ") + "…"]
    return lines


def width_of(text: str, size: float) -> float:
    """About how wide a text is, in pixels."""
    return sum(_advance(one) for one in text) * size


def _advance(one: str) -> float:
    if unicodedata.category(one) in {"Mn", "Cf", "Me"}:
        return 0.0
    if unicodedata.east_asian_width(one) in {"W", "F"}:
        return 1.05
    if one in "ilj.,:;'|! ()[]":
        return 0.36
    return 0.86 if one in "mwMW@%“”…—" else 0.63


def _size(box: Box, lines: Sequence[str]) -> Size:
    width = max([width_of(box.head, HEAD_SIZE) * 1.1, *(width_of(line, WORDS_SIZE) for line in lines)])
    return Size(max(width + 28, 90.0), 16 + LINE * (1 + len(lines)))


def _label_size(label: str) -> Size:
    return Size(width_of(label, LABEL_SIZE) + 10, 18.0) if label else Size(4.0, 0.0)


def _drawn(box: Box, lines: Sequence[str], size: Size, layout: Layout) -> str:
    spot = layout.boxes[box.id]
    line, inside = COLOURS[box.look]
    left, top = spot.x - size.width / 2, spot.y - size.height / 2
    radius = (
        size.height / 2 if box.look in {"start", "flow", "end"} and not lines else 9.0 if box.look != "choice" else 2.0
    )
    thick = 2 if box.look in {"start", "choice", "people"} else 1.4
    shape = (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{size.width:.1f}" height="{size.height:.1f}" rx="{radius:.0f}" '
        f'fill="{inside}" stroke="{line}" stroke-width="{thick}"/>'
    )
    first = top + 8 + 12
    head = _text(box.head, Spot(spot.x, first), f'font-size="{HEAD_SIZE}" font-weight="bold" fill="{line}"')
    words = (
        _text(words, Spot(spot.x, first + LINE * number), f'font-size="{WORDS_SIZE}" fill="#111827"')
        for number, words in enumerate(lines, 1)
    )
    return "\n".join([shape, head, *words])


def _text(text: str, spot: Spot, style: str) -> str:
    """Centred, so that a text that runs from right to left stands in its box as well."""
    return f'<text x="{spot.x:.1f}" y="{spot.y:.1f}" text-anchor="middle" {style}>{_xml(text)}</text>'


def _label(arrow: Arrow, route: Route) -> str:
    size = _label_size(arrow.label)
    left, top = route.label.x - size.width / 2, route.label.y - size.height / 2
    colour = "#9a3412" if arrow.is_aside else "#374151"
    behind = (
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{size.width:.1f}" height="{size.height:.1f}" rx="3" '
        'fill="#ffffff" fill-opacity="0.92"/>'
    )
    words = _text(arrow.label, Spot(route.label.x, route.label.y + 4), f'font-size="{LABEL_SIZE}" fill="{colour}"')
    return f"{behind}\n{words}"


def _arrow(arrow: Arrow, route: Route) -> str:
    path = _cornered(route.points) if route.leads_back else _curved(route.points)
    dashes = ' stroke-dasharray="5 4"' if arrow.is_aside else ""
    colour = "#9333ea" if route.leads_back else "#c2410c" if arrow.is_aside else "#4b5563"
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.4"{dashes} marker-end="url(#tip)"/>'


def _curved(points: Sequence[Point]) -> str:
    """From point to point, each passed straight down; a straight line where two stand below one another."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        bend = (to_y - y) / 2
        path += f" C{x:.1f} {y + bend:.1f} {to_x:.1f} {to_y - bend:.1f} {to_x:.1f} {to_y:.1f}"
    return path


def _cornered(points: Sequence[Point]) -> str:
    """The first piece is a curve, the others straight lines with round corners."""
    path = _curved(points[:2])
    for before, here, after in zip(points[1:], points[2:], points[3:], strict=False):
        begin, end = _towards(here, before), _towards(here, after)
        path += f" L{begin[0]:.1f} {begin[1]:.1f} Q{here[0]:.1f} {here[1]:.1f} {end[0]:.1f} {end[1]:.1f}"
    return f"{path} L{points[-1][0]:.1f} {points[-1][1]:.1f}"


def _towards(here: Point, there: Point) -> Point:
    """A little way from here to there."""
    across, down = there[0] - here[0], there[1] - here[1]
    far = max((across**2 + down**2) ** 0.5, 0.001)
    step = min(CORNER, far / 2) / far
    return here[0] + across * step, here[1] + down * step


def _xml(text: str) -> str:
    return escape(text)
