"""`/healthz`: the process lives. `/readyz`: it can do its work. `/metrics`: how it does it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from frontdesk.config import ServerSettings
from frontdesk.engine.engine import Engine
from frontdesk.engine.metrics import Metrics
from frontdesk.ports import Backlog, Clock, Signal, Store, StoreUnavailable

log = structlog.get_logger("frontdesk.health")

ASK_AGAIN_AFTER = timedelta(seconds=1)

ANSWER_SECONDS = 2.0
"""The longest that these pages wait for the store: an orchestrator waits three."""

STATES = ("pending", "waiting", "started", "unknown")


def _say_why(working: asyncio.Task[None]) -> None:
    if not working.cancelled() and working.exception():
        log.critical("the worker ended; nothing is answered any more", exc_info=working.exception())


class Troubled(Protocol):
    """A part that may work less well than it should."""

    @property
    def trouble(self) -> str:
        """Why, as one sentence with the cure, or ""."""


class OftenTroubled(Protocol):
    """A part that has parts of its own, each of which may be in trouble."""

    def troubles(self) -> list[str]:
        """Why each, as one sentence with the cure; the metrics of all are set."""


class Looking(Protocol):
    """A part that has to look before it knows its troubles."""

    async def look(self) -> list[str]:
        """Each as one sentence with the cure; the metrics are set."""


class Health:
    """What an orchestrator and a dashboard ask."""

    def __init__(  # noqa: PLR0913 -- one name a part; by keyword only
        self,
        *,
        store: Store,
        signal: Signal,
        engine: Engine,
        flows: Troubled,
        knowledge: Troubled,
        models: OftenTroubled,
        budget: Looking,
        metrics: Metrics,
        clock: Clock,
        settings: ServerSettings,
    ) -> None:
        self._needs_worker = settings.role != "web"
        self._store = store
        self._signal = signal
        self._engine = engine
        self._gates = engine.gates
        self._flows = flows
        self._knowledge = knowledge
        self._models = models
        self._budget = budget
        self._metrics = metrics
        self._clock = clock
        self._working: asyncio.Task[None] | None = None
        self._asked_at: datetime | None = None
        self._refusal = ""

    def watch(self, working: asyncio.Task[None]) -> None:
        """The worker whose end means that nothing is answered any more."""
        self._working = working
        working.add_done_callback(_say_why)

    def routes(self) -> list[Route]:
        """The three pages."""
        return [Route("/healthz", self.live), Route("/readyz", self.ready), Route("/metrics", self.metrics)]

    async def live(self, _request: Request) -> Response:
        """200 while the event loop turns."""
        return PlainTextResponse("ok")

    async def ready(self, _request: Request) -> Response:
        """200 with `ready` or `degraded` and why; 503 when messages cannot be accepted."""
        troubles = [
            f"channel {name} is paused: {gate.pause_reason}" for name, gate in self._gates.items() if gate.pause_reason
        ]
        if not self._gates:
            troubles.append("no channel is configured; add [channels.…] to the configuration")
        parts = (self._signal.trouble, self._flows.trouble, self._knowledge.trouble)
        troubles += [*self._engine.troubles(), *filter(None, parts), *self._models.troubles()]
        caps, refusal = await asyncio.gather(self._caps_reached(), self._store_refuses())
        troubles += caps
        status = "degraded" if troubles else "ready"
        if self._needs_worker and (self._working is None or self._working.done()):
            status, troubles = "not ready", ["the worker does not run; restart the service", *troubles]
        if refusal:
            status, troubles = "not ready", [refusal, *troubles]
        return JSONResponse({"status": status, "troubles": troubles}, 503 if status == "not ready" else 200)

    async def _caps_reached(self) -> list[str]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._budget.look()
        except TimeoutError:
            return []  # the store does not answer, and that is said

    async def _store_refuses(self) -> str:
        """Why the store cannot write, or "". Asked once a second at most: the question is a write, and anybody may
        call this page."""
        now = self._clock.now()
        if self._asked_at is None or now - self._asked_at >= ASK_AGAIN_AFTER:
            self._asked_at, refusal = now, ""
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._store.check()
            except StoreUnavailable as error:
                refusal = str(error)
            except TimeoutError:
                refusal = (
                    f"the store has not answered within {ANSWER_SECONDS:.0f} s; "
                    "check that it runs, is reached and is not overloaded"
                )
            self._refusal = refusal
        return self._refusal

    async def metrics(self, _request: Request) -> Response:
        """The registry, with the backlog as it is now; without a store, as it was when last seen."""
        self._metrics.signal_connected.set(not self._signal.trouble)
        self._models.troubles()
        _, backlog = await asyncio.gather(self._caps_reached(), self._backlog())
        if backlog is None:
            return self._registry()
        for state in STATES:
            self._metrics.outbox.labels(state).set(backlog.states.get(state, 0))
        for name, gate in self._gates.items():
            self._metrics.channel_paused.labels(name).set(bool(gate.pause_reason))
            self._metrics.channel_rate.labels(name).set(gate.rate or 0.0)
        self._metrics.waiting_for_people.set(backlog.waiting_for_people)
        oldest = backlog.oldest_due_at
        self._metrics.oldest_seconds.set((self._clock.now() - oldest).total_seconds() if oldest else 0.0)
        return self._registry()

    async def _backlog(self) -> Backlog | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._store.backlog()
        except (StoreUnavailable, TimeoutError):
            return None

    def _registry(self) -> Response:
        return Response(generate_latest(self._metrics.registry), media_type=CONTENT_TYPE_LATEST)
