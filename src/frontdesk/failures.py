"""What may go wrong behind the ports.

    ProviderFailure
      TemporaryFailure      try again later: throttled, 5xx before acceptance, could not connect
      PermanentFailure      do not: refused, outside the window, contact gone, bad template
      OutcomeUnknown        the request may have arrived: never repeat it blindly
    RequestRefused          a webhook request that is not answered with 200
    StoreUnavailable        the disk is full or the database away; nothing was written

Three failures of providers, because a worker can do three things.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from frontdesk.core.event import ModelCall, Usage

Concerns: TypeAlias = Literal["message", "contact", "channel", "account"]


class ProviderFailure(Exception):
    """Something outside did not do what was asked. `code` is for programs. Of a language model: `usage` is what was
    used although no answer came, `calls` are the tries.

    `concerns` tells what has to slow down or be left alone. Of a channel: this message only, this contact, the whole
    channel (its rate is used up), or the account (barred until a person acts). Of a language model: this prompt, what
    the contact wrote (no other model is asked), this model, or the whole backend."""

    def __init__(
        self, reason: str, *, code: str = "", concerns: Concerns = "message", usage: Usage | None = None
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.concerns = concerns
        self.usage = usage
        self.calls: tuple[ModelCall, ...] = ()


class TemporaryFailure(ProviderFailure):
    """Try again. `retry_after` seconds, where the vendor said."""

    def __init__(
        self,
        reason: str,
        *,
        code: str = "",
        retry_after: float | None = None,
        concerns: Concerns = "message",
        attempts_max: int | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(reason, code=code, concerns=concerns, usage=usage)
        self.retry_after = retry_after
        self.attempts_max = attempts_max


class PermanentFailure(ProviderFailure):
    """Never try again. `needs_template`: only an approved template may still reach the contact."""

    def __init__(
        self,
        reason: str,
        *,
        code: str,
        needs_template: bool = False,
        concerns: Concerns = "message",
        usage: Usage | None = None,
    ) -> None:
        super().__init__(reason, code=code, concerns=concerns, usage=usage)
        self.needs_template = needs_template


class OutcomeUnknown(ProviderFailure):
    """The request went out and no answer that can be trusted came back."""


class RequestRefused(Exception):
    """A webhook request to be answered with `status` (4xx); the reason is for the log, never for the caller."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class StoreUnavailable(Exception):
    """The store cannot write now; nothing of what was asked was written. The cure stands in the message."""
