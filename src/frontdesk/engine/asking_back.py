"""What is asked of a vendor afterwards: what became of a send, and a contact's file.

After a change of vendor the one before may still be asked (`former` in a channel's section): it took the message whose
fate is unknown, and it has the file. Asking does no harm, and nothing is sent by it.
"""

from __future__ import annotations

import structlog

from frontdesk.core.message import Media
from frontdesk.engine.engine import Engine
from frontdesk.ports import (
    Channel,
    Claim,
    FetchedMedia,
    LooksUp,
    PermanentFailure,
    ProviderFailure,
    StoreUnavailable,
)

log = structlog.get_logger("frontdesk.worker")


async def look_up(
    engine: Engine, present: Channel | None, former: Channel | None, claim: Claim, effect_id: str
) -> None:
    """Before the wait for a status ends, ask the vendors' logs, where there are any. What they tell is decided first;
    whatever goes wrong here, the timer fires."""
    for channel in (present, former):
        if not isinstance(channel, LooksUp):
            continue
        try:
            sent = await engine.sent_message(claim.conversation_id, effect_id)
            if sent is not None:
                found = await channel.look_up(*sent)
                await engine.take_found(claim.conversation_id, found, is_former=channel is former)
        except (ProviderFailure, StoreUnavailable) as error:
            log.warning("cannot look up", channel=claim.channel, effect_id=effect_id, reason=str(error))
        except Exception:
            log.exception("cannot look up", channel=claim.channel, effect_id=effect_id)


async def fetch(present: Channel, former: Channel | None, media: Media) -> FetchedMedia:
    """A contact's file, by whichever of the two has it. Raises TemporaryFailure or PermanentFailure."""
    try:
        return await present.fetch(media)
    except PermanentFailure as refusal:
        if former is None:
            raise
        try:
            return await former.fetch(media)
        except PermanentFailure:
            raise refusal from None
