"""PNG of an SVG, where the extra is installed that draws it."""

from __future__ import annotations

ZOOM = 2.0


class NoPainter(Exception):
    """What draws PNG is not installed: a sentence with the cure."""

    def __init__(self) -> None:
        super().__init__("PNG needs a painter that is not installed; pip install 'frontdesk[drawing]', or draw svg")


def as_png(svg: str) -> bytes:
    """The picture with the machine's own fonts, twice as large as its pixels. Raises NoPainter."""
    try:
        import resvg_py
    except ImportError as error:
        raise NoPainter from error
    return resvg_py.svg_to_bytes(svg_string=svg, zoom=ZOOM)
