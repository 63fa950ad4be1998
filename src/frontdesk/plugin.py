"""What the author of a plugin imports, and how the service finds plugins.

A plugin is an entry point in the group `frontdesk`: a module with an `Options` Struct, a class with a port's methods
and one hook, `register`. Built-in providers come by the same way. Only plugins that the configuration names are
imported, so that a missing driver hurts nobody who does not ask for it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

import click
import httpx
import msgspec
import pluggy
from msgspec import Struct

from frontdesk.core.capabilities import Capabilities
from frontdesk.misfits import in_plain_words
from frontdesk.perception import Perception
from frontdesk.ports import Channel, Clock, Knowledge, LanguageModel, Signal, Store

GROUP = "frontdesk"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


class Secret:
    """A word that must not be seen: it shows itself as `***` everywhere but in `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The word itself; for the request that needs it and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)


class ConfigError(Exception):
    """The configuration cannot be used: a sentence that names the file, the key, what was found and the cure."""


class Tools(Struct, frozen=True, kw_only=True):
    """What the service lends a provider. `http` for calls that are rare; `transport` for the hot path, which prepares
    an `httpx.Request` itself and saves half the time. Neither follows redirects or reads the environment."""

    http: httpx.AsyncClient
    transport: httpx.AsyncBaseTransport
    clock: Clock
    data_dir: Path
    is_development: bool = False
    is_read_only: bool = False


WHATSAPP = Capabilities()
"""All that WhatsApp itself can do."""

T_co = TypeVar("T_co", covariant=True)


class Offer(Generic[T_co]):
    """A provider as it was registered: how to read its options, how to build it, whether what is built may be used by
    several processes at once, the options of an address such as `migrate-storage` takes, and what a channel can do."""

    def __init__(
        self,
        name: str,
        options: type[Any],
        build: Callable[[str, Any, Tools], T_co],
        *,
        serves_many: bool = False,
        place: Callable[[str], dict[str, Any]] | None = None,
        capabilities: Capabilities = WHATSAPP,
    ) -> None:
        self.name = name
        self.options = options
        self.build = build
        self.serves_many = serves_many
        self.place = place
        self.capabilities = capabilities


Options = TypeVar("Options", bound=Struct)


class Providers:
    """What plugins offer, by port and name. A `build` is given the section's name, its options and the tools."""

    def __init__(self) -> None:
        self.channels: dict[str, Offer[Channel]] = {}
        self.language_models: dict[str, Offer[LanguageModel]] = {}
        self.knowledges: dict[str, Offer[Knowledge]] = {}
        self.perceptions: dict[str, Offer[Perception]] = {}
        self.stores: dict[str, Offer[Store]] = {}
        self.signals: dict[str, Offer[Signal]] = {}
        self.commands: dict[str, click.Command] = {}

    def channel(
        self,
        name: str,
        options: type[Options],
        build: Callable[[str, Options, Tools], Channel],
        *,
        capabilities: Capabilities = WHATSAPP,
    ) -> None:
        """Offer a channel, and say what it cannot do."""
        _add(self.channels, Offer(name, options, build, capabilities=capabilities))

    def command(self, command: click.Command) -> None:
        """Offer `frontdesk NAME …`, where the command is named like the plugin."""
        self.commands[str(command.name)] = command

    def language_model(
        self, name: str, options: type[Options], build: Callable[[str, Options, Tools], LanguageModel]
    ) -> None:
        """Offer a language model."""
        _add(self.language_models, Offer(name, options, build))

    def knowledge(self, name: str, options: type[Options], build: Callable[[str, Options, Tools], Knowledge]) -> None:
        """Offer a knowledge search."""
        _add(self.knowledges, Offer(name, options, build))

    def perception(self, name: str, options: type[Options], build: Callable[[str, Options, Tools], Perception]) -> None:
        """Offer to make out voice messages and pictures. The section's name, `voice` or `pictures`, tells which."""
        _add(self.perceptions, Offer(name, options, build))

    def store(
        self,
        name: str,
        options: type[Options],
        build: Callable[[str, Options, Tools], Store],
        *,
        serves_many: bool = False,
        place: Callable[[str], dict[str, Any]] | None = None,
    ) -> None:
        """Offer a store. `serves_many`: several processes may work on the same data; else a configuration that asks
        for more than one is refused. `place`: the options that an address `name:…` or `name…://…` stands for, where
        the store is `Movable`; it raises ConfigError, and never shows the address, which may hold a password."""
        _add(self.stores, Offer(name, options, build, serves_many=serves_many, place=place))

    def signal(self, name: str, options: type[Options], build: Callable[[str, Options, Tools], Signal]) -> None:
        """Offer a signal."""
        _add(self.signals, Offer(name, options, build))


def _add(offers: dict[str, Offer[Any]], offer: Offer[Any]) -> None:
    if offer.name in offers:
        raise ConfigError(f"two plugins offer a provider named {offer.name!r}; uninstall one of them")
    offers[offer.name] = offer


class _Hooks:
    @hookspec
    def register(self, providers: Providers) -> None:
        """Tell the service what this plugin provides."""


def installed_plugins() -> dict[str, EntryPoint]:
    """Every plugin that is installed, by name, without importing any."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def load_plugins(names: Iterable[str]) -> Providers:
    """Import the named plugins and collect what they provide. Raises ConfigError with the cure."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(_Hooks)
    installed = installed_plugins()
    for name in sorted(set(names)):
        if name not in installed:
            raise ConfigError(
                f"no plugin named {name!r} is installed; there are: {', '.join(sorted(installed)) or 'none'}"
            )
        try:
            manager.register(installed[name].load(), name=name)
        except ImportError as error:
            raise ConfigError(
                f"plugin {name!r} needs {error.name or error}, which is not installed; "
                f"run: pip install 'frontdesk[{name}]'"
            ) from error
    providers = Providers()
    manager.hook.register(providers=providers)
    return providers


def convert_options(offer: Offer[Any], options: dict[str, Any], where: str) -> Any:
    """A section's options as the provider's own Struct. Raises ConfigError that names the key."""
    try:
        return msgspec.convert(options, offer.options, strict=False, dec_hook=decode_secret)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(error, offer.options, where)) from error


def explain(error: msgspec.ValidationError, struct: type[Any], section: str = "") -> str:
    """What is wrong with which key, and the nearest name that is right."""
    text, _, place = str(error).partition(" - at `$")
    path = ".".join(filter(None, (section, place.rstrip("`").strip(".").replace("[...]", ""))))
    unknown = re.search(r"unknown field `(.+?)`", text)
    missing = re.search(r"missing required field `(.+?)`", text)
    if missing:
        return f"{'.'.join(filter(None, (path, missing[1])))} is missing; set it"
    if not unknown:
        return f"{path or 'the top level'}{in_plain_words(text, struct)}{_choice(struct, path, section)}"
    key = ".".join(filter(None, (path, unknown[1])))
    known = _keys(struct, path.removeprefix(section).strip("."))
    near = difflib.get_close_matches(unknown[1], known, 1)
    return f"{key} is not a key; " + (f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}")


def _choice(struct: type[Any], path: str, section: str) -> str:
    """The words that may stand at `path`, where they are few."""
    *parents, key = path.removeprefix(section).strip(".").split(".")
    for name in parents:
        struct = get_type_hints(struct).get(name, struct)
    hint = get_type_hints(struct, include_extras=False).get(key)
    words = get_args(hint) if get_origin(hint) is Literal else ()
    return f"; there are: {', '.join(words)}" if words else ""


def _keys(struct: type[Any], path: str) -> list[str]:
    """The keys of the Struct that stands at `path` below `struct`."""
    for name in filter(None, path.split(".")):
        inner = get_type_hints(struct).get(name)
        if not (isinstance(inner, type) and issubclass(inner, Struct)):
            break
        struct = inner
    return list(struct.__struct_encode_fields__)


def decode_secret(expected: type, value: Any) -> Any:
    """Reads `Secret` fields (secrets are resolved before; a plain string is refused by the loader)."""
    if expected is Secret and isinstance(value, Secret):
        return value
    raise ValueError('a secret is written as { env = "NAME" } or { file = "/path" }, never in the file itself')


HostName = Annotated[
    str,
    msgspec.Meta(pattern=r"^[a-z0-9.\-]+$", extra={"form": 'hosts alone, in small letters, such as "shop.example"'}),
]
