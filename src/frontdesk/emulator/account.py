"""The quiet part of the Graph API: files, the number, the account, the token, the app; and the unknown path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.graph import after, before
from frontdesk.emulator.requests import authenticate, check_version, missing_object
from frontdesk.emulator.vendor import Vendor

_PREFIX = "/v{major:int}.{minor:int}"
_DEFAULT_FIELDS = "id,verified_name,code_verification_status,display_phone_number,quality_rating,platform_type"


class Call:
    """One endpoint: checks version and token, runs `answer`, turns a refusal into Meta's body."""

    def __init__(
        self, vendor: Vendor, answer: Callable[[Request], Awaitable[object]], *, app: bool = False, step: str = ""
    ) -> None:
        self._vendor = vendor
        self._answer = answer
        self._app = app
        self._is_media = step == "media"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request = Request(scope, receive)
        struck = self._vendor.faults.draw("media") if self._is_media else {}
        try:
            self._admit(request)
            if await before(struck, receive, send):
                return
            content = await self._answer(request)
            response = Response(msgspec.json.encode(content), media_type="application/json")
        except GraphError as refusal:
            self._vendor.ledger.reject(refusal.http_status, refusal.code, refusal.details, request.url.path.encode())
            response = Response(refusal.body(), refusal.http_status, media_type="application/json")
        if await after(struck, receive):
            return
        await response(scope, receive, send)

    def _admit(self, request: Request) -> None:
        where = request.path_params
        rest = request.url.path.partition("/v")[2].partition("/")[2]
        check_version(self._vendor.options, where["major"], where["minor"], rest)
        token = request.query_params.get("access_token", "")
        authenticate(self._vendor.options, request.headers.get("authorization", ""), token, app=self._app)
        self._vendor.media.learn_base_url(str(request.base_url))


class Account:
    """The endpoints about the account's belongings."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._options = vendor.options
        self.routes: list[BaseRoute] = [
            self._route("/{node}/media", self.upload, "POST", step="media"),
            self._route("/debug_token", self.debug_token, "GET", app=True),
            self._route("/{node}/subscriptions", self.subscriptions, "GET", app=True),
            self._route("/{node}/subscribed_apps", self.subscribed_apps, "GET"),
            self._route("/{node}/phone_numbers", self.phone_numbers, "GET"),
            self._route("/{node}", self.remove, "DELETE", step="media"),
            self._route("/{node}", self.node, "GET", app=True),
            Route("/whatsapp_business/attachments/", self.download, methods=["GET"]),
        ]
        self.fallback: list[BaseRoute] = [Route("/{rest:path}", _Unknown(vendor))]

    def _route(
        self,
        path: str,
        answer: Callable[[Request], Awaitable[object]],
        method: str,
        *,
        app: bool = False,
        step: str = "",
    ) -> Route:
        return Route(_PREFIX + path, Call(self._vendor, answer, app=app, step=step), methods=[method])

    async def upload(self, request: Request) -> object:
        """`POST /{phone_number_id}/media`, multipart."""
        self._own(request, self._options.phone_number_id)
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise GraphError("100_invalid_parameter", "The body must be sent as multipart/form-data.")
        async with request.form() as form:
            if form.get("messaging_product") != "whatsapp":
                reason = "The parameter messaging_product is required."
                raise GraphError("100_invalid_parameter", reason, message=f"(#100) {reason}")
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise GraphError("131008_missing_param", "The parameter file is required.")
            declared = form.get("type")
            mime_type = (declared if isinstance(declared, str) else "") or file.content_type or ""
            shelved = self._vendor.media.upload(await file.read(), mime_type, file.filename)
        return {"id": shelved.id}

    async def node(self, request: Request) -> object:
        """`GET /{id}`: a file, the number, the account, the app or `me`."""
        node = request.path_params["node"]
        if node == self._options.phone_number_id:
            return self._number(request.query_params.get("fields", _DEFAULT_FIELDS))
        if node == self._options.waba_id:
            return {"id": node, "name": self._options.business_name, "currency": "USD", "timezone_id": "1"}
        if node == self._options.app_id:
            return {"id": node, "name": self._options.business_name, "link": self._app_link()}
        if node == "me":
            return {"id": "104000000000001", "name": self._options.business_name}
        file = self._vendor.media.get(node)
        owner = request.query_params.get("phone_number_id", self._options.phone_number_id)
        if file is None or owner != self._options.phone_number_id:
            raise missing_object("get", node)
        return self._vendor.media.describe(file)

    async def remove(self, request: Request) -> object:
        """`DELETE /{media_id}`."""
        node = request.path_params["node"]
        if not self._vendor.media.has(node):
            raise missing_object("delete", node)
        self._vendor.media.remove(node)
        return {"success": True}

    async def download(self, request: Request) -> Response:
        """The bytes of a file: the token again, a caller that names itself, an address that is not stale."""
        try:
            authenticate(self._options, request.headers.get("authorization", ""))
        except GraphError as refusal:
            return Response(refusal.body(), 401, media_type="application/json")
        if not request.headers.get("user-agent"):
            return Response("Sorry, this content isn't available right now", 403, media_type="text/html")
        query = request.query_params
        file = self._vendor.media.open(query.get("mid", ""), query.get("ext", "0"), query.get("hash", ""))
        if file is None:
            return Response("Not Found", 404, media_type="text/plain")
        return Response(file.content, headers={"content-type": file.mime_type})

    async def subscribed_apps(self, request: Request) -> object:
        """`GET /{waba_id}/subscribed_apps`."""
        self._own(request, self._options.waba_id)
        app = {"id": self._options.app_id, "link": self._app_link(), "name": self._options.business_name}
        return {"data": [{"whatsapp_business_api_data": app}]}

    async def phone_numbers(self, request: Request) -> object:
        """`GET /{waba_id}/phone_numbers`."""
        self._own(request, self._options.waba_id)
        fields = _DEFAULT_FIELDS + ",throughput,webhook_configuration"
        return {"data": [self._number(fields)], "paging": {"cursors": {"before": "QQ", "after": "QQ"}}}

    async def subscriptions(self, request: Request) -> object:
        """`GET /{app_id}/subscriptions`: only the app's own token may ask."""
        self._own(request, self._options.app_id)
        fields = [{"name": "messages", "version": self._options.versions[-1]}]
        subscription = {
            "object": "whatsapp_business_account",
            "callback_url": self._options.callback_url or "",
            "active": self._options.callback_url is not None,
            "fields": fields,
        }
        return {"data": [subscription] if self._options.callback_url else []}

    async def debug_token(self, request: Request) -> object:
        """`GET /debug_token?input_token=…`."""
        token = request.query_params.get("input_token")
        if not token:
            raise GraphError("131008_missing_param", "The parameter input_token is required.")
        head: dict[str, Any] = {"app_id": self._options.app_id, "application": self._options.business_name}
        if token != self._options.access_token:
            error = {"code": 190, "message": "Error validating access token: Session has expired", "subcode": 463}
            expired = {"type": "USER", "error": error, "expires_at": 1, "is_valid": False, "scopes": []}
            return {"data": {**head, **expired}}
        scopes = ["whatsapp_business_management", "whatsapp_business_messaging"]
        valid = {
            "type": "SYSTEM_USER",
            "data_access_expires_at": 0,
            "expires_at": 0,
            "is_valid": True,
            "issued_at": 1793000000,
            "scopes": scopes,
            "granular_scopes": [{"scope": scope, "target_ids": [self._options.waba_id]} for scope in scopes],
            "user_id": "104000000000001",
        }
        return {"data": {**head, **valid}}

    def _number(self, fields: str) -> dict[str, Any]:
        known = self._everything()
        wanted = {name.strip().partition("{")[0] for name in fields.split(",") if name.strip()}
        for name in wanted - known.keys():
            reason = f"Tried accessing nonexisting field ({name}) on node type (WhatsAppBusinessPhoneNumber)"
            raise GraphError("100_invalid_parameter", reason, message=f"(#100) {reason}")
        return {name: value for name, value in known.items() if name in wanted or name == "id"}

    def _everything(self) -> dict[str, Any]:
        options = self._options
        ids = {"PHONE_NUMBER": options.phone_number_id, "WABA": options.waba_id, "APP": options.app_id}
        entities = [{"entity_type": kind, "id": node, "can_send_message": "AVAILABLE"} for kind, node in ids.items()]
        return {
            "id": options.phone_number_id,
            "display_phone_number": f"+{options.display_phone_number}",
            "verified_name": options.business_name,
            "status": "CONNECTED",
            "quality_rating": "GREEN",
            "name_status": "APPROVED",
            "code_verification_status": "VERIFIED",
            "account_mode": "LIVE",
            "platform_type": "CLOUD_API",
            "throughput": {"level": "STANDARD"},
            "is_on_biz_app": False,
            "whatsapp_business_manager_messaging_limit": "TIER_2K",
            "webhook_configuration": {"application": options.callback_url or ""},
            "health_status": {"can_send_message": "AVAILABLE", "entities": entities},
            "last_onboarded_time": "2026-05-02T10:00:00+0000",
        }

    def _own(self, request: Request, node: str) -> None:
        if request.path_params["node"] != node:
            raise missing_object(request.method, request.path_params["node"])

    def _app_link(self) -> str:
        return f"https://www.facebook.com/games/?app_id={self._options.app_id}"


class _Unknown:
    """Every other path: Meta's own way of not knowing it."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse."""
        path = scope["path"]
        rest = path.partition("/v")[2].partition("/")[2] if path.startswith("/v") else path.lstrip("/")
        refusal = GraphError("2500_unknown_version", message=f"Unknown path components: /{rest}")
        response = Response(refusal.body(), refusal.http_status, media_type="application/json")
        await response(scope, receive, send)
