"""`frontdesk flow graph`."""

from __future__ import annotations

from pathlib import Path

import click

from frontdesk.core.token import nearest
from frontdesk.flows.book import read_book
from frontdesk.flows.folder import FolderError, read_sources
from frontdesk.plugin import ConfigError

FOLDER = Path("config/flows")


@click.command("graph")
@click.argument("name", metavar="[FLOW]", default="")
@click.option(
    "--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True, help="Where the flows are."
)
@click.option("--format", "kind", type=click.Choice(["mermaid", "svg", "png"]), default="mermaid", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A file; left out: standard output.")
def graph(name: str, folder: Path, kind: str, output: Path | None) -> None:
    """Draw FLOW, step by step; without a name, all flows and which leads to which."""
    picture = _drawn(name, folder, kind)
    if output is None:
        click.echo(picture, nl=False)
        return
    try:
        output.write_bytes(picture)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written ({error.strerror}); name another file") from error


def _drawn(name: str, folder: Path, kind: str) -> bytes:
    from frontdesk.drawing.mermaid import as_mermaid
    from frontdesk.drawing.picture import overview, picture_of
    from frontdesk.drawing.png import NoPainter, as_png
    from frontdesk.drawing.svg import as_svg

    try:
        reading = read_book(read_sources(folder))
    except FolderError as error:
        raise ConfigError(str(error)) from error
    if reading.book is None:
        raise ConfigError(f"the flows in {folder} have errors; frontdesk flow check {folder} tells them")
    if name and name not in reading.book.flows:
        raise ConfigError(f"there is no flow {name!r} in {folder}{nearest(name, reading.book.flows)}")
    picture = picture_of(reading.book, name) if name else overview(reading.book)
    if kind == "mermaid":
        return as_mermaid(picture).encode()
    svg = as_svg(picture)
    try:
        return svg.encode() if kind == "svg" else as_png(svg)
    except NoPainter as error:
        raise ConfigError(str(error)) from error
