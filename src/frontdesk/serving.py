"""What `frontdesk serve` runs: one process, or a supervisor and as many as the configuration says."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from frontdesk.config import ServerSettings, Settings
from frontdesk.container import Container
from frontdesk.http.server import GRACE_SECONDS, Server, bind, bind_metrics, run, server
from frontdesk.plugin import ConfigError, Providers, load_plugins
from frontdesk.supervisor import Inheritance, Supervisor

STOP_SECONDS_MORE = GRACE_SECONDS + 6
"""What a process is given to stop beyond its worker's time, before it is killed."""

_HANG_UP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()


def offers_for(settings: Settings) -> Providers:
    """The plugins that the settings name. Raises ConfigError, also where the store is one process's and the settings
    ask for several."""
    offers, server = load_plugins(settings.plugins()), settings.server
    name = settings.store.provider
    store = offers.stores.get(name)
    if store is not None and not store.serves_many and (server.role != "all" or server.processes > 1):
        asked = f"{server.processes} processes" if server.processes > 1 else f"the role {server.role!r}"
        raise ConfigError(
            f"{settings.where}: the store {name!r} is for one process that does all, and the settings ask for {asked}; "
            'set mode = "enterprise", which keeps the store in PostgreSQL (docs/operating.md)'
        )
    return offers


def serve(settings: Settings, words: Sequence[str], inherited: Inheritance | None) -> int:
    """Serve until SIGTERM; the exit status. `words`: of the command line, for children. `inherited`: this is one."""
    offers = offers_for(settings)
    end_well_on_signals()
    for number in _HANG_UP:  # nobody ends at it: before the loop hears it, everything is still to be read
        signal.signal(number, lambda _number, _frame: None)
    if inherited is not None:
        return _serve_child(settings, offers, inherited)
    if settings.server.processes > 1:
        return _supervise(settings, offers, words)
    return _serve_alone(settings, offers)


def end_well_on_signals() -> None:
    """uvicorn stops gracefully on these and then raises them once more; by then the work is done: exit status 0."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: None)


def _reread_at_hang_up(container: Container) -> None:
    def ask() -> None:
        container.flows().ask()
        container.knowledge_folder().ask()

    for number in _HANG_UP:
        asyncio.get_running_loop().add_signal_handler(number, ask)


def _serve_alone(settings: Settings, offers: Providers) -> int:
    container = Container(settings=settings, offers=offers)
    app, listening = container.app(), bind(settings.server)
    running = server(app, settings.server, lambda: _announce(settings, listening.getsockname()))
    _serve_aside(running, container, bind_metrics(settings.server, 0))

    async def serve_and_hear() -> None:
        _reread_at_hang_up(container)
        await running.serve([listening])

    run(serve_and_hear())
    return int(running.has_failed)


def _serve_child(settings: Settings, offers: Providers, inherited: Inheritance) -> int:
    container = Container(settings=settings, offers=offers, number=inherited.number)
    lifeline = socket.socket(fileno=inherited.lifeline)

    def announce() -> None:
        with suppress(OSError):  # the supervisor died in the meantime; `stop` is on its way
            lifeline.send(b".")

    running = server(container.app(), settings.server, announce)
    if inherited.metrics is not None:
        _serve_aside(running, container, socket.socket(fileno=inherited.metrics))

    async def serve_while_supervised() -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.remove_reader(lifeline)
            running.should_exit = True

        loop.add_reader(lifeline, stop)  # the supervisor never writes: this is its end
        _reread_at_hang_up(container)  # who tells a whole group tells the supervisor too: it exchanges us in good order
        await running.serve([socket.socket(fileno=inherited.listening)])

    with lifeline:
        run(serve_while_supervised())
    return int(running.has_failed)


def _supervise(settings: Settings, offers: Providers, words: Sequence[str]) -> int:
    if os.name != "posix":
        raise ConfigError(
            "several processes on one port need Linux or macOS; run one process, or several containers with one each"
        )
    Container(settings=settings, offers=offers).app()  # what is wrong with the options is said before anything starts
    listening = bind(settings.server)
    supervisor = Supervisor(
        [sys.executable, "-P", "-m", "frontdesk", *words],
        listening,
        [bind_metrics(settings.server, number) for number in range(settings.server.processes)],
        settings.worker.stop_seconds + STOP_SECONDS_MORE,
        lambda: _announce(settings, listening.getsockname()),
    )
    return asyncio.run(supervisor.run())


def _serve_aside(running: Server, container: Container, listening: socket.socket | None) -> None:
    if listening is not None:
        running.serve_aside(container.health_app(), listening)


def _announce(settings: Settings, address: tuple[str, int]) -> None:
    what = _described(settings.server)
    click.echo(f"Frontdesk listens on http://{address[0]}:{address[1]}{what}", err=True)
    if not settings.channels:
        click.echo(
            "No channel is configured yet: see README, “Connect a real number”, or run: frontdesk demo", err=True
        )


def _described(settings: ServerSettings) -> str:
    role = "" if settings.role == "all" else f", as {settings.role}"
    return role + ("" if settings.processes == 1 else f", {settings.processes} processes")
