"""Calls that flows make: `CallHttp` on a host of the configured list, and what came of it.

A flow's path is put behind the host's `base_url` and can lead nowhere else: what would step out of it, in whatever
spelling, is not sent. Redirects are not followed, no proxy or cookie is used, and 256 kB are read at most.

A host that is not `is_private` must not lead into a private network. Its name is resolved right before each call,
and the call is not made if any of its addresses is loopback, private, link-local (where clouds keep their secrets),
multicast or reserved, IPv4 inside IPv6 included. Covered by that: a name that points inside, an address in any
spelling, a name that was moved inside since the start. Not covered: a name server that answers two questions within a
few milliseconds differently, for the transport asks again by itself; a public address that a router of your own leads
inside. Whoever has to fear these needs a firewall around the process; the list of hosts is the operator's, and neither
an author of flows nor a contact can add to it.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

import httpx
from msgspec import Struct

from frontdesk.calling import never_left, retry_after_seconds
from frontdesk.config.hosts import HostSettings, is_public
from frontdesk.core.effect import CallHttp
from frontdesk.core.position import Stored
from frontdesk.engine.answer import NoJson, pick
from frontdesk.plugin import Secret
from frontdesk.ports import Clock

BODY_BYTES_MAX = 262_144
PATH_CHARACTERS_MAX = 8_192

PASSING = {429, 502, 503, 504}
"""Statuses after which another try may succeed."""

MAY_BE_DONE = {302, 303, 408, *range(500, 600)}
"""Statuses that do not tell whether the host did what it was asked; 303 is how a form says that it was taken."""

_PATH = re.compile(r"/(?:[\w\-.~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*", re.ASCII)

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host's name. Raises OSError."""


class Reply(Struct, frozen=True, kw_only=True):
    """What came of one try. `failure` "": it went well. `may_be_done`: the host may have done what it was asked all the
    same. `is_passing`: another try may succeed, not before `retry_after` seconds where the host said so."""

    status: int = 0
    values: dict[str, Stored] = {}
    failure: str = ""
    may_be_done: bool = False
    is_passing: bool = False
    retry_after: float | None = None


class Calls(Protocol):
    """Who makes the calls."""

    async def ask(self, effect: CallHttp) -> Reply:
        """One try. Raises nothing that the network, the host or the path can cause."""


class NoHosts:
    """A configuration without hosts."""

    async def ask(self, effect: CallHttp) -> Reply:
        """There is none."""
        return Reply(failure=f"there is no host {effect.host!r}; add [hosts.{effect.host}] to the configuration")


class HostCalls:
    """Calls over the shared transport. `is_development`: any host may be private."""

    def __init__(
        self,
        hosts: Mapping[str, HostSettings],
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
        *,
        is_development: bool = False,
        resolve: Resolve | None = None,
    ) -> None:
        self._hosts = hosts
        self._transport = transport
        self._clock = clock
        self._is_development = is_development
        self._resolve = resolve or resolve_by_system

    async def ask(self, effect: CallHttp) -> Reply:
        """See the protocol."""
        host = self._hosts.get(effect.host)
        if host is None:
            return await NoHosts().ask(effect)
        if leads_out(effect.path):
            return Reply(
                failure=f"the path of a call would leave host {effect.host} or cannot be sent; "
                "let it begin with / and hold neither // nor steps of dots, and percent-encode its values"
            )
        seconds = min(effect.timeout_seconds, host.timeout_seconds_max)
        try:
            async with asyncio.timeout(seconds):
                refusal = "" if host.is_private or self._is_development else await self._is_inside(effect.host, host)
                return Reply(failure=refusal) if refusal else await self._exchange(effect, host, seconds)
        except TimeoutError:
            return Reply(
                failure=f"host {effect.host} has not answered within {seconds:g} s; look at it, or give it more time",
                may_be_done=True,
                is_passing=True,
            )
        except Exception as error:  # noqa: BLE001 -- the transport raises its own library's errors, too
            return _broken(effect.host, error)

    async def _is_inside(self, name: str, host: HostSettings) -> str:
        """Why the host must not be called, or "". Raises ConnectError where its name is not known."""
        parts = urlsplit(host.base_url)
        try:
            found = await self._resolve(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        inside = next((address for address in found if not is_public(address)), None)
        if inside is None:
            return ""
        return (
            f"host {name} leads to {inside}, which is not on the public internet; "
            f"set hosts.{name}.is_private = true if that is meant"
        )

    async def _exchange(self, effect: CallHttp, host: HostSettings, seconds: float) -> Reply:
        response = await self._transport.handle_async_request(_request(effect, host, seconds))
        try:
            body = await _read(response)
        finally:
            await response.aclose()
        return self._understood(effect, response, body)

    def _understood(self, effect: CallHttp, response: httpx.Response, body: bytes | None) -> Reply:
        status, name = response.status_code, effect.host
        if body is None:
            failure = f"host {name} answers with more than {BODY_BYTES_MAX} bytes; let it answer with less"
            return Reply(status=status, failure=failure, may_be_done=True)
        try:
            values, failure = pick(body, effect.wants), ""
        except NoJson as error:
            values = dict.fromkeys((wanted for wanted, _ in effect.wants), None)
            failure = f"host {name} does not answer with JSON ({error}); correct the path, or the host"
        if status in range(300, 400):
            failure = f"host {name} answers {status}, a redirect, which is not followed; correct base_url or the path"
        elif status not in range(200, 300):
            failure = f"host {name} answers {status}; look at its log for what it misses"
        return Reply(
            status=status,
            values=values,
            failure=failure,
            may_be_done=status in MAY_BE_DONE or (bool(failure) and status in range(200, 300)),
            is_passing=status in PASSING,
            retry_after=retry_after_seconds(response.headers.get("retry-after"), self._clock.now()),
        )


def leads_out(path: str) -> bool:
    """Whether a flow's path could lead anywhere but behind the base it is put after, as any server may read it: with
    `\\` for `/`, or percent-encoded once or twice."""
    if len(path) > PATH_CHARACTERS_MAX or not _PATH.fullmatch(path):
        return True
    steps = path.partition("?")[0]
    readings = (steps, unquote(steps), unquote(unquote(steps)))
    return "//" in steps or any(step in (".", "..") for one in readings for step in re.split(r"[/\\]", one))


async def resolve_by_system(name: str, port: int) -> Sequence[str]:
    """The addresses that this machine knows for a name. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _request(effect: CallHttp, host: HostSettings, seconds: float) -> httpx.Request:
    headers = {"Accept": "application/json", "User-Agent": "Frontdesk"}
    headers |= {name: value.reveal() if isinstance(value, Secret) else value for name, value in host.headers.items()}
    headers |= {"Accept-Encoding": "identity", "Idempotency-Key": effect.id}
    if effect.body:
        headers["Content-Type"] = "application/json"
    url = httpx.URL(host.base_url.rstrip("/") + effect.path)
    extensions = {"timeout": {"read": seconds + 1}}  # ours comes first; this one frees what it leaves behind
    content = effect.body.encode() or None
    return httpx.Request(effect.method, url, headers=headers, content=content, extensions=extensions)


async def _read(response: httpx.Response) -> bytes | None:
    """The body; None where it is longer than we read."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            return None
    return bytes(body)


def _broken(name: str, error: Exception) -> Reply:
    """No whole answer came."""
    if never_left(error):
        return Reply(
            failure=f"host {name} cannot be reached; check that it runs, and hosts.{name}.base_url", is_passing=True
        )
    failure = f"host {name} broke off before its answer was whole ({type(error).__name__}); look at its log"
    return Reply(failure=failure, may_be_done=True, is_passing=True)
