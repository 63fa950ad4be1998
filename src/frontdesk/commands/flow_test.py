"""`frontdesk flow test`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from frontdesk.config import load
from frontdesk.core.policy import Policy
from frontdesk.flows.book import read_book
from frontdesk.flows.finding import Finding, as_lines
from frontdesk.flows.folder import FolderError, read_sources
from frontdesk.plugin import ConfigError

if TYPE_CHECKING:
    from frontdesk.flow_tests.running import Results

FOLDER = Path("config/flows")
LOOK_AGAIN_SECONDS = 0.5
"""How soon `--watch` notices a change."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    folder: Path
    policy: Policy
    named: str
    least_percent: float
    junit: Path | None
    is_json: bool

    @property
    def prefix(self) -> str:
        """What stands before the names of files."""
        return f"{self.folder.as_posix()}/"


@click.command("test")
@click.argument("folder", type=click.Path(path_type=Path), default=FOLDER)
@click.option("-k", "named", metavar="NAME", default="", help="Only examples with this in their name or file.")
@click.option(
    "--min-coverage",
    "least_percent",
    type=click.FloatRange(0, 100),
    default=0.0,
    help="Fail where fewer steps or ways are covered, in percent.",
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML to this file.")
@click.option("--watch", is_flag=True, help="Play again whenever a file changes, until Ctrl-C.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="A TOML file: take its [policy].")
@click.option("--json", "is_json", is_flag=True, help="Machine-readable output.")
def test_flows(folder: Path, config_file: Path | None, *, watch: bool, **wished: Any) -> None:
    """Play the examples in FOLDER (config/flows): the talks in its NAME.test.yaml, under its flows, with a clock, hosts
    and a language model that each example brings. Exit status 1 if one fails or too little is covered.

    With -k, coverage is not asked for: the rest was not played.
    """
    policy = load(config_file, os.environ, is_development=True).policy if config_file else Policy()
    wishes = Wishes(folder=folder, policy=policy, **wished)
    if watch:
        _watch(wishes)
    elif not _play(_sources(folder), wishes):
        sys.exit(1)


def _sources(folder: Path) -> Mapping[str, str]:
    try:
        return read_sources(folder)
    except FolderError as error:
        raise ConfigError(str(error)) from error


def _watch(wishes: Wishes) -> None:
    """Play, and again after each change. Ctrl-C ends it well; a folder that cannot be read now may be later."""
    before: Mapping[str, str] | str = ""
    try:
        while True:
            try:
                now: Mapping[str, str] | str = read_sources(wishes.folder)
            except FolderError as error:
                now = str(error)
            if now != before:
                before = now
                if isinstance(now, str):
                    click.echo(now, err=True)
                else:
                    _play(now, wishes)
                click.echo("watching; Ctrl-C ends", err=True)
            time.sleep(LOOK_AGAIN_SECONDS)
    except KeyboardInterrupt:
        click.echo("", err=True)


def _play(sources: Mapping[str, str], wishes: Wishes) -> bool:
    """Play what the files hold and say what came of it; whether all is well."""
    from frontdesk.flow_tests.examples import read_examples
    from frontdesk.flow_tests.report import as_json, as_junit
    from frontdesk.flow_tests.running import play_all

    reading, examples = read_book(sources), read_examples(sources)
    wrong = [*(one for one in reading.findings if one.is_error), *examples.findings]
    if reading.book is None or examples.findings:
        _tell_wrong(wrong, wishes)
        return False
    chosen = tuple(one for one in examples.found if wishes.named in one.name or wishes.named in one.file)
    if not chosen:
        _complain(f"{wishes.prefix} has no example{f' with “{wishes.named}”' if wishes.named else ''}; write one.")
        return False
    results = play_all(reading.book, chosen, wishes.policy)
    least = 0.0 if wishes.named else wishes.least_percent
    if wishes.junit:
        _write(wishes.junit, as_junit(results, wishes.prefix))
    if wishes.is_json:
        click.echo(as_json(results, wishes.prefix))
    else:
        _print(results, wishes, least)
    return not results.failed and not results.lacks(least)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}); name another file") from error


def _tell_wrong(findings: list[Finding], wishes: Wishes) -> None:
    from frontdesk.flows.finding import as_json

    if wishes.is_json:
        click.echo(as_json(findings, wishes.prefix))
        return
    for line in as_lines(findings, wishes.prefix):
        click.echo(line)


def _complain(sentence: str) -> None:
    click.echo(sentence, err=True)


def _print(results: Results, wishes: Wishes, least_percent: float) -> None:
    from rich.console import Console
    from rich.text import Text

    from frontdesk.flow_tests.report import as_lines as lines_of

    console = Console(soft_wrap=True, highlight=False)
    for line, style in lines_of(results, wishes.prefix, least_percent):
        console.print(Text(line, style=style))
