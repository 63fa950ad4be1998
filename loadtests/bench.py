"""How fast, as ratios: the service against a bare Starlette that does nothing, in one run on one machine.

Each server has one core for itself; the customers and the emulated vendor share another. Printed: requests a second
of the bare application, durable acknowledgements a second (verified, decided, on disk, then 200), and turns a second
(webhook in, decided, answered through the Graph API, recorded). Run it alone: make bench
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import os
import platform
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from frontdesk.emulator.options import EmulatorOptions
from frontdesk.testing.process import Customers, free_port, until, world

CONNECTIONS = 64
SERVER_CORE = 0
CLIENT_CORE = (os.cpu_count() or 1) - 1

NO_WORK = """
greeting = ""
marks_read = false
burst_wait_seconds = 500
burst_wait_max_seconds = 600
"""
"""A message leads to nothing but a timer far away: what is measured is the acknowledgement."""

BY_RULE = """
marks_read = false
"""
"""A first "hi" leads to the greeting: what an echo bot does, but kept."""


async def _nothing(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse("")


bare = Starlette(routes=[Route("/webhooks/{channel}", _nothing, methods=["POST"])])


def webhook(account: EmulatorOptions, number: int, text: str) -> bytes:
    """A signed request with one text of a contact of its own, as bytes on the wire."""
    phone = f"1555{number:07}"
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": account.display_phone_number,
            "phone_number_id": account.phone_number_id,
        },
        "contacts": [{"profile": {"name": "Mira Testova"}, "wa_id": phone, "user_id": f"US.{phone}"}],
        "messages": [
            {
                "from": phone,
                "from_user_id": f"US.{phone}",
                "id": f"wamid.{os.getpid()}.{number}",
                "timestamp": str(int(time.time())),  # noqa: TID251 -- a customer's clock
                "type": "text",
                "text": {"body": text},
            }
        ],
    }
    changes = [{"value": value, "field": "messages"}]
    body = {"object": "whatsapp_business_account", "entry": [{"id": account.waba_id, "changes": changes}]}
    content = msgspec.json.encode(body)
    signature = hmac.new(account.app_secret.encode(), content, hashlib.sha256).hexdigest()
    head = (
        "POST /webhooks/main HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"x-hub-signature-256: sha256={signature}\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def send_all(port: int, requests: Sequence[bytes]) -> float:
    """Seconds to have all requests answered with 200 over `CONNECTIONS` connections, one at a time on each."""
    queue = iter(requests)

    async def customer() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in queue:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head.decode()
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            if length:
                await reader.readexactly(length)
        writer.close()

    began_at = time.perf_counter()
    await asyncio.gather(*(customer() for _ in range(CONNECTIONS)))
    return time.perf_counter() - began_at


@asynccontextmanager
async def _bare_server() -> AsyncIterator[int]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uvicorn", "bench:bare", "--port", str(port), "--no-access-log", "--log-level", "error",
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
    )  # fmt: skip
    os.sched_setaffinity(process.pid, {SERVER_CORE})

    async def is_up() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(is_up, 20, "the bare server listens")
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _bare(account: EmulatorOptions, count: int) -> float:
    requests = [webhook(account, number, f"question {number}") for number in range(count)]
    async with _bare_server() as port:
        await send_all(port, requests[: count // 10])
        return (count - count // 10) / await send_all(port, requests[count // 10 :])


async def _acks(account: EmulatorOptions, count: int) -> float:
    requests = [webhook(account, number, f"question {number}") for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), NO_WORK, core=SERVER_CORE) as (_, service):
            await service.start()
            await send_all(service.port, requests[: count // 10])
            rate = (count - count // 10) / await send_all(service.port, requests[count // 10 :])
            await service.stop()
            return rate


async def answer_all(
    customers: Customers,
    port: int,
    account: EmulatorOptions,
    count: int,
    spent: Callable[[], Sequence[float]],
    vendor_seconds: float = 0.0,
) -> tuple[float, list[float]]:
    """Turns a second of so many contacts who say hi, and how much a turn adds to each of `spent`; a tenth of them come
    before, to warm up. The vendor takes `vendor_seconds` for each message."""
    requests = [webhook(account, number, "hi") for number in range(count)]
    accepted, warm = customers.emulator.vendor.ledger.accepted, count // 10
    slow = {"on": "send", "kind": "latency", "value": vendor_seconds}
    await customers.break_({"on": "send", "kind": "no_statuses"}, *([slow] if vendor_seconds else []))
    await send_all(port, requests[:warm])
    await until(lambda: len(accepted) == warm, 60, "the first are answered")
    before, began_at = spent(), time.perf_counter()
    await send_all(port, requests[warm:])
    await until(lambda: len(accepted) == count, 120, "all are answered")
    seconds, turns = time.perf_counter() - began_at, count - warm
    return turns / seconds, [(now - then) / turns for now, then in zip(spent(), before, strict=True)]


async def _turns(account: EmulatorOptions, count: int) -> tuple[float, float, float]:
    """Turns a second, the service's CPU milliseconds a turn, and its memory afterwards in MB."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), BY_RULE, core=SERVER_CORE, window="off") as (customers, service):
            await service.start()
            rate, (cpu,) = await answer_all(customers, service.port, account, count, lambda: [service.cpu_seconds()])
            memory = service.memory_bytes() / 1e6
            await service.stop()
            return rate, 1_000 * cpu, memory


async def _run(count: int, rounds: int) -> None:
    account = EmulatorOptions()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {count} requests a round")
    acks, turns = [], []
    for number in range(rounds):
        bare_rate = await _bare(account, count)
        ack_rate = await _acks(account, count)
        turn_rate, cpu, memory = await _turns(account, count)
        acks.append(ack_rate / bare_rate)
        turns.append(turn_rate / bare_rate)
        print(
            f"round {number + 1}: bare Starlette {bare_rate:,.0f}/s; durable acks {ack_rate:,.0f}/s "
            f"(ratio {acks[-1]:.2f}); turns {turn_rate:,.0f}/s (ratio {turns[-1]:.2f}), "
            f"{cpu:.2f} ms of CPU a turn, {memory:.0f} MB"
        )
    middle = rounds // 2
    print(f"median ratio to the bare application: acks {sorted(acks)[middle]:.2f}, turns {sorted(turns)[middle]:.2f}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {CLIENT_CORE})
    uvloop.run(_run(arguments.count, arguments.rounds))


if __name__ == "__main__":
    main()
