"""The sample shop's own system, which its flows call: orders, free times, bookings. Not a vendor's, and not strict.

    GET  /_shop/orders/{number}          A1001 to A1004, one of each status; 404 for others
    GET  /_shop/slots?day=2026-12-24     the times of a day; none on Sundays
    POST /_shop/bookings                 {"day": …, "time": …, …} -> 201 {"reference": …}; the same Idempotency-Key
                                         gives the same reference again, with 200

`?fault=500` answers with an error, `?fault=slow` after `&seconds=3`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from frontdesk.emulator.clock import now

# Number: status, carrier, in how many days it arrives (or did), what it is.
_ORDERS: dict[str, tuple[str, str | None, int, str]] = {
    "A1001": ("shipped", "Pigeon Parcels", 1, "Brown ankle boots"),
    "A1002": ("being_packed", None, 4, "Running shoes"),
    "A1003": ("delivered", "Pigeon Parcels", -2, "Two pairs of laces"),
    "A1004": ("cancelled", None, 0, "Rain boots"),
}
_TIMES = ("10:00", "15:00", "17:00")
_SUNDAY = 6
_SLOW_SECONDS = 3.0
_SLOW_SECONDS_MAX = 60.0
_FIRST_BOOKING = 7001

_Answer = Callable[[Request], Awaitable[Response]]


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody books; more may be said, and is not looked at."""

    day: date
    time: str


class Shop:
    """The shop, with the bookings that it has taken."""

    def __init__(self) -> None:
        self._references: dict[str, str] = {}
        self._count = 0
        self.routes: list[BaseRoute] = [
            Route("/_shop/orders/{number}", _with_faults(self.order), methods=["GET"]),
            Route("/_shop/slots", _with_faults(self.slots), methods=["GET"]),
            Route("/_shop/bookings", _with_faults(self.book), methods=["POST"]),
        ]

    async def order(self, request: Request) -> Response:
        """How far an order is."""
        number = request.path_params["number"].upper()
        if number not in _ORDERS:
            return _refusal(404, f"there is no order {number}")
        status, carrier, days, goods = _ORDERS[number]
        on = (now().date() + timedelta(days=days)).isoformat()
        items = [{"name": goods, "count": 1}]
        return JSONResponse({"number": number, "status": status, "carrier": carrier, "expected_on": on, "items": items})

    async def slots(self, request: Request) -> Response:
        """When somebody may come on a day."""
        try:
            day = date.fromisoformat(request.query_params.get("day", ""))
        except ValueError:
            return _refusal(400, "say the day as ?day=2026-12-24")
        times = () if day.weekday() == _SUNDAY else _TIMES
        return JSONResponse({"day": day.isoformat(), "times": times})

    async def book(self, request: Request) -> Response:
        """Take a booking, once for each key."""
        try:
            booking = msgspec.json.decode(await request.body(), type=Booking)
        except msgspec.DecodeError as error:
            return _refusal(400, str(error))
        if booking.day.weekday() == _SUNDAY or booking.time not in _TIMES:
            return _refusal(409, "that time is not free")
        key = request.headers.get("idempotency-key", "")
        known = self._references.get(key)
        if known is not None:
            return JSONResponse({"reference": known})
        reference = f"V{_FIRST_BOOKING + self._count}"
        self._count += 1
        if key:
            self._references[key] = reference
        return JSONResponse({"reference": reference}, 201)


def _with_faults(answer: _Answer) -> _Answer:
    async def run(request: Request) -> Response:
        query: Any = request.query_params
        if query.get("fault") == "500":
            return _refusal(500, "the shop's system has a bad day")
        if query.get("fault") == "slow":
            await asyncio.sleep(_seconds(query.get("seconds")))
        return await answer(request)

    return run


def _seconds(text: str | None) -> float:
    try:
        return min(_SLOW_SECONDS_MAX, max(0.0, float(text or _SLOW_SECONDS)))
    except ValueError:
        return _SLOW_SECONDS


def _refusal(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status)
