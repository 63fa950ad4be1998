"""`frontdesk console`: a contact's side of the conversation, line by line."""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path

import click
import httpx
import msgspec

from frontdesk.plugin import ConfigError
from frontdesk_plugins.console.terminal import Terminal, listening
from frontdesk_plugins.console.wire import PHONE_PATTERN, SECRET_CHARACTERS_MIN, SIGNATURE, Place, Written, sign

VARIABLE = "FRONTDESK_CONSOLE_SECRET"
ANSWER_SECONDS_MAX = 15.0

_PLACE = re.compile(r"/at\s+(-?\d{1,2}(?:\.\d+)?)[\s,]+(-?\d{1,3}(?:\.\d+)?)", re.ASCII)


def _phone(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    number = value.removeprefix("+")
    if not re.match(PHONE_PATTERN, number):
        raise click.BadParameter("a number is written as country code and digits, such as 15550100777")
    return number


@click.command()
@click.option("--service", default="http://127.0.0.1:8080", show_default=True, help="Where frontdesk serve is.")
@click.option("--channel", default="main", show_default=True, help='The section [channels.NAME] with "console".')
@click.option("--listen", type=click.IntRange(1, 65_535), default=8092, show_default=True, help="The port of its url.")
@click.option("--from", "sender", default="15550100777", show_default=True, callback=_phone, help="Your number.")
@click.option("--name", help="Your name, as the bot is to know it.")
@click.option("--wait", type=click.FloatRange(0), default=2.0, show_default=True, help="Seconds of quiet, in a pipe.")
@click.option("--config", type=click.Path(path_type=Path), help=f"The TOML file, where {VARIABLE} is not set.")
def console(
    service: str, channel: str, listen: int, sender: str, name: str | None, wait: float, config: Path | None
) -> None:
    """Talk to the bot in this terminal, by a channel whose provider is "console".

    Each line is a message; a number or a title taps an option that was shown; "/at 12.97 77.59" shares a place. In a
    pipe each line waits until the bot has been quiet for --wait seconds, and so does the end.
    """
    secret = _secret(channel, config)
    terminal = Terminal(sender, click.echo)
    is_typed = sys.stdin.isatty()
    with (
        listening(terminal, secret, listen),
        httpx.Client(trust_env=False, timeout=ANSWER_SECONDS_MAX) as http,
    ):
        if is_typed:
            click.echo(f"You are {sender} and write to {service}. Enter sends, Ctrl-D ends.", err=True)
        for line in filter(None, (line.strip() for line in sys.stdin)):
            if not is_typed:
                click.echo(f"> {line}")
            terminal.touch()
            try:
                _post(http, service, channel, secret, _written(terminal, sender, name, line))
            except ConfigError as error:
                if not is_typed:
                    raise
                click.echo(f"frontdesk: {error}", err=True)
            if not is_typed:
                terminal.wait_for_quiet(wait)
        terminal.wait_for_quiet(wait)


def _written(terminal: Terminal, sender: str, name: str | None, line: str) -> Written:
    known = secrets.token_hex(12)
    tap, place = terminal.tapped(line), _PLACE.fullmatch(line)
    if tap is not None:
        return Written(id=known, sender=sender, name=name, tap=tap)
    if place is not None:
        return Written(
            id=known, sender=sender, name=name, place=Place(latitude=float(place[1]), longitude=float(place[2]))
        )
    return Written(id=known, sender=sender, name=name, text=line)


def _post(http: httpx.Client, service: str, channel: str, secret: str, written: Written) -> None:
    """Hand a message to the service. Raises ConfigError with the cure."""
    body = msgspec.json.encode(written)
    headers = {"content-type": "application/json", SIGNATURE: sign(secret, body)}
    address = f"{service.rstrip('/')}/webhooks/{channel}"
    try:
        status = http.post(address, content=body, headers=headers).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConfigError(f"nobody answers at {service} ({error}); run frontdesk serve, or say --service") from error
    match status:
        case 200:
            return
        case 401:
            reason = f'the secrets differ, or the provider of [channels.{channel}] is not "console"; compare both'
        case 404:
            reason = (
                f'there is no channel {channel!r}; add [channels.{channel}] with provider = "console", or --channel'
            )
        case _:
            reason = f"look at {service.rstrip('/')}/readyz and at the log of frontdesk serve"
    raise ConfigError(f"the service refuses the message ({status}): {reason}")


def _secret(channel: str, config: Path | None) -> str:
    """Of the environment, else of the channel's section. Raises ConfigError."""
    secret = os.environ.get(VARIABLE) or (_configured(channel, config) if config else "")
    if len(secret) < SECRET_CHARACTERS_MIN:
        raise ConfigError(
            f"there is no secret of {SECRET_CHARACTERS_MIN} characters or more; set {VARIABLE} to that of "
            f"[channels.{channel}], or name the configuration with --config"
        )
    return secret


def _configured(channel: str, config: Path) -> str:
    """What the section's `secret` leads to; the service itself reads the rest."""
    try:
        tree = msgspec.toml.decode(config.read_bytes())
        match tree["channels"][channel]["secret"]:
            case {"env": str(name)}:
                return os.environ.get(name, "")
            case {"file": str(path)}:
                return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{config} has no secret of [channels.{channel}] to read ({error!r}); set {VARIABLE}"
        ) from error
    return ""
