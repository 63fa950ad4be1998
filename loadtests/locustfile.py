"""Customers at the emulated phone: they think, write, tap, wait for an answer and go on.

Each customer talks to the emulator, as a phone does; the emulator talks to the service, as Meta does. What a customer
feels, from the message to the first bubble of the answer, is read from the emulator's ledger by `loadtests/run.py`,
which starts it all.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from typing import Any

from locust import FastHttpUser, between, task

QUESTIONS = (
    "What does delivery cost?",
    "Can I return shoes that do not fit?",
    "When are you open?",
    "How can I pay?",
    "Do you repair heels?",
    "How long is a gift card valid?",
)
ANSWER_SECONDS_MAX = 30.0
LOOK_SECONDS = 1.0
_numbers = itertools.count()
_generation = os.getpid() % 1000


class Customer(FastHttpUser):
    """One person with one phone."""

    wait_time = between(2, 8)

    def on_start(self) -> None:
        """A number of their own, and a first hello."""
        self.phone = f"1{_generation:03}{next(_numbers):07}"
        self.seen = 0
        self.ask("hi", "hello")

    @task(8)
    def question(self) -> None:
        """Ask something that the shop knows."""
        self.ask(f"{random.choice(QUESTIONS)} ({random.randrange(10_000)})", "question")

    @task(2)
    def tap(self) -> None:
        """Tap a button: it is answered without waiting for more."""
        body = {"type": "button_reply", "id": "delivery", "title": f"Delivery {random.randrange(10_000)}"}
        self.exchange(body, "tap")

    @task(1)
    def burst(self) -> None:
        """Three texts in a row get one answer."""
        for part in ("one more thing", "about returns", ""):
            if part:
                self.client.post(self.path("messages"), json={"type": "text", "text": part}, name="burst")
        self.ask(f"How long do I have? ({random.randrange(10_000)})", "burst")

    def ask(self, text: str, name: str) -> None:
        """Write a text and wait for the answer."""
        self.exchange({"type": "text", "text": text}, name)

    def exchange(self, body: dict[str, Any], name: str) -> None:
        """Write, and go on when an answer is there. How long it took to the millisecond is in the vendor's ledger."""
        self.client.post(self.path("messages"), json=body, name=name)
        waited = 0.0
        while not self.has_news() and waited < ANSWER_SECONDS_MAX:
            time.sleep(LOOK_SECONDS)  # gevent's: other customers go on
            waited += LOOK_SECONDS

    def has_news(self) -> bool:
        """Whether the business said something since the last look."""
        with self.client.get(self.path("messages"), name="look", catch_response=True) as response:
            said = sum(1 for line in response.json()["messages"] if not line["mine"])
        news, self.seen = said > self.seen, said
        return news

    def path(self, what: str) -> str:
        """This customer's corner of the emulator."""
        return f"/_emulator/contacts/{self.phone}/{what}"
