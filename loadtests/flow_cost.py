"""What a step of a flow costs, and whether it costs more with a thousand flows.

One customer talks to the same flow again and again, once with ten flows loaded and once with a thousand; both in turn,
in one run, so that the ratio means something on any machine. A decision is what production decides: the message is
heard, triggers and interrupts are looked at, variables set, a branch taken, texts rendered, the next question put.
Run it alone: make flow-cost
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from datetime import UTC, datetime, timedelta

from frontdesk.core.conversation import Conversation
from frontdesk.core.decide import decide
from frontdesk.core.event import Address, Contact, MessageReceived
from frontdesk.core.flow import Book
from frontdesk.core.message import Text
from frontdesk.core.policy import Policy
from frontdesk.flows.book import compile_book

TARGET_MICROSECONDS = 50.0
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CONTACT = Contact(addresses=(Address("phone", "15550100777"),), name="Mira")
POLICY = Policy(greeting="", marks_read=False, inbound_max=22, same_text_max=22, pair_burst=1_000_000)

RULES = """
languages: [en, hi]
interrupts: [{words: [menu], flow: measured}, {words: [agent], hand_off: true}]
silence: [{after: 10 minutes, say: Still there?}]
"""
MEASURED = """
title: Measured
starts_on: {keywords: [measure this]}
variables: {flow.count: {type: number, default: 0}, flow.name: {type: text, longest: 40}}
steps:
  name:
    ask: {en: "{{ contact.name | first(20) }}, round {{ flow.count }}: who?", hi: "नाम?"}
    save: flow.name
  count: {set: {flow.count: "= flow.count + 1"}}
  which:
    branch:
      - {if: flow.count > 1000000, next: end}
      - if: contains(flow.name, "nobody") and flow.count < 0
        next: end
    next: told
  told: {say: {en: "Hello {{ flow.name | title }}.", hi: "नमस्ते।"}, next: name}
  end: {end: true}
"""
STEPS_A_MESSAGE = 4
"""count, which, told, name."""


class Shelf:
    """One book."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def book(self, _version: str) -> Book:
        """That one."""
        return self._book

    def shows_buttons(self, _channel: str) -> bool:
        """It does."""
        return True


def shelf(count: int) -> Shelf:
    """So many flows beside the measured one, each with keywords of its own."""
    others = {
        f"other_{number}.yaml": f"title: O\nstarts_on: {{keywords: [topic {number}, other {number}]}}\n"
        "steps:\n  a: {ask: What?}\n  b: {end: true}\n"
        for number in range(count - 1)
    }
    return Shelf(compile_book({"rules.yaml": RULES, "measured.yaml": MEASURED, **others}))


def microseconds_a_step(flows: Shelf, messages: int) -> float:
    """The time of a decision, by the steps that it performs."""
    version = flows.book("").version
    state = Conversation(id="c", channel="main")
    events = [_event(number, version) for number in range(messages + 1)]
    state = decide(state, events[0], POLICY, flows).conversation
    began_at = time.process_time()
    for event in events[1:]:
        state = decide(state, event, POLICY, flows).conversation
    spent = time.process_time() - began_at
    assert state.run is not None
    return 1e6 * spent / messages / STEPS_A_MESSAGE


def _event(number: int, version: str) -> MessageReceived:
    at = NOW + timedelta(seconds=number * 7 + (number * number) % 5)
    return MessageReceived(
        id=f"e{number}",
        at=at,
        channel="main",
        flows=version,
        contact=CONTACT,
        provider_message_id=f"wamid.{number}",
        sent_at=at,
        content=Text(body=f"person {number}" if number else "measure this"),
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    sizes = {count: shelf(count) for count in (10, 1_000)}
    found: dict[int, list[float]] = {count: [] for count in sizes}
    for _ in range(arguments.rounds):
        for count, flows in sizes.items():
            found[count].append(microseconds_a_step(flows, arguments.messages))
    few, many = (statistics.median(found[count]) for count in sizes)
    print(f"a step with 10 flows: {few:.1f} us, with 1,000 flows: {many:.1f} us (target: {TARGET_MICROSECONDS:.0f} us)")
    print(f"1,000 flows cost {many / few:.2f} of ten")


if __name__ == "__main__":
    main()
