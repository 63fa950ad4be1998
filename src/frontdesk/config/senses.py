"""`[language_model.voice]` and `[language_model.pictures]`: who makes out contacts' files, and within which limits. The
other keys of these sections are the provider's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from frontdesk.core.event import Sense
from frontdesk.plugin import ConfigError, explain

SECTIONS: dict[str, Sense] = {"voice": "voice", "pictures": "picture"}


class SenseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the service itself reads of such a section."""

    bytes_max: Annotated[int, Meta(ge=1, description="Larger files are not sent to it.")] = 10_485_760
    call_seconds: Annotated[float, Meta(gt=0, description="For one file.")] = 20.0
    cost_max: Annotated[
        str,
        Meta(
            pattern=r"^(\d{1,6}(\.\d{1,9})?)?$",
            extra={"form": 'an amount of USD in quotes, such as "0.01"'},
            description="USD that one file may cost; where there are caps it is needed, and counts where nobody tells.",
        ),
    ] = ""


class SenseSection(Struct, frozen=True, kw_only=True):
    """One section, read."""

    provider: str
    settings: SenseSettings
    options: dict[str, Any] = {}


def read_senses(values: Mapping[str, Any]) -> dict[Sense, SenseSection]:
    """The two sections, those that there are. Raises ConfigError."""
    return {sense: _read(name, values[name]) for name, sense in SECTIONS.items() if name in values}


def _read(name: str, section: Any) -> SenseSection:
    where = f"language_model.{name}"
    if not isinstance(section, dict):
        raise ConfigError(f"{where}: write a section [{where}] with a provider")
    options = dict(section)
    provider = options.pop("provider", None)
    if not isinstance(provider, str) or not provider:
        raise ConfigError(f'{where}.provider is missing; write provider = "…" (frontdesk plugins lists them)')
    own = {key: options.pop(key) for key in SenseSettings.__struct_fields__ if key in options}
    try:
        settings = msgspec.convert(own, SenseSettings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(error, SenseSettings, where)) from error
    return SenseSection(provider=provider, settings=settings, options=options)


def check_senses(senses: Mapping[Sense, SenseSection], *, hears_voice: bool, sees_pictures: bool) -> None:
    """What the policy promises somebody has to do. Raises ConfigError."""
    for is_wanted, key, sense, section in (
        (hears_voice, "hears_voice", "voice", "voice"),
        (sees_pictures, "sees_pictures", "picture", "pictures"),
    ):
        if is_wanted and sense not in senses:
            raise ConfigError(f"policy.{key} is set, and nobody does it; add a section [language_model.{section}]")
