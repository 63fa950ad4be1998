"""Redis: the signal of several processes."""

from __future__ import annotations

from frontdesk.plugin import Providers, Tools, hookimpl
from frontdesk_plugins.redis.options import SignalOptions
from frontdesk_plugins.redis.signal import RedisSignal


def _build_signal(_name: str, options: SignalOptions, _tools: Tools) -> RedisSignal:
    return RedisSignal(options)


@hookimpl
def register(providers: Providers) -> None:
    """Offer the signal."""
    providers.signal("redis", SignalOptions, _build_signal)
