"""Another channel stands in for one whose account is refused: `standby` in its section.

Only for what is known: a vendor that refused everything, never one that did not answer, and never while a conversation
has a message of unknown fate (its lane is shut then). A conversation that was given away stays with the standby, and
goes home with the first thing that is said after the vendor has taken something again. Whether it does is found out as
ever (`gate`): one message is let through now and then; where all conversations are away, one goes home to be it.

Each process learns for itself that a vendor refuses, so two of them may disagree for the length of one message.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import ChannelChanged, identify
from frontdesk.engine.engine import Engine
from frontdesk.engine.gate import PROBE_SECONDS
from frontdesk.ports import Claim, Clock, Notice

log = structlog.get_logger("frontdesk.failover")


class Failover:
    """Who stands in for whom: a channel's name to that of its standby."""

    def __init__(self, engine: Engine, standbys: Mapping[str, str], clock: Clock) -> None:
        self._engine = engine
        self._standbys = standbys
        self._hosts = frozenset(standbys.values())
        self._clock = clock
        self._tried_at: dict[str, datetime] = {}

    async def way_out(self, claim: Claim) -> ChannelChanged | None:
        """For a send that has to wait because its channel is refused: how the conversation goes on by the standby.
        None: it waits. Raises StoreUnavailable."""
        standby = self._standbys.get(claim.channel)
        if standby is None:
            return None
        state = await self._engine.conversation(claim.conversation_id)
        if state is None or state.unknown_sends or await self._engine.is_known_elsewhere(state, standby):
            return None
        if not self._is_worth_trying(standby):
            return None
        await self._tell(claim.channel, standby)
        reason = f"answers go by channel {standby} until {claim.channel} works again"
        return self._change(state, claim.channel, standby, reason)

    async def way_home(self, claim: Claim) -> ChannelChanged | None:
        """For a send by a standby: how the conversation goes home, where its channel works again or is to be tried.
        Raises StoreUnavailable."""
        if claim.channel not in self._hosts:
            return None
        state = await self._engine.conversation(claim.conversation_id)
        if state is None or self._standbys.get(state.home) != claim.channel or state.unknown_sends:
            return None
        if not self._is_worth_trying(state.home):
            return None
        return self._change(state, claim.channel, state.home, "")

    def _is_worth_trying(self, channel: str) -> bool:
        """Whether it works, or nobody is trying it and it is time to."""
        gate, now = self._engine.gate(channel), self._clock.now()
        if not gate.pause_reason:
            return True
        tried_at = self._tried_at.get(channel)
        is_tried = tried_at is not None and now - tried_at < timedelta(seconds=PROBE_SECONDS)
        if is_tried or not gate.may_be_probed(now):
            return False
        self._tried_at[channel] = now
        return True

    def _change(self, state: Conversation, source: str, target: str, reason: str) -> ChannelChanged:
        now = self._clock.now()
        return ChannelChanged(
            id=identify("channel_changed", state.id, source, target, now.isoformat()),
            at=now,
            channel=source,
            conversation_id=state.id,
            target=target,
            addresses=state.addresses,
            reason=reason,
        )

    async def _tell(self, source: str, standby: str) -> None:
        """Once a day."""
        now, why = self._clock.now(), self._engine.gate(source).pause_reason
        notice = Notice(
            id=identify(source, "failover", standby, now.date().isoformat()),
            at=now,
            channel=source,
            kind="failover",
            text=f"channel {source} is refused, and its conversations go on by {standby} until it works again: {why}",
            is_alarm=True,
        )
        await self._engine.note([notice])
