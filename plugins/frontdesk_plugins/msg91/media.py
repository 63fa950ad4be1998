"""Fetching a contact's file from its public address. The post names the address, so its host is checked against the
allow-list, the authkey never goes there, and redirects are not followed."""

from __future__ import annotations

import httpx

from frontdesk.calling import sort_exception
from frontdesk.core.message import Media
from frontdesk.ports import FetchedMedia, PermanentFailure, ProviderFailure, TemporaryFailure
from frontdesk_plugins.msg91.api import VENDOR, Api


async def fetch_media(api: Api, media: Media) -> FetchedMedia:
    """The whole file. Raises TemporaryFailure or PermanentFailure."""
    if not media.link:
        raise PermanentFailure("MSG91 told no address of the file; see the webhook's body", code="media_missing")
    url = _trusted(api, media.link)
    timeout = {"timeout": {"read": api.options.media_timeout_seconds}}
    request = httpx.Request("GET", url, headers={"Accept-Encoding": "identity"}, extensions=timeout)
    try:
        response = await api.transport.handle_async_request(request)
        try:
            body = await _read(response, api.options.media_bytes_max)
        finally:
            await response.aclose()
    except ProviderFailure:
        raise
    except Exception as error:
        raise sort_exception(error, VENDOR, is_repeatable=True) from error
    mime_type = media.mime_type or response.headers.get("content-type") or "application/octet-stream"
    if not mime_type.lower().startswith(api.options.media_types):
        raise PermanentFailure(f"files of type {mime_type} are not taken", code="media_type")
    return FetchedMedia(body=body, mime_type=mime_type)


def _trusted(api: Api, text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise PermanentFailure("MSG91 gave an address that is none", code="media_host") from error
    if api.is_local and (url.scheme, url.host, url.port) == (api.base.scheme, api.base.host, api.base.port):
        return url
    is_allowed = any(url.host == host or url.host.endswith(f".{host}") for host in api.options.media_hosts)
    if url.scheme != "https" or url.port is not None or url.userinfo or not is_allowed:
        raise PermanentFailure(
            f"the file lies at {url.scheme}://{url.host}, which is not asked; if it is MSG91's, add it to media_hosts",
            code="media_host",
        )
    return url


async def _read(response: httpx.Response, limit: int) -> bytes:
    status = response.status_code
    if status in {403, 404, 410}:
        raise PermanentFailure("the file is not at its address any more; MSG91 keeps it 30 days", code="media_expired")
    if status in range(300, 400):
        raise PermanentFailure("the file's address answers with a redirect, which is not followed", code="media_host")
    if status != 200:
        raise TemporaryFailure(f"the file's address answered {status}", code=str(status))
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise PermanentFailure(f"the file is larger than {limit} bytes (media_bytes_max)", code="media_too_large")
    return bytes(body)
