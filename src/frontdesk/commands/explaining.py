"""Every key of the configuration, as `frontdesk check --explain` prints it: the service's, and those of each provider
that is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from frontdesk.config import reference, section_reference
from frontdesk.config.hosts import HostSettings
from frontdesk.config.senses import SenseSettings
from frontdesk.config.settings import KnowledgeSettings
from frontdesk.plugin import ConfigError, Offer, Providers, installed_plugins, load_plugins

_OURS = (
    ("[hosts.NAME]", HostSettings),
    ("[knowledge]", KnowledgeSettings),
    ("[language_model.voice] and [language_model.pictures]", SenseSettings),
)


def explanation() -> Iterator[str]:
    """Lines to print."""
    for key, default, meaning in reference():
        yield f"{key} = {default}\n    {meaning}"
    for heading, struct in _OURS:
        yield from _section(heading, struct)
    for name in sorted(installed_plugins()):
        try:
            offers = load_plugins({name})
        except ConfigError as error:
            yield f"\n# {error}"
            continue
        for heading, offer in _offers(offers):
            yield from _section(f'{heading} with provider = "{offer.name}"', offer.options)


def _offers(offers: Providers) -> Iterator[tuple[str, Offer[Any]]]:
    by_section: tuple[tuple[str, Mapping[str, Offer[Any]]], ...] = (
        ("[channels.NAME]", offers.channels),
        ("[language_model] and [language_model.fallbacks.NAME]", offers.language_models),
        ("[language_model.voice] and [language_model.pictures]", offers.perceptions),
        ("[knowledge]", offers.knowledges),
        ("[store]", offers.stores),
        ("[signal]", offers.signals),
    )
    for heading, found in by_section:
        for offer in found.values():
            yield heading, offer


def _section(heading: str, struct: type[Any]) -> Iterator[str]:
    lines = [f"{key} = {default}\n    {meaning}" for key, default, meaning in section_reference(struct)]
    if lines:
        yield f"\n# {heading}"
        yield from lines
