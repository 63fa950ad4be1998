"""The signal of one process, as a plugin."""

from __future__ import annotations

from msgspec import Struct

from frontdesk.in_process_signal import InProcessSignal
from frontdesk.plugin import Providers, Tools, hookimpl

__all__ = ["InProcessSignal", "Options", "register"]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing can be set."""


def _build(_name: str, _options: Options, _tools: Tools) -> InProcessSignal:
    return InProcessSignal()


@hookimpl
def register(providers: Providers) -> None:
    """Offer the signal."""
    providers.signal("in_process", Options, _build)
