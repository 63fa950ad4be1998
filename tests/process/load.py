"""Customers who write without end, each in a conversation of a few texts and with pauses."""

from __future__ import annotations

import asyncio
import random

from frontdesk.testing.process import Customers

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
HAND_OFF_CHANCE = 0.05
"""How often somebody asks once more, and for a person right behind that: the second answer still waits for the first
one to be sent, and has to be withdrawn."""


async def write_for_ever(customers: Customers, dice: random.Random, at_once: int = CUSTOMERS) -> None:
    """One generation of contacts after the other, `at_once` in each."""
    generation = 0
    while True:
        phones = [f"1555{generation:03}{number:04}" for number in range(at_once)]
        async with asyncio.TaskGroup() as group:
            for phone in phones:
                group.create_task(_write(customers, phone, random.Random(dice.random())))
        generation += 1


async def _write(customers: Customers, phone: str, dice: random.Random) -> None:
    for number in range(TEXTS_EACH):
        await asyncio.sleep(dice.uniform(0.05, 1.0))
        await customers.write(phone, f"{dice.choice(WORDS)}, question {number} of {phone}?")
        if dice.random() < HAND_OFF_CHANCE:
            for text in (f"{dice.choice(WORDS)}, I mean?", "an agent please"):
                await asyncio.sleep(dice.uniform(0.1, 0.2))
                await customers.write(phone, text)


async def is_delivered(customers: Customers) -> bool:
    """Whether the service has accepted everything that was written, and every status up to the blue ticks."""
    return (
        all(entry["delivered_at"] is not None for entry in await customers.inbound())
        and all(entry["status"] == "read" for entry in await customers.ledger())
        and not customers.emulator.vendor.webhooks.counts.pending
    )
