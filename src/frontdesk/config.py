"""From one TOML file and the environment to one `Settings`.

The order: the file (`--config`, else `FRONTDESK_CONFIG`, else `config/frontdesk.toml` if it is there, else nothing at
all, which is the runnable default), then `FRONTDESK__SECTION__KEY` from the environment, then the short names that
platforms set: `FRONTDESK_MODE`, `PORT`, and for the enterprise mode `DATABASE_URL` and `REDIS_URL`. Secrets are
written as `{ env = "NAME" }` or `{ file = "/path" }` and resolved here, before anything is validated.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta, Struct

from frontdesk.core.event import Sense
from frontdesk.core.policy import Policy
from frontdesk.hosts import HostSettings, read_hosts
from frontdesk.money_settings import MoneySettings
from frontdesk.plugin import ConfigError, Secret, decode_secret, explain
from frontdesk.sections import Section, read_channels, read_section
from frontdesk.senses import SECTIONS, SenseSection, check_senses, read_senses

DEFAULT_FILE = Path("config/frontdesk.toml")
PREFIX = "FRONTDESK__"
FIRST_BACKEND = "first"
"""How the language model of `[language_model]` itself is called among its fallbacks, on `/metrics` and in reasons."""

MODEL_OF_NONE = "stub_model"
"""It finds sentences of the knowledge, and cannot tell what somebody wants."""


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[server]`"""

    host: Annotated[str, Meta(description="The address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port to listen on; 0 for any free one.")] = 8080
    role: Annotated[
        Literal["all", "web", "worker"],
        Meta(description="What a process does: `web` takes webhooks, `worker` answers them, `all` both."),
    ] = "all"
    processes: Annotated[
        int, Meta(ge=1, le=256, description="Processes that share the port; more than one needs PostgreSQL.")
    ] = 1
    metrics_port: Annotated[
        int, Meta(ge=0, le=65_535, description="Process i also shows health and metrics on this port + i; 0: nowhere.")
    ] = 0
    body_max_bytes: Annotated[int, Meta(ge=1024, description="Longest request body; Meta sends up to 3 MB.")] = (
        4_194_304
    )
    request_seconds: Annotated[
        float, Meta(gt=0, description="A request that is not complete by then is answered 408.")
    ] = 10.0


class WorkerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[worker]`"""

    concurrency: Annotated[int, Meta(ge=1, description="Effects performed at the same time.")] = 256
    lease_seconds: Annotated[float, Meta(gt=0, description="How long a dead worker's effects wait for the next.")] = (
        30.0
    )
    poll_seconds: Annotated[float, Meta(gt=0, description="Longest wait for work that nobody announced.")] = 0.25
    stop_seconds: Annotated[float, Meta(ge=0, description="On SIGTERM, time to finish what was begun.")] = 20.0


class FlowsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[flows]`"""

    folder: Annotated[str, Meta(description="Authored conversations, YAML files; empty for none.")] = "config/flows"
    watch_seconds: Annotated[
        float, Meta(ge=0, description="How often the folder is looked at for changes. 0: at SIGHUP only.")
    ] = 2.0


class KnowledgeSettings(Struct, frozen=True, kw_only=True):
    """What the service itself reads under `[knowledge]`; the other keys are the provider's."""

    folder: Annotated[
        str, Meta(description="What the business knows: Markdown, text, HTML and PDF, also in folders below.")
    ] = "config/knowledge"
    watch_seconds: Annotated[
        float, Meta(ge=0, description="How often the folder is looked at for changes. 0: at the start only.")
    ] = 2.0


class LadderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `[language_model]` says besides its provider's own keys: how long a draft may take, and when a model that
    fails is left out. `fallbacks` are sections of their own."""

    deadline_seconds: Annotated[
        float, Meta(gt=1, description="A draft that is not there by then fails, and the contact hears something else.")
    ] = 25.0
    call_seconds: Annotated[
        float, Meta(gt=0, description="For one model, while there are others to ask; the last has what is left.")
    ] = 10.0
    breaker_window_seconds: Annotated[
        float, Meta(gt=0, description="The span in which a model's failures are counted.")
    ] = 60.0
    breaker_calls_min: Annotated[int, Meta(ge=1, description="Fewer calls in that span say nothing.")] = 5
    breaker_failure_rate: Annotated[
        float, Meta(gt=0, le=1, description="A model of whose calls so many fail is left out for a while.")
    ] = 0.5
    breaker_rest_seconds: Annotated[
        float, Meta(gt=0, description="Then it is probed; after each failed probe it rests twice as long.")
    ] = 10.0


class ApiSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[api]`"""

    token: Annotated[
        Secret | None, Meta(description="The word that programs show to ask for flows; without it they cannot.")
    ] = None


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set. `where` is the file's name, for messages."""

    where: str
    mode: Literal["lightweight", "enterprise"]
    data_dir: Path
    is_development: bool
    server: ServerSettings
    worker: WorkerSettings
    policy: Policy
    flows: FlowsSettings
    is_flow_folder_named: bool
    store: Section
    signal: Section
    knowledge: Section
    knowledge_folder: KnowledgeSettings = KnowledgeSettings()
    language_model: Section
    channels: dict[str, Section]
    hosts: dict[str, HostSettings] = {}
    ladder: LadderSettings = LadderSettings()
    fallbacks: dict[str, Section] = {}
    senses: dict[Sense, SenseSection] = {}
    api: ApiSettings = ApiSettings()
    money: MoneySettings = MoneySettings()

    @property
    def standbys(self) -> dict[str, str]:
        """Which channel stands in for which."""
        return {name: section.standby for name, section in self.channels.items() if section.standby}

    @property
    def formers(self) -> dict[str, Section]:
        """By whom channels were before, where that one is still listened to."""
        return {name: section.former for name, section in self.channels.items() if section.former}

    @property
    def has_model(self) -> bool:
        """Whether a language model is configured that can tell what somebody wants."""
        return self.language_model.provider != MODEL_OF_NONE

    def plugins(self) -> set[str]:
        """The plugins that the settings name."""
        several = (*self.channels.values(), *self.formers.values(), *self.fallbacks.values())
        sections = (self.store, self.signal, self.knowledge, self.language_model, *several)
        return {section.provider for section in sections} | {section.provider for section in self.senses.values()}


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as it is written: every key at the top level."""

    mode: Annotated[
        Literal["lightweight", "enterprise"],
        Meta(description="One container; or `enterprise`: PostgreSQL and Redis, for several processes."),
    ] = "lightweight"
    data_dir: Annotated[str, Meta(description="Where the database and contacts' files are kept.")] = "data"
    server: ServerSettings = ServerSettings()
    worker: WorkerSettings = WorkerSettings()
    policy: Policy = Policy()
    flows: FlowsSettings = FlowsSettings()
    api: ApiSettings = ApiSettings()
    money: MoneySettings = MoneySettings()
    store: dict[str, Any] = {}
    signal: dict[str, Any] = {}
    knowledge: dict[str, Any] = {}
    language_model: dict[str, Any] = {}
    channels: dict[str, dict[str, Any]] = {}
    hosts: dict[str, dict[str, Any]] = {}


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
        document = msgspec.convert(resolved, Document, dec_hook=decode_secret)
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
            hosts=read_hosts(document.hosts),
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
        settings = msgspec.convert(own, KnowledgeSettings)
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
        ladder = msgspec.convert(shared, LadderSettings)
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
    """An environment variable's text as TOML would read it, else as it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


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


def reference() -> Iterator[tuple[str, str, str]]:
    """Every key with its default and its meaning, for the documentation and `frontdesk check --explain`."""
    yield from _fields(Document, "")
    yield from _fields(LadderSettings, "language_model.")


def _fields(struct: type[Struct], prefix: str) -> Iterator[tuple[str, str, str]]:
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        inner = field.type
        meaning = ""
        if isinstance(inner, msgspec.inspect.Metadata):
            meaning = (inner.extra_json_schema or {}).get("description", "")
            inner = inner.type
        if isinstance(inner, msgspec.inspect.StructType):
            yield from _fields(inner.cls, f"{prefix}{field.name}.")
        elif meaning:
            yield f"{prefix}{field.name}", _shown(field.default), meaning


def _shown(default: Any) -> str:
    return msgspec.json.encode(default).decode() if default not in (msgspec.NODEFAULT, None) else ""
