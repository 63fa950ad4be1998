"""Where Redis is: one server, a sentinel's primary, or a cluster. Reading an address opens nothing."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from redis.asyncio import ConnectionPool, Redis, RedisCluster, Sentinel, SSLConnection
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from frontdesk.plugin import ConfigError

BLOCK_SECONDS = 1.0
"""The longest that a command waits on the server."""

FORMS = (
    "redis://[user:password@]host[:port][/number], rediss://… (TLS), unix:///path/to/socket, "
    "redis+sentinel://[user:password@]host[:port],host[:port]/service[/number], "
    "redis+cluster://[user:password@]host[:port],…, rediss+sentinel://…, rediss+cluster://…"
)

_PORTS = {"sentinel": 26_379, "cluster": 6_379}
_SENTINEL = "sentinel_"
_OF_THE_SERVER = {"username", "password", "db"}


class Address(Struct, frozen=True, kw_only=True):
    """An address that was read. `options`: what redis-py takes for one connection."""

    form: str
    options: dict[str, Any]
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_options: dict[str, Any] = {}

    def client(self) -> Redis | RedisCluster:
        """A client of whatever stands there; it opens nothing yet and repeats nothing by itself."""
        if self.form == "cluster":
            return self._cluster()
        if self.form == "sentinel":
            # A sentinel has a password of its own, or none.
            shared = {name: value for name, value in _plain(self.options).items() if name not in _OF_THE_SERVER}
            asking = _unrepeated({**shared, **self.sentinel_options})
            sentinel = Sentinel(  # type: ignore[no-untyped-call]
                list(self.hosts), sentinel_kwargs=asking, **_unrepeated(_plain(self.options))
            )
            return cast("Redis", sentinel.master_for(self.service))
        return self.at()

    def at(self, **place: Any) -> Redis:
        """A client of one server; `place`: another host and port with the same options."""
        return Redis.from_pool(ConnectionPool(**_unrepeated({**self.options, **place})))

    def _cluster(self) -> RedisCluster:
        options = _unrepeated(_plain(self.options))
        return RedisCluster(startup_nodes=[ClusterNode(host, port) for host, port in self.hosts], **options)

    def secrets(self) -> list[str]:
        """What must not be seen in any sentence."""
        found = {**self.options, **{f"of the sentinel {name}": one for name, one in self.sentinel_options.items()}}
        return [str(value) for name, value in found.items() if name.endswith("password") and value]


def read_address(url: str, connect_timeout_seconds: float) -> Address:
    """Raises ConfigError: one sentence with the cure, without the password."""
    try:
        address = _read(url, connect_timeout_seconds)
        _try_options(address)
    except (ValueError, TypeError, OSError, RedisError, RedisClusterException) as error:
        raise ConfigError(f"signal.url cannot be used ({_told(error)}); write it as one of: {FORMS}") from error
    return address


def _read(url: str, connect_timeout_seconds: float) -> Address:
    parts = _split(url)
    scheme, _, form = parts.scheme.partition("+")
    if scheme not in {"redis", "rediss", "unix"} or form not in {"", *_PORTS} or (scheme == "unix" and form):
        raise ValueError("its beginning is not known")
    if scheme == "unix" and not parts.path:
        raise ValueError("the socket's path is missing")
    if not form:
        return Address(form="", options=_options(url, parts, connect_timeout_seconds))
    who, _, names = parts.netloc.rpartition("@")
    service, _, number = parts.path.strip("/").partition("/")
    if form == "cluster":
        service, number = "", service
    elif not service:
        raise ValueError("the service's name is missing")
    one = parts._replace(scheme=scheme, netloc=f"{who}@host" if who else "host", path=f"/{number}")
    options = _options(one.geturl(), one, connect_timeout_seconds)
    return Address(
        form=form,
        options={name: value for name, value in options.items() if not name.startswith(_SENTINEL) and name != "host"},
        hosts=tuple(_host(name, _PORTS[form]) for name in names.split(",")),
        service=service,
        sentinel_options={
            name.removeprefix(_SENTINEL): value for name, value in options.items() if name.startswith(_SENTINEL)
        },
    )


def _host(name: str, default_port: int) -> tuple[str, int]:
    parts = _split(f"//{name}")
    if not parts.hostname:
        raise ValueError("a host's name is missing")
    return parts.hostname, _port(parts) or default_port


def _split(url: str) -> SplitResult:
    """Python's own complaints repeat what it could not read, which may be a password with a `/` in it."""
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError("its host cannot be read; a password's special characters are written as %2F") from None


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise ValueError("its port is not one; a password's special characters are written as %2F") from None


def _options(url: str, parts: SplitResult, connect_timeout_seconds: float) -> dict[str, Any]:
    """The URL's options and ours. The words of a number are checked here: redis-py takes 0 for what it cannot read."""
    _port(parts)
    number = parts.path.strip("/") if parts.scheme != "unix" else ""
    if number and not number.isdecimal():
        raise ValueError("the database is not a number")
    if parts.scheme != "unix" and not parts.hostname:
        raise ValueError("the host is missing")
    return {
        "socket_timeout": connect_timeout_seconds + BLOCK_SECONDS,
        **parse_url(url),
        "socket_connect_timeout": connect_timeout_seconds,
        "decode_responses": True,
        "protocol": 2,
    }


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """The options as clients of several servers want them: TLS by a flag instead of a class."""
    is_tls = options.get("connection_class") is SSLConnection
    return {name: value for name, value in options.items() if name != "connection_class"} | (
        {"ssl": True} if is_tls else {}
    )


def _unrepeated(options: dict[str, Any]) -> dict[str, Any]:
    """Reconnecting is the link's: whoever asks must not be kept waiting by tries below."""
    return {**options, "retry": Retry(NoBackoff(), 0)}


async def close(client: Redis | RedisCluster) -> None:
    """Close a client with all that it opened."""
    await client.aclose()
    if isinstance(client, RedisCluster):
        # A cluster client that never came to be forgets the connections that it tried.
        for node in client.startup_nodes:
            await node.disconnect()
    else:
        sentinel = getattr(client.connection_pool, "sentinel_manager", None)
        for one in sentinel.sentinels if sentinel else ():
            await one.aclose()


def _try_options(address: Address) -> None:
    """What redis-py would find out at the first connection."""
    if address.form == "cluster" and address.options.get("db"):
        raise ValueError("a cluster has no database but 0")
    connection = address.at().connection_pool.make_connection()  # type: ignore[no-untyped-call]
    context = getattr(connection, "ssl_context", None)
    if context is not None:
        context.get()
    if address.form:
        address.client()


def _told(error: Exception) -> str:
    told = " ".join(str(error).split())
    unknown = told.rpartition("unexpected keyword argument ")[2]
    return f"the option {unknown} is not known" if unknown != told else told
