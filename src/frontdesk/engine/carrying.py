"""What is still to be sent by one channel and could not be sent by another: looked up before a number changes hands."""

from __future__ import annotations

from frontdesk.core.capabilities import Capabilities
from frontdesk.core.conversation import Conversation
from frontdesk.core.message import MessageStatus
from frontdesk.ports import Store


async def uncarried(store: Store, state: Conversation, target: Capabilities) -> str:
    """Why a channel that can do what `target` says cannot send something that still waits in a conversation, as half a
    sentence; "" where it can send all of it. Raises StoreUnavailable."""
    waiting = (one for one in await store.messages(state.id) if one.status is MessageStatus.QUEUED)
    return next(filter(None, (target.obstacle(one.content, state.addresses) for one in waiting)), "")
