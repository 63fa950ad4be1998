"""What one request comes to: the events and notices found so far, and how things that are told twice get one id."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Raw

from frontdesk.core.event import Event, identify
from frontdesk.ports import Notice, Received
from frontdesk.whatsapp.moment import moment
from frontdesk.whatsapp.reading import as_text
from frontdesk.whatsapp.said import Word

RAW_MAX = 64 * 1024
_AHEAD_MAX = timedelta(hours=1)


class Collected:
    """Gathers events and notices in the order in which they stand in the body."""

    def __init__(self, channel: str, received_at: datetime) -> None:
        self.channel = channel
        self.received_at = received_at
        self.events: list[Event] = []
        self.notices: list[Notice] = []

    def identify(self, *parts: str, told_at: Word = None) -> str:
        """The id of a fact on this channel. `told_at`: the vendor's time stamp, which a repetition repeats."""
        return identify(self.channel, *parts, at=moment(told_at))

    def when(self, value: Word) -> datetime:
        """The vendor's time; ours where theirs is missing, nonsense or in the future (the service window hangs
        on it)."""
        told = moment(value)
        return told if told and told < self.received_at + _AHEAD_MAX else self.received_at

    def note(self, kind: str, text: str, raw: Raw | bytes, *identity: str, is_alarm: bool = False) -> None:
        """A notice. Without an `identity` it is told from others by its bytes."""
        whole = as_text(raw)
        self.notices.append(
            Notice(
                id=self.identify("notice", kind, *(identity or (whole,))),
                at=self.received_at,
                channel=self.channel,
                kind=kind,
                text=text,
                raw=shorten(whole),
                is_alarm=is_alarm,
            )
        )

    def quarantine(self, reason: str, raw: Raw | bytes) -> None:
        """Something that cannot be read, kept for a person."""
        self.note("quarantine", f"Meta sent something that cannot be read: {reason}.", raw, is_alarm=True)

    def received(self) -> Received:
        """All of it."""
        return Received(events=tuple(self.events), notices=tuple(self.notices))


def shorten(text: str) -> str:
    """Text of a size that a page can show."""
    return text if len(text) <= RAW_MAX else f"{text[:RAW_MAX]}… ({len(text)} characters)"
