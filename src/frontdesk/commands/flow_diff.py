"""`frontdesk flow diff`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from frontdesk.commands.reading_store import reading_store
from frontdesk.config import load
from frontdesk.core.flow import Book
from frontdesk.engine.flow_folder import compile_in_thread
from frontdesk.engine.library import BookLost, Library
from frontdesk.flows.book import read_book
from frontdesk.flows.compare import Change, compare
from frontdesk.flows.folder import FolderError, read_sources
from frontdesk.flows.impact import Fate, fate
from frontdesk.plugin import ConfigError
from frontdesk.ports import Store

STORED = "stored"
LOOKED_AT_MAX = 50
"""The newest conversations in which the version in force is looked for."""

_MARKS = {"added": "+", "removed": "-", "changed": "~"}


class Concerned(Struct, frozen=True, kw_only=True):
    """Somebody who stands on a step that changed, or is asked to confirm a tool that did."""

    conversation_id: str
    name: str
    flow: str
    step: str
    why: str
    moves_to: str
    tool: str = ""


class Difference(Struct, frozen=True, kw_only=True):
    """What the command found. `concerned` is None where nobody asked for it."""

    old: str
    new: str
    changes: tuple[Change, ...]
    concerned: tuple[Concerned, ...] | None = None


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option(
    "--impact",
    is_flag=True,
    help="Who stands on a step that is gone or of another kind, or may confirm a tool that is, and what follows.",
)
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="The TOML file: which store.")
@click.option("--json", "is_json", is_flag=True, help="Machine-readable output.")
def diff(old: str, new: str, config_file: Path | None, *, impact: bool, is_json: bool) -> None:
    """Say in words what is different between two versions of the flows.

    OLD and NEW are folders, `stored` for the version that is in force in the store, or `stored:VERSION`.
    """
    if impact or any(one.partition(":")[0] == STORED for one in (old, new)):
        settings = load(config_file, os.environ, is_development=True)
        found = asyncio.run(reading_store(settings, lambda store: _compared(old, new, store, has_impact=impact)))
    else:
        found = _difference(_of_folder(old), _of_folder(new))
    if is_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in _lines(found):
        click.echo(line)


async def _compared(old: str, new: str, store: Store, *, has_impact: bool) -> Difference:
    library = Library(store, compile_in_thread)
    before, after = await _find(old, store, library), await _find(new, store, library)
    found = _difference(before, after)
    if not has_impact:
        return found
    concerned: list[Concerned] = []
    async for one in store.standing():
        try:
            known: Book | None = await library.load(one.run.book)
        except BookLost:
            known = None
        becomes = fate(one.run, known, after)
        if becomes is not None:
            concerned.append(_concerned(one.conversation_id, one.name, becomes))
    ordered = sorted(concerned, key=lambda one: (one.flow, one.step, one.conversation_id))
    return msgspec.structs.replace(found, concerned=tuple(ordered))


def _concerned(conversation_id: str, name: str, becomes: Fate) -> Concerned:
    return Concerned(conversation_id=conversation_id, name=name, **msgspec.structs.asdict(becomes))


def _difference(old: Book, new: Book) -> Difference:
    return Difference(old=old.version, new=new.version, changes=tuple(compare(old, new)))


async def _find(named: str, store: Store, library: Library) -> Book:
    kind, _, version = named.partition(":")
    if kind != STORED:
        return await asyncio.to_thread(_of_folder, named)
    version = version or await _in_force(store)
    try:
        return await library.load(version)
    except BookLost as lost:
        raise ConfigError(str(lost)) from lost


async def _in_force(store: Store) -> str:
    """The version by which the newest event was decided that says one."""
    newest, found = None, ""
    for summary in await store.conversations(LOOKED_AT_MAX):
        if newest is not None and summary.updated_at < newest:
            break
        async for entry in store.journal(summary.id):
            if entry.event.flows and (newest is None or entry.event.at >= newest):
                newest, found = entry.event.at, entry.event.flows
    if not found:
        raise ConfigError("the store knows no version of the flows yet; name a folder instead of stored")
    return found


def _of_folder(named: str) -> Book:
    folder = Path(named)
    try:
        reading = read_book(read_sources(folder))
    except FolderError as error:
        raise ConfigError(str(error)) from error
    if reading.book is None:
        raise ConfigError(f"the flows in {folder} have errors; frontdesk flow check {folder} tells them")
    return reading.book


def _lines(found: Difference) -> list[str]:
    lines = [f"{_MARKS[change.kind]} {change.sentence}" for change in found.changes]
    lines.append(f"{len(found.changes)} differences between version {found.old} and version {found.new}")
    if found.concerned is not None:
        lines.append("")
        for one in found.concerned:
            told = Fate(flow=one.flow, step=one.step, why=one.why, moves_to=one.moves_to, tool=one.tool).sentence
            lines.append(f"{one.conversation_id}  {one.name or '(no name)'} {told}")
        lines.append(f"{len(found.concerned)} conversations stand on what is gone or of another kind")
    return lines
