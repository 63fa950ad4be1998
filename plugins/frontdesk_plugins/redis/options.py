"""What can be set under `[signal]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from frontdesk.plugin import Secret


class SignalOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options under `[signal]`."""

    url: Annotated[Secret, Meta(description="`redis://user:password@host:6379/0`, or another form below.")]
    prefix: Annotated[
        str, Meta(pattern=r"^[\w.\-]{1,64}$", description="Begins every key; one for each installation on a server.")
    ] = "frontdesk"
    connect_timeout_seconds: Annotated[
        float, Meta(gt=0, le=60, description="For one connection; the start waits no longer for a server.")
    ] = 2.0
