"""`frontdesk knowledge …`: what the business knows, as files and as what is found in them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from frontdesk.commands.options import config_option, json_option
from frontdesk.config import Settings, load
from frontdesk.container import Container
from frontdesk.core.prompt import Passage
from frontdesk.knowledge.evaluation import DEPTH, Evaluation, evaluate, read_questions
from frontdesk.knowledge.indexing import FolderLost, Told, index_folder, not_indexed
from frontdesk.knowledge.passages import Unreadable
from frontdesk.knowledge.reading import BYTES_MAX, is_read, read_bytes, read_passages
from frontdesk.knowledge.words import asked, terms
from frontdesk.plugin import ConfigError, load_plugins
from frontdesk.ports import Clock, Knowledge, KnowledgeIndex, ProviderFailure

EVAL_FILE = "eval.yaml"
SHOWN_CHARACTERS = 240


class Opened(NamedTuple):
    """The knowledge search of a configuration. `kept` None: it has its own ways."""

    search: Knowledge
    kept: KnowledgeIndex | None
    clock: Clock


@click.group()
def knowledge() -> None:
    """Add files to what the business knows, and see what is found in them."""


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Opened]:
    named = msgspec.structs.replace(settings, channels={})
    container = Container(settings=named, offers=load_plugins({settings.knowledge.provider}))
    async with container.http(), container.knowledge() as search:
        yield Opened(search, search if isinstance(search, KnowledgeIndex) else None, container.clock())


@contextmanager
def _progress() -> Iterator[Told]:
    """A bar on the terminal; nothing where there is none."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("")

        def told(what: str, done: int, of: int) -> None:
            progress.update(task, description=what, completed=done, total=of)

        yield told


async def _bring_up_to_date(settings: Settings, opened: Opened) -> dict[str, str]:
    """Index what has changed, and say what cannot be used; whether vectors are all there is no condition."""
    if opened.kept is None:
        return {}
    folder = Path(settings.knowledge_folder.folder)
    with _progress() as told:
        try:
            await index_folder(opened.kept, folder, opened.clock, told)
        except FolderLost as lost:
            raise ConfigError(f"knowledge.folder: {lost}; make it, or name another") from lost
        try:
            await opened.kept.embed(lambda done, of: told("by meaning", done, of))
        except ProviderFailure as failure:
            click.echo(f"{failure}", err=True)
    return {file.name: file.trouble for file in await opened.kept.files() if file.trouble}


def _tell_troubles(folder: str, troubles: dict[str, str]) -> None:
    for name, trouble in troubles.items():
        click.echo(f"{folder}/{name}: {trouble}", err=True)


async def _tell_unknown(opened: Opened, sources: Sequence[str]) -> None:
    """Files that somebody names and that are not there: nothing will be found in them."""
    if opened.kept is None:
        return
    known = {file.name for file in await opened.kept.files() if file.passages}
    for name in dict.fromkeys(source.partition("#")[0] for source in sources):
        if name not in known:
            click.echo(f"there are no passages of a file {name}; frontdesk knowledge list names them all", err=True)


@knowledge.command()
@config_option
@click.option("--replace", is_flag=True, help="Also where another file of that name is there.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def add(config_file: Path | None, files: tuple[Path, ...], *, replace: bool) -> None:
    """Copy FILES (Markdown, text, HTML, PDF) into the folder of the knowledge, if they can be read, and index them.

    A service that runs finds them by itself. Exit status 1 if one could not be added; the others are.
    """
    settings = load(config_file, os.environ, is_development=True)
    folder = Path(settings.knowledge_folder.folder)
    refused = [sentence for file in files if (sentence := _add(folder, file, may_replace=replace))]
    for sentence in refused:
        click.echo(sentence, err=True)

    async def run() -> dict[str, str]:
        async with _opened(settings) as opened:
            return await _bring_up_to_date(settings, opened)

    if len(refused) < len(files):
        _tell_troubles(str(folder), asyncio.run(run()))
    if refused:
        sys.exit(1)


def _add(folder: Path, file: Path, *, may_replace: bool) -> str:
    """Put one file into the folder, whole or not at all; why not, or ""."""
    if not is_read(file.name):
        return f"{file}: files of this kind are not read; save it as one of: {', '.join(sorted(BYTES_MAX))}"
    try:
        data = read_bytes(file)
        count = len(read_passages(file.name, data))
    except Unreadable as error:
        return f"{file}: {error}"
    target = folder / file.name
    try:
        if target.exists() and target.read_bytes() != data and not may_replace:
            return f"{file}: another file of that name is there; rename it, or say --replace"
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{file.name}.{os.getpid()}"
        unfinished.write_bytes(data)
        unfinished.replace(target)
    except OSError as error:
        return f"{target} cannot be written ({error.strerror}); make the folder writable"
    click.echo(f"{target}: {count} passages")
    return ""


@knowledge.command("list")
@config_option
@json_option
def list_files(config_file: Path | None, *, as_json: bool) -> None:
    """The files that are indexed, their passages, when they were indexed, and what is wrong with which."""
    settings = load(config_file, os.environ, is_development=True)

    async def run() -> None:
        async with _opened(settings) as opened:
            if opened.kept is None:
                raise ConfigError(f"the knowledge search {settings.knowledge.provider!r} keeps no files; ask it itself")
            files = await opened.kept.files()
        if as_json:
            click.echo(msgspec.json.encode(files))
            return
        for file in files:
            at = f"{file.indexed_at:%Y-%m-%d %H:%M}" if file.indexed_at else "-"
            click.echo(
                f"{file.passages:6}  {at:16}  {file.name}"
                + (f"  not used as it is now: {file.trouble}" if file.trouble else "")
            )
        click.echo(f"{sum(file.passages for file in files):6}  passages in {len(files)} files")
        waiting = not_indexed(Path(settings.knowledge_folder.folder), {file.name for file in files})
        if waiting:
            click.echo(
                f"{len(waiting)} files are not indexed yet ({', '.join([*waiting[:3], '…'][: len(waiting)])}); "
                "a service that runs does it within seconds, and so does: frontdesk knowledge search WORDS",
                err=True,
            )

    asyncio.run(run())


@knowledge.command()
@config_option
@json_option
@click.option("--limit", type=click.IntRange(1, 100), default=DEPTH, show_default=True)
@click.option("--scope", multiple=True, metavar="FILE", help="Search this file only; may be repeated.")
@click.argument("query")
def search(config_file: Path | None, query: str, limit: int, scope: tuple[str, ...], *, as_json: bool) -> None:
    """Index what has changed, and show what is found for QUERY, with scores and why."""
    settings = load(config_file, os.environ, is_development=True)
    wanted = query.encode(errors="replace").decode()  # a shell may hand over what is no text

    async def run() -> Sequence[Passage]:
        async with _opened(settings) as opened:
            _tell_troubles(settings.knowledge_folder.folder, await _bring_up_to_date(settings, opened))
            await _tell_unknown(opened, scope)
            return await opened.search.search(wanted, limit, scope)

    found = asyncio.run(run())
    if as_json:
        click.echo(msgspec.json.encode([{"passage": one, "why": why(wanted, one)} for one in found]))
        return
    for one in found:
        click.echo(f"{one.score:8.4f}  {one.id}\n          {one.title}\n          {why(wanted, one)}")
        text = " ".join(one.text.split())
        click.echo(f"          {text[:SHOWN_CHARACTERS]}{'…' if len(text) > SHOWN_CHARACTERS else ''}")
    if not found:
        looked_for = ", ".join(word.word for word in asked(wanted))
        click.echo(f"nothing is found for: {looked_for or 'no telling word'}")


def why(query: str, passage: Passage) -> str:
    """Which words of a question a passage has, or that its meaning is near."""
    there = set(terms(f"{passage.title} {passage.text}"))
    hits = []
    for word in asked(query):
        relatives = sorted(one for one in there if word.beginning and one.startswith(word.beginning))
        if word.word in there:
            hits.append(word.word)
        elif relatives:
            hits.append(f"{word.word} ({', '.join(relatives[:3])})")
    return f"words: {', '.join(hits)}" if hits else "by meaning"


@knowledge.command("eval")
@config_option
@json_option
@click.option("--min-recall", type=click.FloatRange(0, 1), help="Exit status 1 where recall@5 is lower.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
def evaluate_search(config_file: Path | None, file: Path | None, min_recall: float | None, *, as_json: bool) -> None:
    """Ask the questions of FILE (eval.yaml in the folder) and print recall@5 and the mean reciprocal rank.

    A list of {question: …, sources: [file.md#heading]}; `frontdesk knowledge search` shows the ids.
    """
    settings = load(config_file, os.environ, is_development=True)
    questions = read_questions(file or Path(settings.knowledge_folder.folder) / EVAL_FILE)

    async def run() -> Evaluation:
        async with _opened(settings) as opened:
            _tell_troubles(settings.knowledge_folder.folder, await _bring_up_to_date(settings, opened))
            await _tell_unknown(opened, [source for one in questions for source in one.sources])
            return await evaluate(questions, opened.search.search)

    found = asyncio.run(run())
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _tell(found)
    if min_recall is not None and found.recall_at_5 < min_recall:
        click.echo(f"recall@5 is below {min_recall}", err=True)
        sys.exit(1)


def _tell(found: Evaluation) -> None:
    for one in found.questions:
        if one.recall < 1:
            click.echo(
                f"missed: {one.question}\n  wanted {', '.join(one.sources)}\n  found {', '.join(one.found) or '-'}"
            )
    click.echo(f"{len(found.questions)} questions, recall@5 {found.recall_at_5:.3f}, MRR {found.mrr:.3f}")
