"""Options that many commands have."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="The TOML file (default: config/frontdesk.toml)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
limit_option = click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
