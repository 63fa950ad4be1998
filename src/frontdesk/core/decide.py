"""The rules."""

from __future__ import annotations

from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import Effect, EffectKind


class Decision(Struct, frozen=True, kw_only=True):
    """What an event led to. `withdrawn`: kinds of effects that must not start any more; `closed`: effects whose
    outcome is no longer waited for."""

    conversation: Conversation
    effects: tuple[Effect, ...] = ()
    withdrawn: tuple[EffectKind, ...] = ()
    closed: tuple[str, ...] = ()
