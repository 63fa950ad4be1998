"""The configuration: `settings` says what can be set, `reading` makes it of one TOML file and the environment, `keys`
lists it, and each of the other modules is one section."""

from frontdesk.config.keys import reference, section_reference
from frontdesk.config.reading import FIRST_BACKEND, build, load
from frontdesk.config.settings import (
    ApiSettings,
    FlowsSettings,
    KnowledgeSettings,
    LadderSettings,
    ServerSettings,
    Settings,
    WorkerSettings,
)

__all__ = [
    "FIRST_BACKEND",
    "ApiSettings",
    "FlowsSettings",
    "KnowledgeSettings",
    "LadderSettings",
    "ServerSettings",
    "Settings",
    "WorkerSettings",
    "build",
    "load",
    "reference",
    "section_reference",
]
