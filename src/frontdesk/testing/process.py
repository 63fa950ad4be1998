"""The real command against the real emulator, over real sockets."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from frontdesk.emulator.app import Emulator, create_emulator
from frontdesk.emulator.options import EmulatorOptions, VendorName, channel_section, secrets_of

START_SECONDS_MAX = 20.0


def free_port(count: int = 1) -> int:
    """The first of `count` ports in a row that were free a moment ago; below those that the system gives to outgoing
    connections, so that none of these takes one before we do."""
    while True:
        port = random.randrange(12_000, 32_000)  # noqa: S311 -- nothing secret
        with ExitStack() as probes:
            try:
                for one in range(port, port + count):
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", one))
            except OSError:
                continue
        return port


async def until(condition: Any, seconds: float, what: str) -> None:
    """Wait for `condition()` (or its awaitable) to hold; fail with `what` after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(app: Any, port: int = 0, listening: socket.socket | None = None) -> AsyncIterator[None]:
    """`app` on a port of this machine, or on a socket that is bound."""
    config = uvicorn.Config(app, log_config=None, lifespan="on", port=port, ws="none", timeout_keep_alive=75)
    server = uvicorn.Server(config)
    sockets = [listening] if listening else None
    task = asyncio.create_task(server._serve(sockets))  # noqa: SLF001 -- serve() would take the signals
    await until(lambda: server.started or task.done(), START_SECONDS_MAX, "the server started")
    try:
        yield
    finally:
        server.should_exit = True
        await task


def cpu_of_tree(root: int) -> float:
    """Seconds of CPU of a process and all below it, ended ones included (Linux)."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            pid = int(folder.name)
            parents[pid] = int(fields[1])
            spent[pid] = sum(map(int, fields[11:15] if pid == root else fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return sum(cpu for pid, cpu in spent.items() if root in _line(pid, parents))


def _line(pid: int, parents: dict[int, int]) -> Iterator[int]:
    while pid > 1:
        yield pid
        pid = parents.get(pid, 0)


class Customers:
    """What customers do with their phones, and what the vendor wrote down."""

    def __init__(self, emulator: Emulator, http: httpx.AsyncClient) -> None:
        self.emulator = emulator
        self.http = http

    async def write(self, phone: str, text: str) -> str:
        """Send a text; its message id at the vendor."""
        response = await self.http.post(f"/_emulator/contacts/{phone}/messages", json={"type": "text", "text": text})
        response.raise_for_status()
        return str(response.json()["wamid"])

    async def ledger(self) -> list[dict[str, Any]]:
        """All that the vendor accepted, in its order."""
        return list((await self.http.get("/_emulator/ledger")).json())

    async def inbound(self) -> list[dict[str, Any]]:
        """All that customers wrote."""
        return list((await self.http.get("/_emulator/inbound")).json())

    async def move(self, service: Service, vendor: VendorName, former: VendorName | None = None) -> None:
        """The number goes to a vendor, from the service's next start on; what the other one has still to tell it goes
        on to tell, and it is heard where it is named as the `former` one."""
        service.use(vendor, former)
        (await self.http.put("/_emulator/vendor", json={"vendor": vendor})).raise_for_status()

    async def break_(self, *rules: dict[str, Any]) -> None:
        """Set the faults."""
        (await self.http.post("/_emulator/faults", json=list(rules))).raise_for_status()


CHANNEL = "(the channel's keys)"


def _toml(value: Any) -> str:
    return f'{{ env = "{value["env"]}" }}' if isinstance(value, dict) else f'"{value}"'


class Service:
    """`frontdesk serve` as a process of its own, which can be killed. `beside` gives further ones on the same account.

    `words`: more of the command line. `environ`: more of the environment, where `FRONTDESK__SECTION__KEY` sets any
    key; there are no flows until it names their folder. `sections`: more of the configuration, such as `[store]`.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        options: EmulatorOptions,
        policy: str = "",
        core: int | None = None,
        *,
        name: str = "service",
        words: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        sections: str = "",
    ) -> None:
        self._core = core
        self._more: dict[str, Any] = {"policy": policy, "core": core, "environ": environ or {}, "sections": sections}
        self._beside: list[Service] = []
        self._folder = folder
        self._options = options
        self._words = words
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.data_dir = folder / "data"
        self.config = folder / f"{name}.toml"
        self._log = folder / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None
        self._environ = {
            **secrets_of(options),
            "PATH": os.environ["PATH"],
            "FRONTDESK_LOG": "warning",
            **{name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "PYTHONPATH"))},
            **(environ or {}),
        }
        self._template = f"""
            data_dir = "{self.data_dir}"
            [server]
            port = {port}
            [knowledge]
            folder = "{Path("config/knowledge").resolve()}"
            [flows]
            folder = ""
            [channels.main]
            {CHANNEL}
            [policy]
            {policy}
            {sections}
            """
        self.use(options.vendor)

    def use(self, vendor: VendorName, former: VendorName | None = None) -> None:
        """Let the channel be this vendor's from the next start on, and perhaps hear the one before: only its section
        changes."""
        lines = self._keys(vendor)
        if former:
            lines += ["[channels.main.former]", *self._keys(former)]
        self.config.write_text(self._template.replace(CHANNEL, "\n".join(lines)))

    def _keys(self, vendor: VendorName) -> list[str]:
        return [f"{key} = {_toml(value)}" for key, value in channel_section(self._options, vendor).items()]

    def beside(self, name: str, *words: str, port: int | None = None, **environ: str) -> Service:
        """Another command on the same account, policy and store, with a log and a port of its own."""
        more = self._more | {"environ": {**self._environ, **environ}}
        service = Service(self._folder, port or free_port(), self._options, name=name, words=words, **more)
        self._beside.append(service)
        return service

    async def start(self, *, waits: bool = True) -> None:
        """Start it; `waits` until it says that it is ready. A Ctrl-C is for whoever started it, not for it."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "frontdesk", "serve", "--config", str(self.config), *self._words,
                env=self._environ, stderr=log, stdout=log, start_new_session=True,
            )  # fmt: skip
        if self._core is not None:
            os.sched_setaffinity(self._process.pid, {self._core})
        if waits:
            await until(self.is_ready, START_SECONDS_MAX, f"the service is ready; its log: {self.log()}")

    async def is_ready(self) -> bool:
        """Whether it takes messages."""
        assert self._process is not None
        assert self._process.returncode is None, f"the service ended: {self.log()}"
        try:
            async with httpx.AsyncClient() as http:
                return (await http.get(f"{self.url}/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None
        return self._process.pid

    def children(self) -> set[int]:
        """The processes that it started and that live (Linux)."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        return {int(pid) for pid in found}

    def cpu_seconds(self) -> float:
        """What it has used of a core so far (Linux)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self) -> int:
        """What it holds in memory (Linux)."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def end(self) -> None:
        """kill -9 for it and those beside it, where a test has not ended them itself."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()
        for service in self._beside:
            await service.end()

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self, seconds: float | None = 30.0) -> int:
        """Wait for its end; the exit status."""
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    async def gone(self) -> int:
        """Wait for its end, however long that takes; the exit status."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.send(signal.SIGTERM)
        return await self.ended()

    def log(self, characters: int = 2_000) -> str:
        """The end of what it wrote."""
        return self._log.read_text()[-characters:] if self._log.exists() else ""


def account(port: int, callback_port: int, **options: Any) -> EmulatorOptions:
    """An account of an emulator on `port` without limits of speed, whose webhooks go to `callback_port`."""
    urls = {
        "callback_url": f"http://127.0.0.1:{callback_port}/webhooks/main",
        "public_url": f"http://127.0.0.1:{port}",
    }
    return EmulatorOptions(**(urls | {"throughput_per_second": None, "pair_burst": None} | options))


@asynccontextmanager
async def emulated(options: EmulatorOptions, port: int) -> AsyncIterator[Customers]:
    """The vendor, and the customers who write through it."""
    app = create_emulator(options)
    async with serving(app, port), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        yield Customers(app.state.emulator, http)


@asynccontextmanager
async def world(
    folder: Path,
    policy: str = "",
    core: int | None = None,
    service: Mapping[str, Any] | None = None,
    port: int | None = None,
    **options: Any,
) -> AsyncIterator[tuple[Customers, Service]]:
    """An emulator that is running and a service that is not yet. `core`: the one that the service is to use;
    `service`: more for it, by the names of `Service`; `port`: the emulator's."""
    port, service_port = port or free_port(), free_port()
    given = account(port, service_port, **options)
    async with emulated(given, port) as customers:
        first = Service(folder, service_port, given, policy, core, **(service or {}))
        try:
            yield customers, first
        finally:
            await first.end()
