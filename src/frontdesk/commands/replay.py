"""`frontdesk replay`: a recorded conversation again, under other flows, or as an example."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from frontdesk.commands.options import config_option, json_option
from frontdesk.commands.reading_store import find_conversation, reading_store
from frontdesk.commands.showing import show_line
from frontdesk.config import Settings, load
from frontdesk.container import capabilities_of, plain_channels
from frontdesk.core.conversation import Conversation
from frontdesk.core.flow import Book
from frontdesk.engine.flow_folder import compile_in_thread
from frontdesk.engine.library import BookLost, Library
from frontdesk.engine.reasons import Reason, lines_of, reasons
from frontdesk.engine.replay import Replay, replay
from frontdesk.flows.book import read_book
from frontdesk.flows.folder import FolderError, read_sources
from frontdesk.plugin import ConfigError, load_plugins
from frontdesk.ports import JournalEntry, Store

if TYPE_CHECKING:
    from frontdesk.engine.rehearsal import Rehearsal


@click.command("replay")
@config_option
@json_option
@click.option(
    "--with", "other", type=click.Path(path_type=Path), help="Flows to decide it under instead: a folder, or one file."
)
@click.option("--export", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write it as a flow test.")
@click.argument("conversation")
def replay_command(
    config_file: Path | None, conversation: str, other: Path | None, file: Path | None, *, as_json: bool
) -> None:
    """Decide a recorded conversation again under today's rules and policy, and show every difference.

    CONVERSATION is an id, or an address (a phone number in digits). Exit status 1 if anything differs.

    --with shows what would have been said and asked under other flows; one file takes the place of the file of that
    name in the version that was recorded last. --export writes an example for frontdesk flow test: without names,
    phone numbers, e-mail addresses and long numbers; a person must look at it before it is shared.
    """
    if other and file:
        raise click.UsageError("Give --with or --export, not both.")
    settings = load(config_file, os.environ, is_development=True)

    async def run(store: Store) -> bool:
        known = await find_conversation(store, settings, conversation)
        stored = await store.conversation(known)
        assert stored is not None  # noqa: S101 -- found a line above
        if other:
            return await _rehearse(store, settings, stored, other, as_json=as_json)
        if file:
            return await _export(store, settings, stored, file)
        found = await replay(store.journal(known), stored, settings.policy, _library(store, settings))
        _tell_replay(found, as_json=as_json)
        return found.is_equal

    if not asyncio.run(reading_store(settings, run)):
        sys.exit(1)


def _library(store: Store, settings: Settings) -> Library:
    plain = plain_channels(capabilities_of(settings, load_plugins(settings.plugins())))
    return Library(store, compile_in_thread, plain_channels=plain)


def tell_why(settings: Settings, conversation: str, *, as_json: bool) -> None:
    """Print why each answer of a conversation was said. Raises ConfigError and StoreUnavailable."""

    async def run(store: Store) -> list[Reason]:
        known = await find_conversation(store, settings, conversation)
        stored = await store.conversation(known)
        assert stored is not None  # noqa: S101 -- found a line above
        return await reasons(store.journal(known), stored, settings.policy, _library(store, settings))

    found = asyncio.run(reading_store(settings, run))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for reason in found:
        for line in lines_of(reason):
            show_line(line)
    if not found:
        click.echo("no language model was asked in this conversation")


def _tell_replay(found: Replay, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for difference in found.differences:
        click.echo(f"{difference.seq}. {difference.event_type} ({difference.event_id})")
        for line in difference.recorded:
            show_line(f"  - {line}")
        for line in difference.replayed:
            show_line(f"  + {line}")
    if found.state_differs:
        click.echo("the state at the end differs from the stored one")
    click.echo(f"{found.entries} decisions, {len(found.differences)} differ")


async def _rehearse(store: Store, settings: Settings, stored: Conversation, other: Path, *, as_json: bool) -> bool:
    from frontdesk.engine.rehearsal import rehearse

    entries = [entry async for entry in store.journal(stored.id)]
    book = await _other_book(store, entries, other)
    found = await rehearse(store.journal(stored.id), stored, settings.policy, book)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for line in _rehearsal_lines(found):
            show_line(line)
    return True


async def _other_book(store: Store, entries: Iterable[JournalEntry], other: Path) -> Book:
    """The flows of a folder; or those that were recorded last, with one file changed. Raises ConfigError."""
    sources = _read(other)
    version = "" if other.name not in sources or len(sources) > 1 else _version(entries)
    kept = await store.book(version) if version else None
    reading = await asyncio.to_thread(read_book, {**(kept or {}), **sources})
    if reading.book is None:
        wrong = next(one for one in reading.findings if one.is_error)
        raise ConfigError(f"{other}: {wrong.file}:{wrong.line}:{wrong.column}: {wrong.sentence}")
    return reading.book


def _read(other: Path) -> Mapping[str, str]:
    """All files of a folder; of a file, that one."""
    try:
        return read_sources(other) if other.is_dir() else {other.name: other.read_text(encoding="utf-8")}
    except FolderError as error:
        raise ConfigError(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{other} cannot be read ({error}); name a folder or a file of flows") from error


def _version(entries: Iterable[JournalEntry]) -> str:
    """The version of the flows by which the conversation was decided last, "" for none."""
    return next((entry.event.flows for entry in reversed([*entries]) if entry.event.flows), "")


def _rehearsal_lines(found: Rehearsal) -> Iterable[str]:
    for one in found.decisions:
        yield f"{one.seq}. {one.event_type}" + (f": {one.about}" if one.about else "")
        if one.differs:
            yield from (f"  - {line}" for line in one.recorded)
            yield from (f"  + {line}" for line in one.rehearsed)
        else:
            yield from (f"    {line}" for line in one.recorded)
    for left in found.left_out:
        yield f"{left.seq}. {left.event_type} is left out, for nothing like it would have been asked for: {left.of}"
    differ = sum(one.differs for one in found.decisions)
    yield f"{len(found.decisions)} decisions, {differ} would be different under version {found.version}"


async def _export(store: Store, settings: Settings, stored: Conversation, file: Path) -> bool:
    """Write the example, and say whether it passes as it is."""
    from frontdesk.flow_tests.recording import LOOK, export

    entries = [entry async for entry in store.journal(stored.id)]
    versions = dict.fromkeys(entry.event.flows for entry in entries if entry.event.flows)
    if not versions:
        raise ConfigError("no flows were in force in this conversation, so that it is no example of any")
    try:
        book = await Library(store, compile_in_thread).load(list(versions)[-1])
    except BookLost as lost:
        raise ConfigError(str(lost)) from lost
    found = export(f"Recorded on {entries[0].event.at:%Y-%m-%d}", entries, stored, book.rules.zone)
    _write(file, found.text)
    click.echo(f"{file} is written. {LOOK}")
    if found.left_out:
        click.echo(f"left out, for examples have no words for it: {', '.join(found.left_out)}")
    if len(versions) > 1:
        click.echo(f"{len(versions)} versions of the flows were in force; the last one counts here")
    return _passes(found.text, book, settings)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}); name another file") from error


def _passes(text: str, book: Book, settings: Settings) -> bool:
    from frontdesk.flow_tests.examples import read_examples
    from frontdesk.flow_tests.running import play_all

    read = read_examples({"exported.test.yaml": text})
    results = play_all(book, read.found, settings.policy)
    wrong = [one.sentence for one in read.findings] + [
        f"line {one.failure.place.line}: {one.failure.sentence}" for one in results.failed if one.failure
    ]
    if wrong:
        click.echo(f"it does not pass under version {book.version} yet: {wrong[0]}")
        return False
    click.echo(f"it passes under version {book.version}")
    return True
