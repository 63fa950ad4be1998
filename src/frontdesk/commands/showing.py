"""Lines with words of contacts, models and vendors in them, for a terminal that must not obey them."""

from __future__ import annotations

import click

from frontdesk.core.letters import clean_lines

BELOW = "    "


def show_line(line: str) -> None:
    """Print it without what commands a terminal. Lines of somebody's own stand below it, so that none of them looks
    like one of ours."""
    click.echo(clean_lines(line).replace("\n", f"\n{BELOW}"))
