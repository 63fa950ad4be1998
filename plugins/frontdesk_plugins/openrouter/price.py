"""The most that one completion may cost, before it is asked for. Pure.

Caps depend on it, so it is a bound and no guess: no tokenizer makes more tokens than there are bytes, a completion is
at most two requests (the second asks for a reply in form and quotes the first one), and each writes what it may.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from frontdesk.core.money import Most
from frontdesk.core.prompt import Line, Prompt
from frontdesk_plugins.openrouter.options import PROFILES, Options
from frontdesk_plugins.openrouter.request import beside, output_limit

MARGIN_TOKENS = 256
"""For what a server's template adds around the messages, and for what a repair says besides the quoted reply."""


def most_of(options: Options, prompt: Prompt, told: Sequence[Line]) -> Most:
    """Of a completion that begins with these lines."""
    first = sum(len(line.text.encode("utf-8", "replace")) for line in told) + MARGIN_TOKENS
    first += len(msgspec.json.encode(beside(options, prompt)))
    limit = output_limit(options, prompt)
    price_in, price_out = _prices(options)
    return Most(
        tokens_in=2 * first + limit + MARGIN_TOKENS, tokens_out=2 * limit, price_in=price_in, price_out=price_out
    )


def _prices(options: Options) -> tuple[str, str]:
    """USD a million tokens: the most that a router's hosts may ask, else what the configuration says, else nothing for
    a server of one's own, else "" for not known."""
    profile = PROFILES[options.profile]
    if profile.is_router and options.max_price_in and options.max_price_out:
        return options.max_price_in, options.max_price_out
    if options.price_in and options.price_out:
        return options.price_in, options.price_out
    return ("0", "0") if profile.is_free else ("", "")
