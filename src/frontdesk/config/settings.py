"""What can be set: `Document` is the file as it is written, `Settings` what the service is built from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from frontdesk.config.hosts import HostSettings
from frontdesk.config.money import MoneySettings
from frontdesk.config.sections import Section
from frontdesk.config.senses import SenseSection
from frontdesk.core.event import Sense
from frontdesk.core.policy import Policy
from frontdesk.plugin import Secret

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
        float, Meta(ge=0, description="How often the folder is looked at for changes. 0: at SIGHUP only.")
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
