"""The sections that name a provider: what is the service's in them, and what is left for the provider."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from frontdesk.plugin import ConfigError


class Section(Struct, frozen=True, kw_only=True):
    """A section that names a provider; what else it holds is the provider's. Of a channel, `standby` is the one that
    stands in for it, and `former` the provider that it had before: that one is still heard, and sends nothing."""

    provider: str
    options: dict[str, Any] = {}
    standby: str = ""
    former: Section | None = None


def read_section(name: str, values: dict[str, Any], provider: str | None) -> Section:
    """A section by its name; `provider` where it names none. Raises ConfigError."""
    options = dict(values)
    chosen = options.pop("provider", provider)
    if not isinstance(chosen, str) or not chosen:
        raise ConfigError(f'{name}.provider is missing; write provider = "…" (frontdesk plugins lists them)')
    return Section(provider=chosen, options=options)


def read_channels(sections: dict[str, dict[str, Any]]) -> dict[str, Section]:
    """What `[channels.NAME]` say. Raises ConfigError where a standby or a former provider is none."""
    found = {name: _read_channel(f"channels.{name}", values) for name, values in sections.items()}
    for name, section in found.items():
        if section.standby:
            _check_standby(found, name, section.standby)
    return found


def _read_channel(where: str, values: dict[str, Any]) -> Section:
    options = dict(values)
    standby, former = str(options.pop("standby", "")), options.pop("former", None)
    section = read_section(where, options, None)
    if former is None:
        return msgspec.structs.replace(section, standby=standby)
    if not isinstance(former, dict):
        raise ConfigError(f"{where}.former: write a section [{where}.former] with the provider before and its keys")
    return msgspec.structs.replace(section, standby=standby, former=read_section(f"{where}.former", former, None))


def _check_standby(found: dict[str, Section], name: str, standby: str) -> None:
    where = f"channels.{name}.standby"
    if standby not in found or standby == name:
        others = ", ".join(other for other in found if other != name) or "none"
        raise ConfigError(f"{where}: {standby!r} is no other channel; there are: {others}")
    if found[standby].standby:
        raise ConfigError(f"{where}: {standby} has a standby itself; name a channel that has none")
