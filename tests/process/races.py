"""Processes that race for one PostgreSQL store: producers with duplicates, consumers that die or stall, nothing else.

Every producer tells all messages of all contacts, each contact's in order: whatever one of them tells, another tells
again. Consumers claim, write down what they send, and report it. Some are killed at any instant, some are stopped for
longer than their lease and go on as if nothing had been. Afterwards everything must have been decided once and in
order, sent at most once, and be settled.

Run by hand: make races
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from msgspec import Struct

from frontdesk.container import SystemClock
from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import SendMessage
from frontdesk.core.event import Event, MessageReceived, SendUnknown
from frontdesk.core.message import Text
from frontdesk.core.plan import Decision, Plan
from frontdesk.core.policy import Policy
from frontdesk.plugin import Secret
from frontdesk.ports import Claim
from frontdesk.testing import servers
from frontdesk.testing.examples import CHANNEL, succeeded, unknown, wrote
from frontdesk.testing.process import until
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore

PRODUCERS = 2
CONSUMERS = 3
EACH = 60
"""Messages of a contact."""

START = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=1)
SEND_SECONDS_MAX = 0.1
CLAIMS_MAX = 16
POLICY = Policy(pair_burst=1_000_000)
SETTLED_SECONDS_MAX = 60.0


def echo(conversation: Conversation, event: Event) -> Decision:
    """One reply to each message, and nobody waits for a send of unknown outcome."""
    plan = Plan(conversation, event, POLICY)
    if isinstance(event, MessageReceived):
        plan.meet(event.contact)
        plan.send(event.content, "bot")
    elif isinstance(event, SendUnknown):
        plan.closed = (event.effect_id,)
    return plan.decision()


def phones(count: int) -> list[str]:
    """Contacts."""
    return [f"1555{number:07}" for number in range(count)]


def opened(url: str, *, is_read_only: bool = False) -> PostgresStore:
    """The store as a process has it."""
    return PostgresStore(StoreOptions(url=Secret(url), pool_max=6), is_read_only=is_read_only)


async def produce(url: str, count: int) -> None:
    """Tell everything: a process."""
    async with opened(url) as store:

        async def tell(phone: str) -> None:
            for number in range(EACH):
                await store.apply(wrote(str(number), START, phone=phone), echo)

        await asyncio.gather(*map(tell, random.sample(phones(count), count)))


async def consume(url: str, book: Path) -> None:
    """Send what there is to send, for ever: a process. `book` has a line for each send, and for each that was found
    interrupted."""
    with book.open("ab", buffering=0) as lines:
        async with opened(url) as store, asyncio.TaskGroup() as working:
            lines.write(b"ready\n")

            async def send(claim: Claim) -> None:
                now = SystemClock().now()
                if claim.is_interrupted:
                    lines.write(f"interrupted {claim.conversation_id} {claim.effect.id}\n".encode())
                    await store.apply(unknown(claim, now), echo)
                    return
                await asyncio.sleep(random.uniform(0, SEND_SECONDS_MAX))
                lines.write(f"sent {claim.conversation_id} {claim.effect.id}\n".encode())
                await store.apply(succeeded(claim, now, f"wamid.{claim.effect.id}"), echo)

            while True:
                claims = await store.claim(LEASE, CLAIMS_MAX)
                for claim in claims:
                    working.create_task(send(claim))
                await asyncio.sleep(0.005 if claims else 0.02)


class Races(Struct, frozen=True, kw_only=True):
    """What was found; everything from `lost` on must be empty or 0. `interrupted`: sends that were begun and taken
    over. `asleep`: what is not settled though nobody works any more."""

    messages: int
    duplicates: int
    killed: int
    stalled: int
    interrupted: int
    lost: int
    doubled: int
    reordered: int
    deadlocks: int
    asleep: int

    @property
    def faults(self) -> int:
        """How many promises were broken."""
        return self.lost + self.doubled + self.reordered + self.deadlocks + self.asleep

    def __str__(self) -> str:
        return (
            f"{self.messages} messages told {PRODUCERS} x and more ({self.duplicates} duplicates) to {CONSUMERS} "
            f"consumers, {self.killed} killed and {self.stalled} stalled, {self.interrupted} sends interrupted: "
            f"{self.lost} lost, {self.doubled} doubled, {self.reordered} reordered, {self.deadlocks} deadlocks, "
            f"{self.asleep} asleep"
        )


class _Processes:
    """The racers."""

    def __init__(self, url: str, book: Path, count: int) -> None:
        self._words = {"produce": ("produce", url, str(count)), "consume": ("consume", url, str(book))}
        self.producers: list[asyncio.subprocess.Process] = []
        self.consumers: list[asyncio.subprocess.Process] = []

    async def start(self, kind: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(sys.executable, "-m", "process.races", *self._words[kind])

    async def strike(self, dice: random.Random, number: int) -> str:
        """Kill or stall one consumer; now and then kill a producer, which begins again from the first message."""
        place = dice.randrange(CONSUMERS)
        if number % 4 == 3 and self.producers[0].returncode is None:
            await _kill(self.producers[0])
            self.producers[0] = await self.start("produce")
            return "killed"
        if number % 2:
            await _kill(self.consumers[place])
            self.consumers[place] = await self.start("consume")
            return "killed"
        self.consumers[place].send_signal(signal.SIGSTOP)
        await asyncio.sleep(LEASE.total_seconds() * 1.5)
        self.consumers[place].send_signal(signal.SIGCONT)
        return "stalled"


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@asynccontextmanager
async def _racing(url: str, book: Path, count: int) -> AsyncIterator[_Processes]:
    processes = _Processes(url, book, count)
    try:
        processes.consumers = [await processes.start("consume") for _ in range(CONSUMERS)]
        await until(lambda: len(_lines(book)) == CONSUMERS, 20, "the consumers are ready")
        processes.producers = [await processes.start("produce") for _ in range(PRODUCERS)]
        yield processes
    finally:
        for process in (*processes.producers, *processes.consumers):
            await _kill(process)


async def race(url: str, folder: Path, messages: int, seed: int, strikes: int) -> Races:
    """One race on an empty database of an empty server."""
    dice, contacts, done = random.Random(seed), messages // EACH, Counter[str]()
    book = folder / "book"
    async with opened(url):  # the schema is there before anybody races for it
        pass
    async with _racing(url, book, contacts) as processes:
        await until(lambda: len(_lines(book)) > 2 * CONSUMERS, 20, "the race has begun")
        for number in range(strikes):
            await asyncio.sleep(dice.uniform(0.05, 0.3))
            done[await processes.strike(dice, number)] += 1
        ends = [await producer.wait() for producer in processes.producers]
        assert ends == [0] * PRODUCERS, "the producers told everything"
        async with opened(url, is_read_only=True) as store:

            async def is_settled() -> bool:
                return not (await store.backlog()).states

            try:
                await until(is_settled, SETTLED_SECONDS_MAX, "everything is settled")
            except AssertionError:
                done["asleep"] = sum((await store.backlog()).states.values())
        assert all(consumer.returncode is None for consumer in processes.consumers), "a consumer ended by itself"
    return await _count(url, _lines(book), contacts, done)


def _lines(book: Path) -> list[list[str]]:
    return [line.split() for line in book.read_text(encoding="ascii").splitlines()] if book.exists() else []


async def _count(url: str, lines: Sequence[Sequence[str]], contacts: int, done: Counter[str]) -> Races:
    told = [line for line in lines if len(line) == 3]  # the others say that somebody is ready
    sent = [(conversation, effect) for what, conversation, effect in told if what == "sent"]
    interrupted = {effect for what, _, effect in told if what == "interrupted"}
    lost = reordered = 0
    async with opened(url, is_read_only=True) as store:
        for phone in phones(contacts):
            known = await store.find(CHANNEL, phone)
            journal = [entry async for entry in store.journal(known)] if known else []
            words = [word for entry in journal for word in _words(entry.event)]
            asked = [effect.id for entry in journal for effect in entry.effects if isinstance(effect, SendMessage)]
            left = [effect for conversation, effect in sent if conversation == known]
            lost += EACH - len(set(words)) + len(set(asked) - set(left) - interrupted)
            reordered += words != sorted(words)
            reordered += _certain(left, interrupted) != _certain(asked, interrupted)
    bare = await asyncpg.connect(url)
    deadlocks = await bare.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    await bare.close()
    return Races(
        messages=contacts * EACH,
        duplicates=contacts * EACH * (PRODUCERS - 1),
        killed=done["killed"],
        stalled=done["stalled"],
        interrupted=len(interrupted),
        lost=lost,
        doubled=len(sent) - len(set(sent)),
        reordered=reordered,
        deadlocks=deadlocks,
        asleep=done["asleep"],
    )


def _words(event: Event) -> list[int]:
    if isinstance(event, MessageReceived) and isinstance(event.content, Text):
        return [int(event.content.body)]
    return []


def _certain(effects: Sequence[str], interrupted: set[str]) -> list[str]:
    """Without those that were announced as unknown: the later ones did not wait for them."""
    return [effect for effect in effects if effect not in interrupted]


def main() -> None:
    """The command, and the processes that it starts."""
    parser = argparse.ArgumentParser()
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, last in (("produce", "count"), ("consume", "book")):
        one = kinds.add_parser(kind)
        one.add_argument("url")
        one.add_argument(last, type=int if last == "count" else Path)
    racing = kinds.add_parser("race")
    racing.add_argument("--messages", type=int, default=6_000)
    racing.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.kind == "produce":
        asyncio.run(produce(arguments.url, arguments.count))
    elif arguments.kind == "consume":
        asyncio.run(consume(arguments.url, arguments.book))
    else:
        _race(arguments.messages, arguments.times)


def _race(messages: int, times: int) -> None:
    faults = 0
    for seed in range(times):
        with servers.postgres() as server, tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(race(server.url, Path(folder), messages, seed, strikes=12))
        print(found, flush=True)
        faults += found.faults
    if faults:
        raise SystemExit("promises were broken")


if __name__ == "__main__":
    main()
