"""The customer's phone as a page: one template, static files beside it, nothing inline."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from frontdesk.emulator.options import EmulatorOptions

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob: https:; media-src 'self' data:"
    " blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def phone_routes(options: EmulatorOptions) -> list[BaseRoute]:
    """`/phone` and what it loads."""
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined)
    template = environment.get_template("phone.html")

    async def phone(_: Request) -> Response:
        html = template.render(options=options)
        return HTMLResponse(html, headers={"content-security-policy": _POLICY, "cache-control": "no-store"})

    return [
        Route("/phone", phone, methods=["GET"]),
        Mount("/phone/static", StaticFiles(directory=_HERE / "static"), name="phone-static"),
    ]
