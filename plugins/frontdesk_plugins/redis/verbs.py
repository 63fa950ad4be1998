"""What is asked of Redis: five small scripts, one list, and channels. Every command touches one key, so that a cluster
takes them all; a script is sent whole each time, so that a server that forgot everything knows it."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any, cast

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub

from frontdesk_plugins.redis.address import BLOCK_SECONDS, Address, close

_HERE = Path(__file__).parent
_ALLOW, _ENTER, _PRESENT, _TELL = (
    (_HERE / f"{name}.lua").read_text() for name in ("allow", "enter", "present", "tell")
)

TOKENS_MAX = 16
TOKEN_SECONDS = 5.0
"""A wake-up that nobody took by then has been overtaken by polling."""


class Verbs:
    """One client's."""

    def __init__(self, address: Address, prefix: str) -> None:
        self._address = address
        self._prefix = prefix
        self._client: Redis | RedisCluster = address.client()

    def key(self, *parts: str) -> str:
        """The name of a key or a channel."""
        return ":".join((self._prefix, *parts))

    async def allow(self, key: str, limit: int, per_seconds: float) -> float:
        """See `Signal.allow`. The key may be a person's name or address, and of any length: only its hash goes out."""
        name = self.key("limit", sha256(key.encode()).hexdigest())
        return int(await self._run(_ALLOW, name, limit, ceil(per_seconds * 1e6))) / 1e6

    async def enter(self, room: str, who: str, seconds: float) -> None:
        """See `Signal.enter`."""
        await self._run(_ENTER, self.key("room", room), who, ceil(seconds * 1e3))

    async def leave(self, room: str, who: str) -> None:
        """See `Signal.leave`."""
        await self._ask("ZREM", self.key("room", room), who)

    async def present(self, room: str) -> frozenset[str]:
        """See `Signal.present`."""
        return frozenset(cast("list[str]", await self._run(_PRESENT, self.key("room", room))))

    async def tell(self, words: Iterable[tuple[str, str]], *, waker: str, at: str = "wake") -> bool:
        """Wake one process that waits in `take`, in the name of `waker` if there is one, and say words on channels.
        True: done."""
        said = [part for channel, text in words for part in (channel, text)]
        await self._run(_TELL, self.key(at), waker, TOKENS_MAX, ceil(TOKEN_SECONDS * 1e3), *said)
        return True

    async def take(self, at: str = "wake") -> str:
        """Wait for a wake-up, for `BLOCK_SECONDS` at most: who sent it, "" if none came."""
        taken = await self._ask("BLPOP", self.key(at), BLOCK_SECONDS)
        return str(taken[1]) if taken else ""

    async def ping(self) -> None:
        """Whether the server answers."""
        await self._ask("EXISTS", self.key("wake"))

    async def rehearse(self) -> None:
        """Everything once: what will be refused is refused now."""
        await self.allow("rehearsal", 1_000_000, 1.0)
        await self.enter("", "", 1.0)
        await self.present("")
        await self.leave("", "")
        await self.tell([(self.key("words", ""), "")], waker="rehearsal", at="rehearsal")
        await self.take(at="rehearsal")
        hearing = await self.hear()
        try:
            await hearing.subscribe(self.key("words"))
            await hearing.get_message(timeout=BLOCK_SECONDS)
        finally:
            await hearing.aclose()

    async def hear(self) -> Hearing:
        """A connection for channels; in a cluster to any node, for all of them hear everything."""
        client = self._client
        if isinstance(client, RedisCluster):
            await client.initialize()
            node = client.get_random_node()
            client = self._address.at(host=node.host, port=node.port)
            return Hearing(client.pubsub(), client)
        return Hearing(client.pubsub(), None)

    async def close(self) -> None:
        """Close all connections."""
        await close(self._client)

    async def _run(self, script: str, key: str, *words: str | float) -> Any:
        return await self._ask("EVAL", script, 1, key, *words)

    async def _ask(self, *words: str | float) -> Any:
        try:
            return await self._client.execute_command(*words)
        except RuntimeError as error:
            # uvloop's way to say that the connection is closed, which redis-py passes on as it is
            if "the handler is closed" in str(error):
                raise ConnectionResetError(str(error)) from error
            raise


class Hearing:
    """Channels that are heard. `client`: one of its own, closed with it."""

    def __init__(self, pubsub: PubSub, client: Redis | None) -> None:
        self._pubsub = pubsub
        self._client = client
        self.subscribe = pubsub.subscribe
        self.unsubscribe = pubsub.unsubscribe
        self.get_message = pubsub.get_message

    async def aclose(self) -> None:
        """Close the connection."""
        await self._pubsub.aclose()  # type: ignore[no-untyped-call]
        if self._client is not None:
            await close(self._client)
