"""Every form of an address, against what really stands there; and what cannot be read, in one sentence."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from frontdesk.plugin import ConfigError, Secret
from frontdesk.testing.contracts.signal import LONG, SOON, heard
from frontdesk.testing.process import free_port, until
from frontdesk.testing.servers import Server, redis_command
from frontdesk_plugins.redis.address import read_address
from frontdesk_plugins.redis.options import SignalOptions
from frontdesk_plugins.redis.signal import RedisSignal

pytestmark = pytest.mark.anyio

Start = Callable[..., AbstractContextManager[Server]]


def process(url: str, prefix: str = "frontdesk") -> RedisSignal:
    return RedisSignal(SignalOptions(url=Secret(url), prefix=prefix, connect_timeout_seconds=1.0))


async def works(url: str, prefix: str = "frontdesk") -> None:
    """Two processes at this address wake and hear one another, and share what is to be shared."""
    async with process(url, prefix) as one, process(url, prefix) as other:
        assert (one.trouble, other.trouble) == ("", "")
        words = other.listen("desk")
        assert await asyncio.wait_for(anext(words), SOON) == ""
        one.publish("desk", "c1")
        assert await heard(words) == "c1"
        waiting = asyncio.create_task(asyncio.wait_for(other.wait(60), LONG))
        await asyncio.sleep(0.05)
        one.wake()
        await waiting
        await one.enter("c1", "asha", 60)
        assert await other.present("c1") == {"asha"}
        assert [await one.allow("login", 1, 60), await other.allow("login", 1, 60) > 0] == [0.0, True]
        assert (one.trouble, other.trouble) == ("", "")


async def test_a_unix_socket(start: Start, tmp_path: Path) -> None:
    with start("--unixsocket", str(tmp_path / "redis.sock")):
        await works(f"unix://{tmp_path}/redis.sock?db=2")


@contextmanager
def cluster_node(start: Start, *words: str) -> Iterator[Server]:
    """A node that has no slots yet. Nodes talk on a second port, 10,000 above."""
    port = next(port for port in iter(free_port, 0) if port < 55_536)
    with start("--cluster-enabled", "yes", "--port", str(port), *words) as server:
        server.url = f"redis://127.0.0.1:{port}/0"
        yield server


async def test_a_cluster(start: Start) -> None:
    with cluster_node(start) as server:
        async with Redis.from_url(server.url) as bare:
            await bare.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))  # type: ignore[no-untyped-call]

            async def is_whole() -> bool:
                return bool((await bare.execute_command("CLUSTER INFO"))["cluster_state"] == "ok")  # type: ignore[no-untyped-call]

            await until(is_whole, LONG, "the cluster is whole")
        host = server.url.removeprefix("redis://").removesuffix("/0")
        await works(f"redis+cluster://{host},127.0.0.1:{free_port()}")
        await comes_back(f"redis+cluster://{host}", server)


async def comes_back(url: str, server: Server) -> None:
    async with process(url) as one:
        server.kill()
        await until(lambda: one.trouble, LONG, "the loss is seen")
        assert await one.allow("login", 2, 60) == 0.0
        server.start()
        async with Redis.from_url(server.url) as bare:
            if (await bare.execute_command("CLUSTER INFO"))["cluster_slots_assigned"] == "0":  # type: ignore[no-untyped-call]
                await bare.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))  # type: ignore[no-untyped-call]
        await until(lambda: not one.trouble, 10, "Redis is used again")


async def test_a_server_that_is_no_cluster_is_said_to_be_none(server: Server) -> None:
    async with process(server.url.replace("redis://", "redis+cluster://")) as one:
        assert "let `signal.url` begin with redis:// if it is no cluster" in one.trouble


async def test_a_cluster_refuses_a_wrong_password(start: Start) -> None:
    with cluster_node(start, "--requirepass", "right") as server:
        host = server.url.removeprefix("redis://").removesuffix("/0")
        with pytest.raises(ConfigError, match="check the user and the password") as refused:
            await process(f"redis+cluster://:wrong-hunter2@{host}").__aenter__()
        assert "hunter2" not in str(refused.value)


@asynccontextmanager
async def sentinel(folder: Path, primary: str) -> AsyncIterator[int]:
    """A sentinel that watches the primary at `host port`."""
    port = free_port()
    file = folder / "sentinel.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor shop {primary} 1\n"
        "sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 2000\n"
        "sentinel auth-pass shop right\n"
    )
    command = redis_command()
    assert command is not None
    running = await asyncio.create_subprocess_exec(command, str(file), "--sentinel", stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        running.kill()
        await running.wait()


async def test_a_sentinel_names_the_primary_and_the_next_one_after_a_failover(start: Start, tmp_path: Path) -> None:
    words = ("--requirepass", "right", "--masterauth", "right")
    with start(*words) as first, start(*words) as second:
        ports = [server.url.rpartition(":")[2].removesuffix("/0") for server in (first, second)]
        async with Redis.from_url(second.url, password="right") as bare:
            await bare.replicaof("127.0.0.1", ports[0])
        async with sentinel(tmp_path, f"127.0.0.1 {ports[0]}") as port:
            url = f"redis+sentinel://:right@127.0.0.1:{free_port()},127.0.0.1:{port}/shop/0"
            async with Redis(port=port, protocol=2) as asking:

                async def knows_both() -> bool:
                    answer = await asking.execute_command("SENTINEL", "REPLICAS", "shop")  # type: ignore[no-untyped-call]
                    return bool(answer)

                async def answers() -> bool:
                    try:
                        return bool(await asking.ping())
                    except RedisConnectionError:
                        return False

                await until(answers, LONG, "the sentinel answers")
                await until(knows_both, 15, "the sentinel knows the replica")
            await works(url)
            async with process(url) as one:
                first.kill()
                await until(lambda: one.trouble, LONG, "the loss is seen")
                await until(lambda: not one.trouble, 20, "the next primary is used")
                async with Redis.from_url(second.url, password="right") as bare:
                    assert await one.allow("after", 1, 60) == 0.0
                    assert await bare.keys("frontdesk:limit:*")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Self-made, for 127.0.0.1; the key is beside it."""
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
    return tmp_path / "certificate.pem"


@asynccontextmanager
async def behind_tls(certificate: Path, server: Server) -> AsyncIterator[int]:
    """A port that speaks TLS and leads to the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    target = int(server.url.rpartition(":")[2].removesuffix("/0"))

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(copy(reader, back), copy(there, writer))

    listening = await asyncio.start_server(lead, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


async def test_tls(server: Server, certificate: Path) -> None:
    async with behind_tls(certificate, server) as port:
        await works(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificate}")
        await works(f"rediss://127.0.0.1:{port}/0?ssl_cert_reqs=none&ssl_check_hostname=no", "another")
        async with process(f"rediss://127.0.0.1:{port}/0") as one:
            assert "CERTIFICATE_VERIFY_FAILED" in one.trouble
            assert one.trouble.endswith("or name its authority with ssl_ca_certs in `signal.url`")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "its beginning is not known"),
        ("127.0.0.1:6379", "its beginning is not known"),
        ("http://127.0.0.1", "its beginning is not known"),
        ("redis+what://127.0.0.1", "its beginning is not known"),
        ("unix+cluster:///a", "its beginning is not known"),
        ("unix://", "the socket's path is missing"),
        ("redis://", "the host is missing"),
        ("redis:///0", "the host is missing"),
        ("redis://:hunter2@h:port/0", "its port is not one"),
        ("redis://:hunter2/1@h/0", "its port is not one"),
        ("redis://h:99999/0", "its port is not one"),
        ("redis://h/zero", "the database is not a number"),
        ("redis://h/0?frobnicate=1", "the option 'frobnicate' is not known"),
        ("redis://h/0?socket_timeout=soon", "Invalid value for 'socket_timeout'"),
        ("redis://:hunter2@[h/0", "its host cannot be read"),
        ("redis://:hunter2\u2100@h", "its host cannot be read"),
        ("rediss://h/0?ssl_ca_certs=/nowhere/ca.pem", "No such file"),
        ("rediss://h/0?ssl_cert_reqs=maybe", "maybe"),
        ("redis+sentinel://h:26379", "the service's name is missing"),
        ("redis+sentinel://h:26379/shop/zero", "the database is not a number"),
        ("redis+sentinel://h,,h2/shop", "a host's name is missing"),
        ("redis+sentinel:///shop", "a host's name is missing"),
        ("redis+cluster://h:6379/3", "a cluster has no database but 0"),
        ("redis+cluster://h:port", "its port is not one"),
        ("redis+cluster://:hunter2@h?frobnicate=1", "the option 'frobnicate' is not known"),
        ("redis+sentinel://:hunter2@h/shop?frobnicate=1", "the option 'frobnicate' is not known"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_the_forms(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_address(url, 1.0)
    sentence = str(refused.value)
    assert said in sentence
    assert "write it as one of: redis://" in sentence
    assert "hunter2" not in sentence
    assert "\n" not in sentence


def test_hosts_passwords_and_numbers_are_read() -> None:
    sentinel = read_address("redis+sentinel://u:p%40@[::1],h2:27/shop/4?sentinel_password=s", 1.0)
    assert sentinel.hosts == (("::1", 26_379), ("h2", 27))
    assert (sentinel.service, sentinel.options["db"], sentinel.options["password"]) == ("shop", 4, "p@")
    assert sentinel.sentinel_options == {"password": "s"}
    assert set(sentinel.secrets()) == {"p@", "s"}
    cluster = read_address("rediss+cluster://u:p@h1:7000,h2", 1.0)
    assert cluster.hosts == (("h1", 7000), ("h2", 6379))
