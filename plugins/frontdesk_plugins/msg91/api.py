"""Calls of MSG91's API."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from frontdesk.calling import exchange, guarded_url
from frontdesk.plugin import ConfigError, Tools
from frontdesk.ports import OutcomeUnknown, TemporaryFailure
from frontdesk_plugins.msg91.answers import read_answer
from frontdesk_plugins.msg91.fields import Post
from frontdesk_plugins.msg91.options import Options

VENDOR = "MSG91"
SESSION = "whatsapp/whatsapp-outbound-message/"
BULK = "whatsapp/whatsapp-outbound-message/bulk/"
LOGS = "report/logs/wa"


class Api:
    """The API for one account."""

    def __init__(self, channel: str, options: Options, tools: Tools) -> None:
        found = guarded_url(options.base_url)
        if found is None:
            raise ConfigError(
                f"[channels.{channel}] base_url: {options.base_url!r} is no address that may see the authkey; leave it "
                "out for MSG91's, or use https, or http on 127.0.0.1"
            )
        self.options = options
        self.clock = tools.clock
        self.transport = tools.transport
        self.base = found
        self._root = str(found).rstrip("/")
        self._headers = {"authkey": options.authkey.reveal(), "Accept": "application/json", "User-Agent": "Frontdesk"}

    @property
    def is_local(self) -> bool:
        """Whether an emulator on this machine stands in for MSG91."""
        return self.base.scheme == "http"

    async def post(self, path: str, body: bytes = b"", query: Mapping[str, str] | None = None) -> Post:
        """The answer to a send. Raises the three failures."""
        headers = {**self._headers, **({"Content-Type": "application/json"} if body else {})}
        return await self._call("POST", path, query, body, headers, is_repeatable=False)

    async def ask(self, path: str, question: Mapping[str, str]) -> Post:
        """The answer to a question, which may be asked again. Raises TemporaryFailure or PermanentFailure."""
        try:
            return await self._call(self.options.log_method, path, question, b"", self._headers, is_repeatable=True)
        except OutcomeUnknown as failure:  # whether it was carried out makes no difference to a question
            raise TemporaryFailure(str(failure), code="log") from failure

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes,
        headers: Mapping[str, str],
        *,
        is_repeatable: bool,
    ) -> Post:
        url = httpx.URL(f"{self._root}/{path}", params=query)
        timeout = {"timeout": {"read": self.options.timeout_seconds}}
        request = httpx.Request(method, url, content=body, headers=headers, extensions=timeout)
        response, answer = await exchange(self.transport, request, VENDOR, is_repeatable=is_repeatable)
        return read_answer(response, answer, self.clock.now())
