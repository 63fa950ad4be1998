"""However Meta cuts, shuffles, merges and repeats what it tells, the same is kept in the end."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Any

from hypothesis import given, settings, strategies as st

from frontdesk.core.decide import decide
from frontdesk.core.effect import SendMessage
from frontdesk.core.message import MessageStatus
from frontdesk.core.policy import Policy
from frontdesk.testing.contracts import LEASE
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import PHONE, succeeded, wrote
from plugins.whatsapp_cloud.support import body_of, message, receive

CONTACTS = ("15550100777", "15550100888", "447700900123")
OURS = "wamid.OURS"
RULES = partial(decide, policy=Policy())


def said(phone: str, number: int) -> dict[str, Any]:
    words = {"body": f"text {number}"}
    return message(**{"from": phone, "from_user_id": None, "id": f"wamid.{phone}.{number}", "text": words})


def told() -> list[dict[str, Any]]:
    """All that Meta has to tell, each in a body of its own: three contacts' messages, and one message's statuses."""
    bodies = [body_of(messages=[said(phone, number)]) for phone in CONTACTS for number in range(3)]
    return bodies + [
        body_of(statuses=[{"id": OURS, "status": status, "timestamp": "1793520100", "recipient_id": PHONE}])
        for status in ("sent", "delivered", "read")
    ]


async def kept(bodies: list[dict[str, Any]], *, is_late: bool) -> dict[str, object]:
    """What the store has after these bodies; `is_late`: our send's own response comes after all of them."""
    clock = ManualClock()
    async with MemoryStore(clock) as store:
        await store.apply(wrote("hi", clock.now()), RULES)
        (claim,) = [one for one in await store.claim(LEASE, 10) if isinstance(one.effect, SendMessage)]
        response = succeeded(claim, clock.now(), OURS)
        if not is_late:
            await store.apply(response, RULES)
        for body in bodies:
            for event in receive(body).events:
                await store.apply(event, RULES)
        if is_late:
            await store.apply(response, RULES)
        found: dict[str, object] = {}
        for phone in CONTACTS:
            known = await store.find(claim.channel, phone)
            assert known
            messages = await store.messages(known)
            found[phone] = sorted((one.id, str(one.content)) for one in messages if one.author == "contact")
            found[f"{phone}, ours"] = [one.status for one in messages if one.provider_message_id == OURS]
        return found


def merged(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    return {**bodies[0], "entry": [entry for body in bodies for entry in body["entry"]]}


@given(st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=60, deadline=None)
def test_shuffled_split_merged_and_repeated_batches_leave_the_same_state(shuffle: random.Random, is_late: bool) -> None:
    bodies = told()
    expected = asyncio.run(kept(bodies, is_late=False))
    bodies += shuffle.sample(bodies, k=shuffle.randrange(len(bodies)))
    shuffle.shuffle(bodies)
    cuts = sorted(shuffle.sample(range(1, len(bodies)), k=shuffle.randrange(len(bodies))))
    batches = [bodies[start:end] for start, end in zip([0, *cuts], [*cuts, len(bodies)], strict=True)]
    assert asyncio.run(kept([merged(batch) for batch in batches], is_late=is_late)) == expected
    assert expected[f"{PHONE}, ours"] == [MessageStatus.READ]
