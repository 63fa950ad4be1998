"""Two processes on one database: what may meet, meets here."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import SendMessage
from frontdesk.core.event import Address, Event, HandedOff, IdentityChanged
from frontdesk.core.message import MessageStatus, Text
from frontdesk.core.plan import Decision
from frontdesk.testing.contracts import LEASE, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, PHONE, replied, succeeded, told, wrote
from frontdesk.testing.process import until
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio


def phones(count: int) -> list[str]:
    return [f"1555{number:07}" for number in range(count)]


async def apply_all(store: PostgresStore, events: list[Event]) -> list[Any]:
    return list(await asyncio.gather(*(store.apply(event, rules) for event in events)))


async def deadlocks(bare: Any) -> int:
    return int(await bare.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))


async def test_what_both_are_told_is_decided_once_and_in_order(
    one: PostgresStore, other: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    def messages(order: list[str]) -> list[Event]:
        return [wrote(f"message {number}", clock.now(), phone=phone) for number in range(12) for phone in order]

    events, backwards = messages(phones(30)), messages(phones(30)[::-1])
    mine, theirs = await asyncio.gather(apply_all(one, events), apply_all(other, backwards))
    assert sum(result is not None for result in (*mine, *theirs)) == len(events)
    for phone in phones(30):
        known = await one.find(CHANNEL, phone)
        assert known is not None
        journal = [entry async for entry in one.journal(known)]
        assert [entry.seq for entry in journal] == list(range(1, 13))
        said = [message.content for message in await other.messages(known) if message.author == "contact"]
        assert said == [Text(body=f"message {number}") for number in range(12)]
    assert await deadlocks(bare) == 0


async def test_a_new_contact_whom_both_meet_is_one_conversation(
    one: PostgresStore, other: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    for phone in phones(40):
        met = await asyncio.gather(
            one.apply(wrote("hi", clock.now(), phone=phone, scoped_id=f"US.{phone}"), rules),
            other.apply(wrote("hello?", clock.now(), phone=phone, scoped_id=f"US.{phone}"), rules),
        )
        assert len({decision.conversation.id for decision in met if decision}) == 1
        journal = [entry.seq async for entry in one.journal(met[0].conversation.id if met[0] else "")]
        assert journal == [1, 2]
    assert await bare.fetchval("SELECT count(*) FROM conversation") == 40
    assert await bare.fetchval("SELECT count(*) FROM address WHERE conversation_id = ''") == 0


async def test_two_claimers_never_hold_the_same(one: PostgresStore, other: PostgresStore, clock: ManualClock) -> None:
    await apply_all(one, [wrote("hi", clock.now(), phone=phone) for phone in phones(200)])
    claims = await asyncio.gather(*(store.claim(LEASE, 7) for _ in range(20) for store in (one, other)))
    held = [claim.effect.id for some in claims for claim in some]
    held += [claim.effect.id for claim in await one.claim(LEASE, 500)]
    assert len(held) == len(set(held)) == 200


async def test_a_lane_opens_though_another_waits_for_the_conversation(
    one: PostgresStore, other: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    first = await one.apply(wrote("hi", clock.now()), rules)
    assert first is not None
    known = first.conversation.id
    [claim] = await one.claim(LEASE, 10)
    for number in range(10):
        held = bare.transaction()
        await held.start()
        await bare.execute("SELECT 1 FROM conversation WHERE id = $1 FOR UPDATE", known)
        waiting = [
            asyncio.create_task(one.apply(succeeded(claim, clock.now(), f"wamid.{number}"), rules)),
            asyncio.create_task(other.apply(replied(known, f"reply {number}", clock.now()), rules)),
        ]
        await asyncio.sleep(0.03)
        await held.commit()
        assert None not in await asyncio.gather(*waiting)
        [claim] = [one for one in await other.claim(LEASE, 10) if isinstance(one.effect, SendMessage)]
        assert isinstance(claim.effect, SendMessage)
        assert claim.effect.content == Text(body=f"reply {number}")


async def test_a_status_and_the_response_that_tells_whose_it_is_do_not_miss_one_another(
    one: PostgresStore, other: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    await apply_all(one, [wrote("hi", clock.now(), phone=phone) for phone in phones(60)])
    claims = await one.claim(LEASE, 100)
    for claim in claims:
        wamid = f"wamid.{claim.effect.id}"
        await asyncio.gather(
            one.apply(succeeded(claim, clock.now(), wamid), rules),
            other.apply(told(MessageStatus.READ, clock.now(), wamid), rules),
        )
    said = [message for claim in claims for message in await one.messages(claim.conversation_id)]
    assert {message.status for message in said if message.author == "bot"} == {MessageStatus.READ}
    assert await bare.fetchval("SELECT count(*) FROM unmatched") == 0


async def test_after_a_hand_off_commits_nothing_of_the_bots_begins(
    one: PostgresStore, other: PostgresStore, clock: ManualClock
) -> None:
    for phone in phones(40):
        decision = await one.apply(wrote("hi", clock.now(), phone=phone), rules)
        assert decision is not None
        given = HandedOff(
            id=f"h{phone}", at=clock.now(), channel=CHANNEL, conversation_id=decision.conversation.id, reason="by hand"
        )
        _, claims = await asyncio.gather(one.apply(given, rules), other.claim(LEASE, 10))
        mine = {claim.effect.id for claim in claims}
        [greeting] = [one for one in await one.messages(decision.conversation.id) if one.author == "bot"]
        assert (greeting.status is MessageStatus.CANCELLED) == (greeting.id not in mine)


async def test_addresses_that_move_while_others_write_have_one_owner_each(
    one: PostgresStore, other: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    numbers = phones(12)
    await apply_all(
        one, [wrote("hi", clock.now(), phone=phone, scoped_id=f"US.{number}") for number, phone in enumerate(numbers)]
    )
    moves: list[Event] = [
        IdentityChanged(
            id=f"i{number}",
            at=clock.now(),
            channel=CHANNEL,
            contact=wrote("", clock.now(), phone="", scoped_id=f"US.{number}").contact,
            addresses=(Address("phone", numbers[(number + 5) % 12]),),
        )
        for number in range(12)
    ]
    messages: list[Event] = [
        wrote(f"{turn}", clock.now(), phone=phone) for turn in range(4) for phone in reversed(numbers)
    ]
    await asyncio.gather(apply_all(one, moves), apply_all(other, messages), apply_all(other, moves[::-1]))
    assert await bare.fetchval("SELECT count(*) FROM journal") == 12 + 12 + 48 + await bare.fetchval(
        "SELECT count(*) FROM message WHERE convert_from(message, 'UTF8') LIKE '%belongs to another%'"
    )
    gaps = await bare.fetchval(
        "SELECT sum(gap) FROM (SELECT max(seq) - count(*) AS gap FROM journal GROUP BY conversation_id) AS gaps"
    )
    assert gaps == 0
    strays = await bare.fetchval(
        "SELECT count(*) FROM address WHERE conversation_id NOT IN (SELECT id FROM conversation)"
    )
    assert strays == 0


async def test_leases_are_kept_by_the_databases_clock(options: Any, clock: ManualClock) -> None:
    async with PostgresStore(options) as one, PostgresStore(options) as other:
        await one.apply(wrote("hi", clock.now(), phone=PHONE), rules)
        [claim] = await one.claim(LEASE / 100, 10)
        assert await other.claim(LEASE, 10) == []
        assert await one.renew([claim], LEASE / 100) == {claim.effect.id}
        await asyncio.sleep(LEASE.total_seconds() / 100 + 0.05)
        [again] = await other.claim(LEASE, 10)
        assert (again.attempt, again.is_interrupted) == (2, True)
        assert await one.renew([claim], LEASE) == frozenset()


async def test_who_decides_holds_the_conversations_row_and_sees_what_was_written_before(
    one: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    assert await one.apply(wrote("hi", clock.now()), rules) is not None
    known = await one.find(CHANNEL, PHONE)
    assert known is not None
    seen: list[str] = []

    def looking(conversation: Conversation, event: Event) -> Decision:
        seen.append(conversation.name)
        return rules(conversation, event)

    state = msgspec.structs.replace(await one.conversation(known), name="from another process")  # type: ignore[type-var]
    async with bare.transaction():
        await bare.execute("UPDATE conversation SET state = $2 WHERE id = $1", known, msgspec.json.encode(state))
        waiting = asyncio.create_task(one.apply(wrote("again", clock.now()), looking))
        await until(lambda: is_blocked(bare), 5, "the batch waits for the row")
        assert not seen
    await waiting
    assert seen == ["from another process"]


async def is_blocked(bare: Any) -> bool:
    return bool(
        await bare.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        )
    )
