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
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from frontdesk.emulator.app import create_emulator
from frontdesk.emulator.faults import Rule
from frontdesk.emulator.options import EmulatorOptions

CONNECTIONS = 64
PORTS = {"bare": 18_601, "service": 18_602, "vendor": 18_603}
SERVER_CORE, CLIENT_CORE = 0, 1

POLICY = """
marks_read = false
burst_wait_seconds = {burst}
burst_wait_max_seconds = 600
"""


async def _nothing(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse("")


bare = Starlette(routes=[Route("/webhooks/{channel}", _nothing, methods=["POST"])])


def body(account: EmulatorOptions, number: int, text: str) -> bytes:
    """A signed request with one text of a contact of its own, as bytes on the wire."""
    phone = f"1555{number:07}"
    content = (
        '{"object":"whatsapp_business_account","entry":[{"id":"209800000000017","changes":[{"value":{"messaging_product":'
        '"whatsapp","metadata":{"display_phone_number":"15550100200","phone_number_id":"%s"},"contacts":[{"profile":'
        '{"name":"Mira Testova"},"wa_id":"%s","user_id":"US.%s"}],"messages":[{"from":"%s","from_user_id":"US.%s","id":'
        '"wamid.%s.%s","timestamp":"%d","type":"text","text":{"body":"%s"}}]},"field":"messages"}]}]}'
        % (account.phone_number_id, phone, phone, phone, phone, number, os.getpid(), time.time(), text)  # noqa: TID251, UP031
    ).encode()
    signature = hmac.new(account.app_secret.encode(), content, hashlib.sha256).hexdigest()
    head = (
        f"POST /webhooks/main HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"x-hub-signature-256: sha256={signature}\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _send_all(port: int, requests: Sequence[bytes]) -> float:
    """Seconds to have all requests answered with 200 over `CONNECTIONS` connections, one at a time on each."""
    queue = iter(requests)

    async def customer() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in queue:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise AssertionError(head.decode())
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            if length:
                await reader.readexactly(length)
        writer.close()

    began_at = time.perf_counter()
    await asyncio.gather(*(customer() for _ in range(CONNECTIONS)))
    return time.perf_counter() - began_at


@asynccontextmanager
async def _process(port: int, *command: str, **environ: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    """A server on the server's core, listening."""
    process = subprocess.Popen(
        [sys.executable, *command],
        env=os.environ | environ,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE % (os.cpu_count() or 1)}),  # noqa: PLW1509 -- one thread
    )
    try:
        for _ in range(500):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.02)
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


@asynccontextmanager
async def _service(account: EmulatorOptions, burst: float) -> AsyncIterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "frontdesk.toml"
        config.write_text(
            f"""
            data_dir = "{folder}/data"
            [server]
            port = {PORTS["service"]}
            [channels.main]
            provider = "whatsapp_cloud"
            phone_number_id = "{account.phone_number_id}"
            base_url = "http://127.0.0.1:{PORTS["vendor"]}"
            access_token = {{ env = "TOKEN" }}
            app_secret = {{ env = "SECRET" }}
            verify_token = {{ env = "VERIFY" }}
            [policy]
            {POLICY.format(burst=burst)}
            {'greeting = ""' if burst else ""}
            """
        )
        async with _process(
            PORTS["service"], "-m", "frontdesk", "serve", "--config", str(config), FRONTDESK_LOG="error",
            TOKEN=account.access_token, SECRET=account.app_secret, VERIFY=account.verify_token,
        ) as process:  # fmt: skip
            yield process


async def _acks(account: EmulatorOptions, count: int) -> float:
    requests = [body(account, number, f"question {number}") for number in range(count)]
    async with _service(account, burst=500.0):
        await _send_all(PORTS["service"], requests[: count // 10])
        return (count - count // 10) / await _send_all(PORTS["service"], requests[count // 10 :])


async def _bare(account: EmulatorOptions, count: int) -> float:
    requests = [body(account, number, f"question {number}") for number in range(count)]
    command = ("-m", "uvicorn", "bench:bare", "--port", str(PORTS["bare"]), "--no-access-log", "--log-level", "error")
    async with _process(PORTS["bare"], *command, PYTHONPATH=str(Path(__file__).parent)):
        await _send_all(PORTS["bare"], requests[: count // 10])
        return (count - count // 10) / await _send_all(PORTS["bare"], requests[count // 10 :])


async def _turns(account: EmulatorOptions, count: int) -> tuple[float, float]:
    """Turns a second, and the service's CPU milliseconds a turn."""
    app = create_emulator(account)
    ledger = app.state.emulator.vendor.ledger
    app.state.emulator.vendor.faults.add_all([Rule(on="send", kind="no_statuses")])
    vendor = uvicorn.Server(uvicorn.Config(app, port=PORTS["vendor"], log_config=None, access_log=False))
    serving = asyncio.create_task(vendor._serve())  # noqa: SLF001 -- without its signal handlers
    requests = [body(account, number, "hi") for number in range(count)]
    warm = count // 10
    async with _service(account, burst=0) as process:
        await _send_all(PORTS["service"], requests[:warm])
        while len(ledger.accepted) < warm:
            await asyncio.sleep(0.01)
        cpu = _cpu_seconds(process.pid)
        began_at = time.perf_counter()
        await _send_all(PORTS["service"], requests[warm:])
        while len(ledger.accepted) < count:
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began_at
        spent = _cpu_seconds(process.pid) - cpu
    vendor.should_exit = True
    await serving
    return (count - warm) / seconds, 1000 * spent / (count - warm)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _run(count: int, rounds: int) -> None:
    account = EmulatorOptions(throughput_per_second=None, pair_burst=None, window="off")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {count} requests a round")
    acks, turns = [], []
    for number in range(rounds):
        bare_rate = await _bare(account, count)
        ack_rate = await _acks(account, count)
        turn_rate, cpu = await _turns(account, count // 2)
        acks.append(ack_rate / bare_rate)
        turns.append(turn_rate / bare_rate)
        print(
            f"round {number + 1}: bare Starlette {bare_rate:,.0f}/s; durable acks {ack_rate:,.0f}/s "
            f"(ratio {acks[-1]:.2f}); turns {turn_rate:,.0f}/s (ratio {turns[-1]:.2f}), {cpu:.2f} ms of CPU a turn"
        )
    print(f"median ratio to the bare application: acks {sorted(acks)[rounds // 2]:.2f} (target 0.50), "
          f"turns {sorted(turns)[rounds // 2]:.2f}")  # fmt: skip
    print(f"the customers' own peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {CLIENT_CORE % (os.cpu_count() or 1)})
    uvloop.run(_run(arguments.count, arguments.rounds))


if __name__ == "__main__":
    main()
