"""From one TOML file and the environment to one `Settings`.

The order: the file (`--config`, else `FRONTDESK_CONFIG`, else `config/frontdesk.toml` if it is there, else nothing at
all, which is the runnable default), then `FRONTDESK__SECTION__KEY` from the environment, then the short names that
platforms set: `FRONTDESK_MODE`, `PORT`, and for the enterprise mode `DATABASE_URL` and `REDIS_URL`. Secrets are
written as `{ env = "NAME" }` or `{ file = "/path" }` and resolved here, before anything is validated.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from frontdesk.config.hosts import read_hosts
from frontdesk.config.sections import Section, read_channels, read_section
from frontdesk.config.senses import SECTIONS, check_senses, read_senses
from frontdesk.config.settings import Document, KnowledgeSettings, LadderSettings, Settings
from frontdesk.plugin import ConfigError, Secret, decode_secret, explain

DEFAULT_FILE = Path("config/frontdesk.toml")
PREFIX = "FRONTDESK__"
FIRST_BACKEND = "first"
"""How the language model of `[language_model]` itself is called among its fallbacks, on `/metrics` and in reasons."""

_STORES = {"lightweight": ("sqlite", "in_process"), "enterprise": ("postgres", "redis")}


def load(file: Path | None, environ: Mapping[str, str], *, is_development: bool = False) -> Settings:
    """The settings from a file and the environment. Raises ConfigError: one sentence with the cure."""
    path = _find(file, environ)
    tree = _read(path) if path else {}
    where = str(path) if path else "the environment"
    _override(tree, environ)
    return build(tree, environ, where=where, is_development=is_development)


def build(tree: dict[str, Any], environ: Mapping[str, str], *, where: str, is_development: bool = False) -> Settings:
    """Settings from a tree of plain values. Raises ConfigError."""
    try:
        resolved = _resolve(tree, environ, "")
        document = msgspec.convert(resolved, Document, strict=False, dec_hook=decode_secret)
        store, signal = _STORES[document.mode]
        folder, knowledge = _read_knowledge(document.knowledge)
        senses = read_senses(document.language_model)
        policy = document.policy
        check_senses(senses, hears_voice=policy.hears_voice, sees_pictures=policy.sees_pictures)
        ladder, model, fallbacks = _models(document.language_model)
        return Settings(
            where=where,
            mode=document.mode,
            data_dir=Path(document.data_dir),
            is_development=is_development,
            server=document.server,
            worker=document.worker,
            policy=policy,
            flows=document.flows,
            is_flow_folder_named="folder" in resolved.get("flows", {}),
            store=read_section("store", document.store, store),
            signal=read_section("signal", document.signal, signal),
            knowledge=read_section("knowledge", knowledge, _knowledge_beside(document, store)),
            knowledge_folder=folder,
            language_model=model,
            ladder=ladder,
            fallbacks=fallbacks,
            senses=senses,
            channels=read_channels(document.channels),
            hosts=read_hosts(document.hosts, is_development=is_development),
            api=document.api,
            money=document.money,
        )
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {explain(error, Document)}") from error
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _knowledge_beside(document: Document, store: str) -> str:
    """The mode's own knowledge search stands beside its store; where the store is another, a file will do."""
    return store if document.store.get("provider", store) == store else "sqlite"


def _read_knowledge(values: dict[str, Any]) -> tuple[KnowledgeSettings, dict[str, Any]]:
    """The service's keys of `[knowledge]`, and the others."""
    own = {key: value for key, value in values.items() if key in KnowledgeSettings.__struct_fields__}
    try:
        settings = msgspec.convert(own, KnowledgeSettings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(error, KnowledgeSettings, "knowledge")) from error
    return settings, {key: value for key, value in values.items() if key not in own}


def _models(values: dict[str, Any]) -> tuple[LadderSettings, Section, dict[str, Section]]:
    """What `[language_model]` says of all models, its own provider, and those of `[language_model.fallbacks.NAME]` in
    the order of the file."""
    rest = {name: value for name, value in values.items() if name not in SECTIONS}
    fallbacks = rest.pop("fallbacks", {})
    if not isinstance(fallbacks, dict) or not all(isinstance(one, dict) for one in fallbacks.values()):
        raise ConfigError("language_model.fallbacks: write a section [language_model.fallbacks.NAME] for each")
    if FIRST_BACKEND in fallbacks:
        raise ConfigError(f"language_model.fallbacks.{FIRST_BACKEND}: that is the first one's name; choose another")
    shared = {key: rest.pop(key) for key in LadderSettings.__struct_fields__ if key in rest}
    try:
        ladder = msgspec.convert(shared, LadderSettings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(error, LadderSettings, "language_model")) from error
    sections = {name: read_section(f"language_model.fallbacks.{name}", one, None) for name, one in fallbacks.items()}
    return ladder, read_section("language_model", rest, "stub_model"), sections


def _find(file: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = file or (Path(environ["FRONTDESK_CONFIG"]) if environ.get("FRONTDESK_CONFIG") else None)
    if named is None:
        return DEFAULT_FILE if DEFAULT_FILE.is_file() else None
    if not named.is_file():
        raise ConfigError(f"there is no configuration file {named}; check --config or FRONTDESK_CONFIG")
    return named


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; check its permissions") from error


def _override(tree: dict[str, Any], environ: Mapping[str, str]) -> None:
    for name, text in environ.items():
        if name.startswith(PREFIX):
            _put(tree, [part.lower() for part in name.removeprefix(PREFIX).split("__")], _value(text))
    if environ.get("FRONTDESK_MODE"):
        tree["mode"] = environ["FRONTDESK_MODE"]
    if environ.get("PORT"):
        _put(tree, ["server", "port"], _value(environ["PORT"]))
    if tree.get("mode") == "enterprise":
        _point_to_servers(tree, environ)


def _point_to_servers(tree: dict[str, Any], environ: Mapping[str, str]) -> None:
    """The platform's names, for the mode's own providers; asked for by name where nothing else says the address."""
    named = zip(("store", "signal"), _STORES["enterprise"], ("DATABASE_URL", "REDIS_URL"), strict=True)
    for section, provider, name in named:
        values = tree.get(section, {})
        if isinstance(values, dict) and values.get("provider", provider) != provider:
            continue
        if environ.get(name) or "url" not in values:
            _put(tree, [section, "url"], {"env": name})
    _lend_url(tree)


def _lend_url(tree: dict[str, Any]) -> None:
    """The knowledge is where the store is, unless something else is said."""
    store, knowledge = tree.get("store", {}), tree.setdefault("knowledge", {})
    if not (isinstance(store, dict) and isinstance(knowledge, dict)):
        return
    own = _STORES["enterprise"][0]
    if store.get("provider", own) == own and knowledge.get("provider", own) == own and "url" not in knowledge:
        knowledge |= {key: store[key] for key in ("url", "direct_url") if key in store}


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    *parents, last = keys
    for key in parents:
        below = tree.setdefault(key, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{PREFIX}{'__'.join(keys).upper()}: {key} is a value and not a section")
        tree = below
    tree[last] = value


def _value(text: str) -> Any:
    """What TOML would read, where that is a list, a section or a quoted text; else the variable's text as it is, for
    only the key knows whether its digits are a number or an id. Numbers are read out of texts further on."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    return value if isinstance(value, list | dict | str) else text


def _resolve(value: Any, environ: Mapping[str, str], path: str) -> Any:
    is_key = "." in path  # a section may have a key of its own that is named `file`
    match value:
        case {"env": str(name)} if is_key and len(value) == 1:
            return _secret(environ.get(name), f"{path}: the environment variable {name} is not set; set it")
        case {"file": str(name)} if is_key and len(value) == 1:
            return _secret(_file(Path(name), path), f"{path}: the file {name} is empty; write the secret into it")
        case dict():
            known = cast("dict[str, Any]", value)
            return {key: _resolve(one, environ, f"{path}.{key}" if path else key) for key, one in known.items()}
        case list():
            return [_resolve(one, environ, f"{path}[{place}]") for place, one in enumerate(value)]
        case _:
            return value


def _secret(text: str | None, complaint: str) -> Secret:
    if not text:
        raise ConfigError(complaint)
    return Secret(text)


def _file(path: Path, key: str) -> str:
    try:
        if path.stat().st_mode & 0o004:
            raise ConfigError(f"{key}: everybody may read {path}; run: chmod o-r {path}")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{key}: the file {path} cannot be read ({error.strerror})") from error
