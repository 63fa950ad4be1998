"""kill -9 of the real service again and again, under load, and then the accounts.

Run by hand: make kill-test KILLS=50
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from collections import defaultdict
from pathlib import Path

from msgspec import Struct

from frontdesk.container import SystemClock
from frontdesk.core.message import Message, MessageStatus
from frontdesk.testing.process import Customers, Service, until, world
from frontdesk_plugins.sqlite.store import SqliteStore

POLICY = """
greeting = ""
burst_wait_seconds = 0.05
unknown_after_seconds = 2.0
unanswered_max = 100
inbound_max = 23
same_text_max = 23
"""
CUSTOMERS = 60
TEXTS_EACH = 8
WORDS = ("delivery", "returns", "repairs", "payment", "opening hours", "gift cards", "shoes", "refunds")


class Accounts(Struct, frozen=True, kw_only=True):
    """What was found. Everything but the first four must be empty."""

    kills: int
    written: int
    sent: int
    held: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    shuffled: tuple[str, ...]
    unanswered: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.kills} x kill -9 under load: {self.written} messages written, {self.sent} sent, "
            f"{self.held} held for a person; {len(self.lost)} lost, {len(self.doubled)} doubled, "
            f"{len(self.shuffled)} out of order, {len(self.unanswered)} neither answered nor shown to a person"
        )


async def run(folder: Path, kills: int, seed: int) -> Accounts:
    """Kill `kills` times while customers write; then let it settle and count."""
    dice = random.Random(seed)
    async with world(folder, POLICY, reads="auto", retry_scale=0.05, retry_seconds=(0.0, 1.0, 2.0, 4.0)) as (
        customers,
        service,
    ):
        # Slow enough that kills strike in the middle of sends.
        await customers.break_({"on": "send", "kind": "latency", "value": 0.05})
        writing = asyncio.create_task(_write_for_ever(customers, dice))
        for _ in range(kills):
            await service.start()
            await asyncio.sleep(dice.uniform(0.05, 0.6))
            await service.kill()
        writing.cancel()
        await service.start()
        await until(lambda: _is_settled(customers, service), 60, "the backlog is drained")
        assert await service.stop() == 0, service.log()
        return await _count(customers, service, kills)


async def _write_for_ever(customers: Customers, dice: random.Random) -> None:
    generation = 0
    while True:
        phones = [f"1555{generation:03}{number:04}" for number in range(CUSTOMERS)]
        async with asyncio.TaskGroup() as group:
            for phone in phones:
                group.create_task(_write(customers, phone, random.Random(dice.random())))
        generation += 1


async def _write(customers: Customers, phone: str, dice: random.Random) -> None:
    for number in range(TEXTS_EACH):
        await asyncio.sleep(dice.uniform(0.05, 1.0))
        await customers.write(phone, f"{dice.choice(WORDS)}, question {number} of {phone}?")


async def _is_settled(customers: Customers, service: Service) -> bool:
    """Everything delivered, and nothing left in the outbox for a moment."""
    if any(entry["delivered_at"] is None for entry in await customers.inbound()):
        return False
    async with SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True) as store:
        return not (await store.backlog()).states


async def _count(customers: Customers, service: Service, kills: int) -> Accounts:
    ledger, inbound = await customers.ledger(), await customers.inbound()
    references = [entry["reference"] for entry in ledger]
    written = {entry["wamid"] for entry in inbound}
    kept: list[str] = []
    shuffled: list[str] = []
    unanswered: list[str] = []
    held = 0
    accepted_by_contact: dict[str, list[str]] = defaultdict(list)
    for entry in ledger:
        accepted_by_contact[entry["to"].lstrip("+")].append(entry["reference"])
    async with SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True) as store:
        for phone in sorted({entry["from"] for entry in inbound}):
            known = await store.find("main", phone)
            if known is None:
                continue
            messages = await store.messages(known)
            state = await store.conversation(known)
            assert state is not None
            kept += [one.provider_message_id or "" for one in messages if one.author == "contact"]
            held += sum(one.status is MessageStatus.UNKNOWN for one in messages)
            decided = [one.id for one in messages if one.author != "contact"]
            accepted = accepted_by_contact[phone]
            if accepted != [one for one in decided if one in accepted]:
                shuffled.append(phone)
            if state.handler == "bot" and not _is_answered(messages, set(accepted)):
                unanswered.append(phone)
    return Accounts(
        kills=kills,
        written=len(written),
        sent=len(ledger),
        held=held,
        lost=tuple(written - set(kept)),
        doubled=tuple({one for one in references if references.count(one) > 1} | _repeated(kept)),
        shuffled=tuple(shuffled),
        unanswered=tuple(unanswered),
    )


def _repeated(ids: list[str]) -> set[str]:
    seen: set[str] = set()
    return {one for one in ids if one in seen or seen.add(one)}  # type: ignore[func-returns-value]


def _is_answered(messages: list[Message] | tuple[Message, ...] | object, accepted: set[str]) -> bool:
    """Whether something that the vendor accepted comes after the contact's last message."""
    assert isinstance(messages, list)
    for message in reversed(messages):
        if message.author == "contact":
            return False
        if message.id in accepted:
            return True
    return False


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(run(Path(folder), arguments.kills, arguments.seed)))


if __name__ == "__main__":
    main()
