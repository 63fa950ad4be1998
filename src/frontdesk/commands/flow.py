"""`frontdesk flow …`: what authors of flows need."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import msgspec

from frontdesk import __version__
from frontdesk.commands.flow_diff import diff
from frontdesk.commands.flow_graph import graph
from frontdesk.commands.flow_test import test_flows
from frontdesk.config import load
from frontdesk.container import capabilities_of
from frontdesk.flows.book import Reading, read_book
from frontdesk.flows.finding import as_json, as_lines, as_sarif
from frontdesk.flows.folder import FolderError, read_sources
from frontdesk.flows.schema import flow_schema, rules_schema, tools_schema
from frontdesk.plugin import ConfigError, load_plugins

FOLDER = Path("config/flows")


@click.group()
def flow() -> None:
    """Check authored flows, and describe their language."""


flow.add_command(test_flows)
flow.add_command(graph)
flow.add_command(diff)


@flow.command()
@click.argument("folder", type=click.Path(path_type=Path), default=FOLDER)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="A TOML file: which hosts, channels, a model?"
)
@click.option("--json", "as_json_", is_flag=True, help="Machine-readable output.")
@click.option("--sarif", "as_sarif_", is_flag=True, help="SARIF 2.1.0, for code hosts.")
def check(folder: Path, config_file: Path | None, *, as_json_: bool, as_sarif_: bool) -> None:
    """Read all flows of FOLDER (config/flows) and say what is wrong, with file, line and column. Exit status 1 on
    errors; warnings are only told."""
    reading = _read(folder, config_file)
    prefix = f"{folder.as_posix()}/"
    if as_json_:
        click.echo(as_json(reading.findings, prefix))
    elif as_sarif_:
        click.echo(as_sarif(reading.findings, __version__, prefix))
    else:
        for line in as_lines(reading.findings, prefix):
            click.echo(line)
        click.echo(_summary(reading))
    if reading.book is None:
        sys.exit(1)


def _read(folder: Path, config_file: Path | None) -> Reading:
    try:
        sources = read_sources(folder)
    except FolderError as error:
        raise ConfigError(str(error)) from error
    if config_file is None:
        return read_book(sources)
    settings = load(config_file, os.environ, is_development=True)
    providers = {section.provider for section in settings.channels.values()}
    channels = capabilities_of(settings, load_plugins(providers))
    return read_book(sources, hosts=settings.hosts, has_model=settings.has_model, channels=channels)


def _summary(reading: Reading) -> str:
    errors = sum(finding.is_error for finding in reading.findings)
    told = f"{errors} errors, {len(reading.findings) - errors} warnings"
    if reading.book is None:
        return told
    return f"{len(reading.book.flows)} flows, version {reading.book.version}: {told}"


@flow.command()
@click.option("--rules", "of_rules", is_flag=True, help="Of rules.yaml instead of a flow.")
@click.option("--tools", "of_tools", is_flag=True, help="Of tools.yaml instead of a flow.")
def schema(*, of_rules: bool, of_tools: bool) -> None:
    """Print the JSON Schema of a flow file, for editors."""
    found = rules_schema() if of_rules else tools_schema() if of_tools else flow_schema()
    click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
