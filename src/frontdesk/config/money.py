"""`[money]`: what language models may cost, and what messages do."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

_FORM = {"form": 'an amount of USD in quotes, such as "2.50"'}

Dollars = Annotated[str, Meta(pattern=r"^(\d{1,6}(\.\d{1,9})?)?$", extra=_FORM)]


class MoneySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[money]`: amounts are texts such as "2.50", for no number with a point is exact. Days and months are of UTC."""

    per_contact_a_day: Annotated[
        Dollars, Meta(description="USD that language models may cost for one contact on one day; empty: no cap.")
    ] = ""
    per_conversation: Annotated[
        Dollars, Meta(description="The same for all that one contact ever writes on one channel.")
    ] = ""
    per_day: Annotated[Dollars, Meta(description="The same for everybody on one day.")] = ""
    per_month: Annotated[Dollars, Meta(description="The same for everybody in one month.")] = ""
    price_max_per_million_tokens: Annotated[
        Dollars,
        Meta(description="USD; for models whose price nobody tells. Without it caps let none of them be asked."),
    ] = ""
    message_prices: Annotated[
        dict[str, Annotated[str, Meta(pattern=r"^\d{1,6}(\.\d{1,9})?$", extra=_FORM)]],
        Meta(description="USD a delivered message, by the vendor's `category` or `category/type`; for the ledger."),
    ] = {}

    def __post_init__(self) -> None:
        if any(cap and not cap.strip("0.") for cap in msgspec.structs.astuple(self)[:4]):
            raise ValueError("a cap of zero would be no cap; leave it out, or write an amount")
