"""Webhooks out: signed bytes, concurrent, retried until a 200, and every mischief the network can do to them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx
from msgspec import Struct, field

from frontdesk.emulator.faults import Faults, Kind, Rule
from frontdesk.emulator.options import EmulatorOptions

_LOSS: frozenset[Kind] = frozenset({"lost_status"})
_TRANSIT: frozenset[Kind] = frozenset({"latency", "duplicate", "reorder", "batch"})
_REFUSAL: frozenset[Kind] = frozenset({"refuse"})
_JSON = json.JSONEncoder(separators=(",", ":"))
_UPDATES_MAX = 1000
"""So many Meta puts into one POST at most."""


class Letter(Struct, frozen=True, kw_only=True):
    """A POST of its own, ready to go: `place` is what stands behind the callback URL."""

    place: str
    headers: dict[str, str]
    body: bytes


class Update(Struct, kw_only=True, eq=False):
    """One change on its way to the service: Meta's `value`, or a `letter` of another vendor's. `names` are its
    contact's; `on_done` is called at the first 200."""

    value: dict[str, Any] | None = None
    letter: Letter | None = None
    names: tuple[str | None, ...] = ()
    is_status: bool = False
    on_done: Callable[[], None] | None = None


class Delivery(Struct, kw_only=True, eq=False):
    """One POST and its repetitions; the bytes stay the same, as a retry's do."""

    updates: list[Update]
    letter: Letter
    first_at: float
    attempts: int = 0
    on_attempted: list[Callable[[], None]] = field(default_factory=list)


class Counts(Struct, kw_only=True):
    """How the deliveries stand; `pending_letters` are those of `pending` that are not Meta's."""

    pending: int = 0
    pending_letters: int = 0
    delivered: int = 0
    attempts: int = 0
    refused: int = 0
    given_up: int = 0
    last_answer: int | None = None
    last_error: str | None = None


def write(waba_id: str, values: list[dict[str, Any]]) -> bytes:
    r"""The body as Meta writes it: `\uXXXX` for what is not ASCII, `\/` for a slash. Two changes share an entry."""
    changes = [{"value": value, "field": "messages"} for value in values]
    entries = [{"id": waba_id, "changes": changes[at : at + 2]} for at in range(0, len(changes), 2)]
    text = _JSON.encode({"object": "whatsapp_business_account", "entry": entries})
    return text.replace("/", "\\/").encode("ascii")


def sign(app_secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256` over exactly these bytes."""
    return "sha256=" + hmac.digest(app_secret.encode(), body, hashlib.sha256).hex()


class Webhooks:
    """The backlog and the hands that empty it. In memory: it survives the service, not the emulator."""

    def __init__(self, options: EmulatorOptions, faults: Faults, transport: httpx.AsyncBaseTransport | None) -> None:
        self._options = options
        self._faults = faults
        self._transport = transport
        self._url = httpx.URL(options.callback_url) if options.callback_url else None
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self._bundle: list[Update] = []
        self._held: dict[str | None, Update] = {}
        self._cut_off: list[Update] = []
        self._generation = 0
        self.counts = Counts()

    async def run(self) -> None:
        """Deliver until cancelled."""
        if self._transport is None:
            # httpx's own pool is quadratic in the requests in flight; a load test would measure that.
            from pyreqwest.compatibility.httpx import HttpxTransport

            self._transport = HttpxTransport()
        try:
            async with asyncio.TaskGroup() as hands:
                for _ in range(self._options.webhook_concurrency):
                    hands.create_task(self._deliver_all())
        finally:
            await self._transport.aclose()

    @property
    def is_connected(self) -> bool:
        """Whether there is a callback URL at all."""
        return self._url is not None

    def clear(self) -> None:
        """Forget the backlog; what is on the wire at this moment arrives all the same."""
        self._generation += 1
        while not self._queue.empty():
            self._queue.get_nowait()
        self._bundle.clear()
        self._held.clear()
        self._cut_off.clear()
        self.counts = Counts()

    def send(self, update: Update) -> None:
        """Put one change on its way, through whatever trouble is set up for it."""
        if self._url is None:
            return
        if update.is_status and self._faults.draw("webhook", *update.names, kinds=_LOSS):
            return
        struck = self._faults.draw("webhook", *update.names, kinds=_TRANSIT)
        self._count(update, 1)
        if rule := struck.get("latency"):
            self._later(rule.seconds(), self._send_now, update, struck)
        else:
            self._send_now(update, struck)

    def _count(self, update: Update, more: int) -> None:
        self.counts.pending += more
        self.counts.pending_letters += more if update.letter is not None else 0

    def resume(self) -> None:
        """Send what waited for a cut to end; asked after every change of the rules."""
        if not self._faults.is_cut():
            waiting, self._cut_off = self._cut_off, []
            for update in waiting:
                self._post([update])

    def _send_now(self, update: Update, struck: dict[Kind, Rule]) -> None:
        if (rule := struck.get("batch")) and update.letter is None:
            if not self._bundle:
                self._later(rule.seconds(), self._flush_bundle)
            self._bundle.append(update)
            if len(self._bundle) >= _UPDATES_MAX:
                self._flush_bundle()
            return
        who = next((name for name in update.names if name), None)
        earlier = self._held.pop(who, None)
        if earlier is None and (rule := struck.get("reorder")):
            self._held[who] = update
            self._later(rule.seconds(), self._release, who, update)
            return
        delivery = self._post([update])
        if delivery is not None and "duplicate" in struck:
            self._count(update, 1)
            self._queue.put_nowait(delivery)
        if earlier is not None and delivery is not None:
            delivery.on_attempted.append(lambda: self._again(earlier))

    def _again(self, update: Update) -> None:
        self._post([update])

    def _release(self, who: str | None, update: Update) -> None:
        if self._held.get(who) is update:
            del self._held[who]
            self._post([update])

    def _flush_bundle(self) -> None:
        bundle, self._bundle = self._bundle, []
        self.counts.pending -= max(len(bundle) - 1, 0)
        if bundle:
            self._post(bundle)

    def _post(self, updates: list[Update]) -> Delivery | None:
        if self._faults.is_cut():
            self._cut_off.extend(updates)
            return None
        letter = updates[0].letter or self._seal([update.value for update in updates if update.value is not None])
        delivery = Delivery(updates=updates, letter=letter, first_at=asyncio.get_running_loop().time())
        self._queue.put_nowait(delivery)
        return delivery

    def _seal(self, values: list[dict[str, Any]]) -> Letter:
        body = write(self._options.waba_id, values)
        signature = sign(self._options.app_secret, body)
        return Letter(
            place="", headers={"x-hub-signature-256": signature, "user-agent": "facebookexternalua"}, body=body
        )

    async def _deliver_all(self) -> None:
        while True:
            delivery = await self._queue.get()
            generation = self._generation
            was_taken = await self._attempt(delivery)
            waiting, delivery.on_attempted = delivery.on_attempted, []
            for call in waiting:
                call()
            if generation != self._generation:
                continue
            if was_taken:
                self._done(delivery)
            else:
                self._retry(delivery)

    def _done(self, delivery: Delivery) -> None:
        self.counts.delivered += 1
        self._count(delivery.updates[0], -1)
        for update in delivery.updates:
            if update.on_done is not None:
                update.on_done()

    def _retry(self, delivery: Delivery) -> None:
        loop = asyncio.get_running_loop()
        gaps = self._options.retry_seconds
        gap = gaps[min(delivery.attempts, len(gaps)) - 1] * self._options.retry_scale
        if loop.time() + gap - delivery.first_at > self._options.retry_for_seconds:
            self.counts.given_up += 1
            self._count(delivery.updates[0], -1)
        else:
            self._later(gap, self._queue.put_nowait, delivery)

    def _later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        generation = self._generation

        def call_unless_cleared() -> None:
            if generation == self._generation:
                call(*arguments)

        asyncio.get_running_loop().call_later(seconds, call_unless_cleared)

    async def _attempt(self, delivery: Delivery) -> bool:
        delivery.attempts += 1
        self.counts.attempts += 1
        if self._faults.draw("webhook", *delivery.updates[0].names, kinds=_REFUSAL):
            self.counts.refused += 1
            return False
        letter = delivery.letter
        headers = {"content-type": "application/json", **letter.headers}
        answer = await self._exchange("POST", headers, letter.body, place=letter.place)
        self.counts.last_answer = answer.status_code if answer is not None else None
        if answer is None or answer.status_code != 200:
            self.counts.refused += 1
            return False
        return True

    async def verify(self, challenge: str) -> httpx.Response | None:
        """The handshake: asks the service to repeat `challenge`; its answer, or None if there was none."""
        if self._url is None:
            return None
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": self._options.verify_token}
        return await self._exchange("GET", {}, b"", query)

    async def _exchange(
        self,
        method: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, str] | None = None,
        *,
        place: str = "",
    ) -> httpx.Response | None:
        if self._url is None or self._transport is None:
            return None
        url = self._url.copy_merge_params(query) if query else self._url
        url = url.copy_with(path=url.path + place) if place else url
        request = httpx.Request(method, url, headers=headers, content=body)
        try:
            async with asyncio.timeout(self._options.webhook_timeout_seconds):
                answer = await self._transport.handle_async_request(request)
                await answer.aread()
        except Exception as cause:  # noqa: BLE001 - whatever the way there breaks with: no answer, so Meta tries again
            self.counts.last_error = repr(cause)
            return None
        return answer
