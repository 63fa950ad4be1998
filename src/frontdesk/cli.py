"""The command line. Every error is one sentence with its cure; `--json` where a script would want it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NoReturn

import click
import msgspec
import structlog

from frontdesk import serving
from frontdesk.commands.channel import channel
from frontdesk.commands.conversation import conversation
from frontdesk.commands.explaining import explanation
from frontdesk.commands.flow import flow
from frontdesk.commands.knowledge import knowledge
from frontdesk.commands.migrate_storage import migrate_storage
from frontdesk.commands.notices import notices
from frontdesk.commands.options import config_option, json_option
from frontdesk.commands.replay import replay_command
from frontdesk.commands.usage import usage
from frontdesk.config import load
from frontdesk.container import Container
from frontdesk.engine.flow_folder import FlowFolder
from frontdesk.http.server import run
from frontdesk.plugin import ConfigError, installed_plugins, load_plugins
from frontdesk.ports import StoreUnavailable
from frontdesk.supervisor import Inheritance

VendorName = Literal["meta", "msg91"]
LOG_LEVELS = ("debug", "info", "warning", "error", "critical")
PORT = click.IntRange(0, 65_535)
NOTICES_READ = 500
MISFIT_FOR = timedelta(days=1)

vendor_option = click.option(
    "--vendor", type=click.Choice(["meta", "msg91"]), default="meta", show_default=True, help="By whom customers write."
)


def main() -> None:
    """Run the command line; a foreseen error is one sentence and exit status 1."""
    try:
        cli(prog_name="frontdesk")
    except (ConfigError, StoreUnavailable) as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    click.echo(f"frontdesk: {sentence}", err=True)
    sys.exit(1)


class _Commands(click.Group):
    """Our own commands, and those of plugins: `frontdesk NAME …` where a plugin of that name offers one. Only that one
    is imported, but for the list of all."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click. A plugin that lacks a library here has no command."""
        found = set(super().list_commands(ctx))
        for name in installed_plugins():
            try:
                found |= set(load_plugins({name}).commands)
            except ConfigError:
                continue
        return sorted(found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        known = super().get_command(ctx, cmd_name)
        if known is not None or cmd_name not in installed_plugins():
            return known
        return load_plugins({cmd_name}).commands.get(cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("frontdesk"), prog_name="frontdesk")
def cli() -> None:
    """Frontdesk answers a business's WhatsApp number; no message is lost, doubled or shuffled."""
    _log_to_stderr()


for command in (flow, channel, knowledge, replay_command, usage, conversation, migrate_storage, notices):
    cli.add_command(command)


def _log_to_stderr() -> None:
    """Ids and reasons only; what contacts write is never logged."""
    level = os.environ.get("FRONTDESK_LOG", "info").lower()
    if level not in LOG_LEVELS:
        raise ConfigError(f"FRONTDESK_LOG is {level!r}; there are: {', '.join(LOG_LEVELS)}")
    renderer: Any = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)


@cli.command()
@config_option
@click.option("--host", help="Overrides server.host.")
@click.option("--port", type=PORT, help="Overrides server.port.")
@click.option("--role", type=click.Choice(["all", "web", "worker"]), help="Overrides server.role.")
@click.option("--processes", type=click.IntRange(1), help="Overrides server.processes.")
@click.option("--dev", is_flag=True, help="Accept webhooks without a signature where no app secret is set.")
@click.option("--child", hidden=True, help="What a supervisor hands to its child.")
def serve(config_file: Path | None, child: str | None, *, dev: bool, **overrides: str | int | None) -> None:
    """Answer customers until SIGTERM; SIGHUP exchanges several processes one by one, and lets one read its files."""
    settings = load(config_file, _environ(**overrides), is_development=dev)
    sys.exit(serving.serve(settings, sys.argv[1:], Inheritance.read(child) if child else None))


def _environ(**overrides: str | int | None) -> dict[str, str]:
    """The environment with keys of `[server]` put over it."""
    environ = dict(os.environ)
    for key, value in overrides.items():
        if value is not None:
            environ[f"FRONTDESK__SERVER__{key.upper()}"] = msgspec.json.encode(value).decode()
    if overrides.get("port") is not None:
        environ.pop("PORT", None)
    return environ


@cli.command()
@click.option("--once", is_flag=True, help="Play a scripted conversation, print it and exit.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=PORT, default=8080, show_default=True, help="The port; 0 for any free one.")
@click.option("--enterprise", is_flag=True, help="As several processes, on a PostgreSQL and a Redis that it brings.")
@vendor_option
def demo(host: str, port: int, vendor: VendorName, *, once: bool, enterprise: bool) -> None:
    """A sample shop with an emulated WhatsApp, in a temporary folder; nothing leaves this machine."""
    if enterprise:
        from frontdesk import enterprise_demo

        enterprise_demo.run("127.0.0.1" if once else host, 0 if once else port, once=once)
        return
    from frontdesk import demo as shop

    serving.end_well_on_signals()
    run(shop.play_once(vendor) if once else shop.run(host, port, vendor))


@cli.command()
@config_option
@json_option
@click.option("--explain", "explains", is_flag=True, help="Print every key with its default and meaning.")
@click.option("--dev", is_flag=True, help="As in serve.")
def check(config_file: Path | None, *, as_json: bool, explains: bool, dev: bool) -> None:
    """Read the configuration, load its plugins, build and open everything; say what would run."""
    if explains:
        for line in explanation():
            click.echo(line)
        return
    settings = load(config_file, os.environ, is_development=dev)
    offers = serving.offers_for(settings)
    idle = msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, role="web"))
    container = Container(settings=idle, offers=offers, keeps_flows=False)  # a web process performs nothing
    container.check_dependencies()
    troubles = asyncio.run(_open_and_close(container))
    found = {
        "configuration": settings.where,
        "mode": settings.mode,
        "data_dir": str(settings.data_dir),
        "role": settings.server.role,
        "processes": settings.server.processes,
        "store": settings.store.provider,
        "signal": settings.signal.provider,
        "knowledge": settings.knowledge.provider,
        "language_model": settings.language_model.provider,
        "fallbacks": {name: section.provider for name, section in settings.fallbacks.items()},
        "senses": {sense: section.provider for sense, section in settings.senses.items()},
        "channels": {name: section.provider for name, section in settings.channels.items()},
        "hosts": {name: host.base_url for name, host in settings.hosts.items()},
        "flows": _flows_found(container.flows()),
        "troubles": troubles,
    }
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for key, value in found.items():
        if key != "troubles":
            click.echo(f"{key}: {_in_words(value)}".rstrip())
    if container.flows().found.warnings and Path(settings.where).is_file():
        click.echo(f"the flows' warnings: frontdesk flow check {settings.flows.folder} --config {settings.where}")
    for trouble in troubles:
        click.echo(f"trouble: {trouble}")
    click.echo("degraded, would serve" if troubles else "ok")


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items()) or "none"
    return "none" if value is None else str(value)


def _flows_found(folder: FlowFolder) -> dict[str, Any] | None:
    book = folder.found.book
    if book is None:
        return None
    return {"version": book.version, "count": len(book.flows), "warnings": folder.found.warnings}


async def _open_and_close(container: Container) -> list[str]:
    """What works less well than it should, and does not keep anybody from serving; what was wrong with the fields of
    vendors' posts since yesterday."""
    app, since = container.app(), container.clock().now() - MISFIT_FOR
    async with app.router.lifespan_context(app):
        await container.store().check()
        troubles = (container.signal().trouble, container.knowledge_folder().trouble)
        notices = await container.store().notices(NOTICES_READ)
    told = (f"channel {one.channel}: {one.text}" for one in notices if one.kind == "mapping" and one.at >= since)
    budget = container.budget()
    missing = container.language_model().prices_missing(budget.price_max) if budget.caps.are_set else []
    return list(dict.fromkeys([*filter(None, troubles), *missing, *told]))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=PORT, default=8090, show_default=True)
@vendor_option
@click.option("--callback-url", default="http://127.0.0.1:8080/webhooks/main", show_default=True)
@click.option("--app-secret", default="emulated-app-secret", show_default=True)
@click.option("--access-token", default="emulated-access-token", show_default=True)
@click.option("--verify-token", default="emulated-verify-token", show_default=True)
@click.option("--phone-number-id", default="310700000000042", show_default=True)
@click.option("--display-phone-number", default="15550100200", show_default=True, help="MSG91's integrated_number.")
@click.option("--authkey", default="emulated-authkey", show_default=True)
@click.option("--webhook-secret", default="emulated-webhook-secret", show_default=True)
def emulate(host: str, port: int, **options: str) -> None:
    """Play Meta's Graph API, MSG91 and OpenRouter, strictly, with a customer's phone, a ledger and faults.

    Both vendors take messages; customers' messages come by the one that --vendor names, to the callback URL or, as
    MSG91's, to /inbound and /status below it. docs/channels.md has the section of the configuration that fits.
    """
    from frontdesk import demo as shop

    serving.end_well_on_signals()
    run(shop.emulate(host, port, **options))


@cli.command()
@json_option
def plugins(*, as_json: bool) -> None:
    """List the providers that are installed."""
    found = {name: entry.value for name, entry in sorted(installed_plugins().items())}
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for name, module in found.items():
        click.echo(f"{name:20} {module}")
