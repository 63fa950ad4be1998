"""What one request comes to: the events and notices found so far, and what is wrong with the way in."""

from __future__ import annotations

from datetime import datetime, timedelta

from frontdesk.core.event import Event, identify
from frontdesk.ports import Notice, Received
from frontdesk_plugins.msg91.moment import moment

RAW_MAX = 64 * 1024
_AHEAD_MAX = timedelta(hours=1)


class Collected:
    """Gathers events and notices in the order in which they stand in the body.

    An id never holds a time: the log, asked for what a webhook did not bring, tells another one of the same fact.
    """

    def __init__(self, channel: str, received_at: datetime, raw: str = "") -> None:
        self.channel = channel
        self.received_at = received_at
        self.raw = raw
        self.events: list[Event] = []
        self.notices: list[Notice] = []
        self.troubles: dict[str, str] = {}

    def identify(self, *parts: str) -> str:
        """The id of a fact on this channel."""
        return identify(self.channel, *parts)

    def when(self, text: str) -> datetime:
        """The vendor's time; ours where theirs is missing, nonsense or in the future."""
        told = moment(text)
        return told if told and told < self.received_at + _AHEAD_MAX else self.received_at

    def note(self, kind: str, text: str, *identity: str, is_alarm: bool = False) -> None:
        """A notice with the body that it is about. Without an `identity` it is told from others by that body."""
        self.notices.append(
            Notice(
                id=self.identify("notice", kind, *(identity or (self.raw,))),
                at=self.received_at,
                channel=self.channel,
                kind=kind,
                text=text,
                raw=self.raw if len(self.raw) <= RAW_MAX else f"{self.raw[:RAW_MAX]}… ({len(self.raw)} characters)",
                is_alarm=is_alarm,
            )
        )

    def quarantine(self, reason: str) -> None:
        """Something that cannot be read, kept for a person."""
        self.note("quarantine", f"MSG91 sent something that cannot be read: {reason}.", is_alarm=True)

    def misses(self, part: str, what: str, map_name: str, paths: tuple[str, ...]) -> None:
        """Posts come, but a field that they cannot do without is nowhere in them. One notice a day and field."""
        sentence = (
            f"{part} posts arrive but no field named {' or '.join(paths)} holds {what}; add it to the webhook's body "
            f"at MSG91 (frontdesk msg91 template shows it), or name yours in [channels.{self.channel}.{map_name}]"
        )
        self.troubles[part] = sentence
        day = self.received_at.date().isoformat()
        self.note("mapping", f"{sentence}.", part, what, day, is_alarm=True)

    def works(self, part: str) -> None:
        """The fields of a part were where they should be."""
        self.troubles.setdefault(part, "")

    def received(self, answer: str = "") -> Received:
        """All of it."""
        return Received(events=tuple(self.events), notices=tuple(self.notices), troubles=self.troubles, answer=answer)
