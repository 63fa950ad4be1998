"""Starts the emulator, the service and locust, and prints what customers felt. See loadtests/README.md."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from frontdesk.testing.process import Customers, Service, until, world

POLICY = """
inbound_max = 23
same_text_max = 23
"""


async def run(customers_count: int, seconds: int, rate: int) -> bool:
    """Let them talk; whether everything was answered once."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), POLICY, reads="auto") as (customers, service):
            await service.start()
            idle = service.memory_bytes() / 1e6
            locust = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("locustfile.py")), "--headless",
                "--host", str(customers.http.base_url), "-u", str(customers_count), "-r", str(rate),
                "-t", f"{seconds}s", "--only-summary", "--stop-timeout", "10",
                stdout=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            failed = await locust.wait() != 0
            busy, cpu = service.memory_bytes() / 1e6, service.cpu_seconds()
            with suppress(AssertionError):
                await until(lambda: _is_quiet(service), 30, "the outbox is empty")
            acks = await _acks(service)
            is_clean = await _report(customers, customers_count, seconds)
            print(f"webhooks until their durable 200, in the service: {acks}")
            print(f"effects by outcome: {await _effects(service)}")
            print(f"the service: {cpu:.1f} s of CPU; memory {idle:.0f} MB idle, {busy:.0f} MB under load")
            await service.stop()
            return is_clean and not failed


async def _is_quiet(service: Service) -> bool:
    async with httpx.AsyncClient() as http:
        lines = (await http.get(f"{service.url}/metrics")).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("frontdesk_outbox{")) == 0


async def _effects(service: Service) -> str:
    """What became of the effects, and what is left of them."""
    async with httpx.AsyncClient() as http:
        lines = (await http.get(f"{service.url}/metrics")).text.splitlines()
    names = ("frontdesk_effects_total{", "frontdesk_outbox{")
    found = [line.removeprefix("frontdesk_") for line in lines if line.startswith(names) and not line.endswith(" 0.0")]
    return "; ".join(found)


async def _acks(service: Service) -> str:
    """From the service's own histogram: the bounds below which half and 99 % of the webhooks stayed."""
    async with httpx.AsyncClient() as http:
        lines = (await http.get(f"{service.url}/metrics")).text.splitlines()
    buckets = [
        (line.split('le="')[1].split('"')[0], float(line.split()[-1]))
        for line in lines
        if line.startswith("frontdesk_webhook_seconds_bucket")
    ]
    total = buckets[-1][1]
    bounds = [next(bound for bound, count in buckets if count >= share * total) for share in (0.5, 0.99)]
    return f"{total:.0f} in all, half below {bounds[0]} s, 99 % below {bounds[1]} s"


async def _report(customers: Customers, count: int, seconds: int) -> bool:
    written, sent = await customers.inbound(), await customers.ledger()
    answers = _first_answers(written, sent)
    print(f"{count} customers for {seconds} s: {len(written)} messages written, {len(sent)} sent")
    for kind, times in sorted(answers.items()):
        print(f"  {kind:28} {_percentiles(times)}")
    references = [entry["reference"] for entry in sent]
    doubled = len(references) - len(set(references))
    undelivered = sum(entry["delivered_at"] is None for entry in written)
    print(f"  {doubled} doubled, {undelivered} not acknowledged")
    return doubled == 0 and undelivered == 0


def _first_answers(written: Sequence[dict[str, Any]], sent: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Milliseconds from a message to the first one that went back after it, by kind of message."""
    replies: dict[str, list[datetime]] = defaultdict(list)
    for entry in sent:
        replies[entry["to"].lstrip("+")].append(datetime.fromisoformat(entry["at"]))
    found: dict[str, list[float]] = defaultdict(list)
    for entry in written:
        at = datetime.fromisoformat(entry["at"])
        reply = next((one for one in replies[entry["from"]] if one > at), None)
        kind = (
            "tap"
            if entry["type"] == "interactive"
            else "hello, by rule"
            if entry["text"] == "hi"
            else "question (waits 1.5 s)"
        )
        if reply:
            found[kind].append(1_000 * (reply - at).total_seconds())
    return found


def _percentiles(times: list[float]) -> str:
    ordered = sorted(times)
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 0.99))
    return f"{len(times):6} answered; first reply p50 {p50:6.0f} ms, p95 {p95:6.0f} ms, p99 {p99:6.0f} ms"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    rate = max(5, arguments.customers // 20)
    sys.exit(0 if asyncio.run(run(arguments.customers, arguments.seconds, rate)) else 1)


if __name__ == "__main__":
    main()
