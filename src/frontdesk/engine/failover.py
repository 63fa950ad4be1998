"""Another channel stands in for one whose account is refused: `standby` in its section.

Only for what is known: a vendor that refused everything, never one that did not answer, and never while a conversation
has a message of unknown fate (its lane is shut then). A conversation that was given away stays with the standby, and
goes home with the first thing that is said after the vendor has taken something again. Whether it does is found out as
ever (`gate`): one message is let through now and then; where all conversations are away, one goes home to be it.

A standby may be able to do less. What it cannot carry waits for its own channel, and what comes after it in the same
conversation waits too, for the order is a promise; a conversation that is away by then goes home to wait. So does
what is for a contact who has a conversation of their own there. People are told of what has waited for long.

Each process learns for itself that a vendor refuses, so two of them may disagree for the length of one message.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from frontdesk.core.capabilities import Capabilities
from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import SendMessage
from frontdesk.core.event import ChannelChanged, identify
from frontdesk.engine.engine import Engine
from frontdesk.engine.gate import PROBE_SECONDS
from frontdesk.ports import Claim, Clock, Notice, StoreUnavailable, TemporaryFailure

log = structlog.get_logger("frontdesk.failover")

LONG_WAIT = timedelta(minutes=5)
"""After which people are told of a message that no standby can carry."""

UNKNOWN_CHANNEL = Capabilities()
"""Of one that nothing is known about; its provider will say."""


class Failover:
    """Who stands in for whom: a channel's name to that of its standby."""

    def __init__(
        self,
        engine: Engine,
        standbys: Mapping[str, str],
        clock: Clock,
        capabilities: Mapping[str, Capabilities] | None = None,
    ) -> None:
        self._engine = engine
        self._standbys = standbys
        self._hosts = frozenset(standbys.values())
        self._clock = clock
        self._capabilities = capabilities or {}
        self._tried_at: dict[str, datetime] = {}

    async def way_out(self, claim: Claim, effect: SendMessage) -> ChannelChanged | None:
        """For a send that has to wait because its channel is refused: how the conversation goes on by the standby.
        None: it waits. Raises StoreUnavailable."""
        standby = self._standbys.get(claim.channel)
        if standby is None:
            return None
        obstacle = self._obstacle(standby, effect)
        if obstacle:
            await self._tell_of_wait(claim, effect, standby, obstacle)
            return None
        state = await self._engine.conversation(claim.conversation_id)
        if state is None or state.unknown_sends:
            return None
        if await self._engine.is_known_elsewhere(state, standby):
            await self._tell_of_wait(claim, effect, standby, "the contact has another conversation there")
            return None
        if not self._is_worth_trying(standby):
            return None
        await self._tell(claim.channel, standby)
        reason = f"answers go by channel {standby} until {claim.channel} works again"
        return self._change(state, claim, standby, reason)

    async def way_home(self, claim: Claim, effect: SendMessage) -> ChannelChanged | None:
        """For a send by a standby: how the conversation goes home, where its channel works again or is to be tried, or
        where only that one can carry the message. Raises StoreUnavailable, and TemporaryFailure where the message must
        not leave before the store has said where its home is."""
        if claim.channel not in self._hosts:
            return None
        is_carried = not self._obstacle(claim.channel, effect)
        try:
            state = await self._engine.conversation(claim.conversation_id)
        except StoreUnavailable as error:
            if is_carried:
                raise
            raise TemporaryFailure(f"where it is to wait is not known: {error}", code="no_store") from error
        if state is None or self._standbys.get(state.home) != claim.channel or state.unknown_sends:
            return None
        if self._obstacle(state.home, effect, is_home=True):
            return None
        if is_carried and not self._is_worth_trying(state.home):
            return None
        return self._change(state, claim, state.home, "")

    def _obstacle(self, channel: str, effect: SendMessage, *, is_home: bool = False) -> str:
        return self._capabilities.get(channel, UNKNOWN_CHANNEL).obstacle(effect.content, effect.to, is_home=is_home)

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

    def _change(self, state: Conversation, claim: Claim, target: str, reason: str) -> ChannelChanged:
        """Named by the claim and not by the time: a conversation may go there, back and there again within a moment."""
        return ChannelChanged(
            id=identify("channel_changed", state.id, target, claim.effect.id, str(claim.attempt)),
            at=self._clock.now(),
            channel=claim.channel,
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

    async def _tell_of_wait(self, claim: Claim, effect: SendMessage, standby: str, obstacle: str) -> None:
        """Once a message, when it has waited for long."""
        now = self._clock.now()
        if now - effect.due_at < LONG_WAIT:
            return
        notice = Notice(
            id=identify(claim.channel, "waits_for_channel", effect.id),
            at=now,
            channel=claim.channel,
            kind="waits_for_channel",
            text=f"a message of conversation {claim.conversation_id}, and all after it, waits until {claim.channel} "
            f"works again, for {standby} cannot carry it: {obstacle}; put {claim.channel} right, or reach the contact "
            "in another way",
            is_alarm=True,
        )
        await self._engine.note([notice])
