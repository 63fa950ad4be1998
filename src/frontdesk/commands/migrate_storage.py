"""`frontdesk migrate-storage`: which two stores are meant, and what is shown while one is moved to the other."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from frontdesk.archive import Movable
from frontdesk.commands.options import json_option
from frontdesk.config import build
from frontdesk.config.sections import Section
from frontdesk.container import Container
from frontdesk.engine.moving import Moved, Step, Tell, differences, move, reopen
from frontdesk.plugin import ConfigError, installed_plugins, load_plugins

FORMS = (
    "write sqlite:path/to/frontdesk.db, postgresql://role@host:5432/database, or env:NAME for a variable that holds one"
)
TOLD_SECONDS = 2.0
"""Between two lines about the same part, where no terminal shows a bar."""


@click.command("migrate-storage")
@json_option
@click.option("--from", "source", metavar="STORE", help="The store to move; nobody may serve it.")
@click.option("--to", "target", metavar="STORE", help="An empty store, or the one that this move was filling.")
@click.option("--reopen", metavar="STORE", help="Let a store be served again that was moved, or was to be.")
def migrate_storage(source: str | None, target: str | None, reopen: str | None, *, as_json: bool) -> None:
    """Move everything from one store to another, and compare. Run it again where it was interrupted.

    STORE is sqlite:path/to/frontdesk.db, postgresql://role@host:5432/database (PGPASSWORD is understood), or env:NAME,
    a variable that holds one of these.
    """
    if reopen and not source and not target:
        asyncio.run(_give_up(find_store("--reopen", reopen, os.environ)))
        return
    if reopen or not source or not target:
        raise click.UsageError("Give --from and --to, or --reopen alone.")
    stores = [find_store(*named, os.environ) for named in (("--from", source), ("--to", target))]
    found = asyncio.run(_run(*stores, as_json=as_json))
    if not found.is_equal:
        raise ConfigError(_complaint(found))


def find_store(option: str, address: str, environ: Mapping[str, str]) -> Movable:
    """The store that an address names: its scheme is a provider's name, or begins with one (`postgresql`). Raises
    ConfigError, which never shows the address: it may hold a password."""
    if address.startswith("env:"):
        name = address.removeprefix("env:")
        address = environ.get(name, "")
        if not address:
            raise ConfigError(f"{option}: the environment variable {name} is not set; set it")
    scheme = address.partition(":")[0] if ":" in address else ""
    names = [name for name in installed_plugins() if scheme.startswith(name)]
    if not names:
        raise ConfigError(f"{option} names no store; {FORMS}")
    name = max(names, key=len)
    offers = load_plugins({name})
    offer = offers.stores.get(name)
    if offer is None or offer.place is None:
        raise ConfigError(f"{option}: {name!r} is no store that can be moved; {FORMS}")
    settings = build({}, {}, where=option)
    section = Section(provider=name, options=offer.place(address))
    store = Container(settings=msgspec.structs.replace(settings, store=section), offers=offers).store()
    if not isinstance(store, Movable):
        raise ConfigError(f"{option}: the store {name!r} cannot be moved; {FORMS}")
    return store


async def _run(source: Movable, target: Movable, *, as_json: bool) -> Moved:
    """Move, showing how far it has come on stderr and what came of it on stdout."""
    leaving, arriving = source.archive(is_target=False), target.archive(is_target=True)
    if leaving.place == arriving.place:
        raise ConfigError(f"--from and --to are the same store, {leaving.place}; name another")
    clock = Container.clock()
    async with leaving, arriving:
        with _shown() as tell:
            found = await move(leaving, arriving, clock, tell)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _print(found)
    return found


async def _give_up(source: Movable) -> None:
    """Take a store's mark off."""
    async with source.archive(is_target=False) as archive:
        mark = await reopen(archive)
        click.echo(f"{archive.place} can be served again; never serve it and {mark.other} for the same number")


def _print(found: Moved) -> None:
    table = Table("part", "records", "checksum", "in the target")
    for one in found.parts:
        said = "the same" if one.is_equal else f"{one.target_count} records, {one.target_checksum[:16]}"
        table.add_row(one.part, str(one.source_count), one.source_checksum[:16], said)
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    if found.is_equal:
        click.echo(f"moved {found.source} to {found.target}: serve that one now")


def _complaint(found: Moved) -> str:
    """The sentence about a move whose two sides differ."""
    return (
        f"{found.target} differs from {found.source} ({'; '.join(differences(found))}) and cannot be used, "
        "while the source can be served as before; move it to an empty store"
    )


@contextmanager
def _shown() -> Iterator[Tell]:
    """Bars on a terminal, else lines."""
    if not sys.stderr.isatty():
        yield _Lines(lambda line: click.echo(line, err=True), time.monotonic).tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]} a second"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bars(progress, time.monotonic).tell


class _Speed:
    """Records a second of one work on one part, since its first step."""

    def __init__(self, first: Step, now: float) -> None:
        self._done, self._began = first.done, now

    def at(self, step: Step, now: float) -> int:
        return round((step.done - self._done) / max(now - self._began, 0.001))


class _Bars:
    """A bar for each work on each part."""

    def __init__(self, progress: Progress, now: Callable[[], float]) -> None:
        self._progress = progress
        self._now = now
        self._bars: dict[tuple[str, str], tuple[TaskID, _Speed]] = {}

    def tell(self, step: Step) -> None:
        key = step.work, step.part
        if key not in self._bars:
            bar = self._progress.add_task(f"{step.part}, {step.work}", total=step.total, speed=0)
            self._bars[key] = bar, _Speed(step, self._now())
        bar, speed = self._bars[key]
        self._progress.update(bar, completed=step.done, speed=speed.at(step, self._now()))


class _Lines:
    """A line when a part is done, and from time to time."""

    def __init__(self, write: Callable[[str], None], now: Callable[[], float]) -> None:
        self._write = write
        self._now = now
        self._key = ("", "")
        self._told_at = 0.0
        self._speed: _Speed | None = None

    def tell(self, step: Step) -> None:
        now = self._now()
        if self._speed is None or self._key != (step.work, step.part):
            self._key, self._told_at, self._speed = (step.work, step.part), now, _Speed(step, now)
        if step.done >= step.total or now - self._told_at >= TOLD_SECONDS:
            self._told_at = now
            speed = self._speed.at(step, now)
            self._write(f"{step.part}: {step.done} of {step.total} {step.work}, {speed} a second")
