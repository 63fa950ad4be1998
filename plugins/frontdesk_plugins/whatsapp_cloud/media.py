"""Fetching a contact's file: ask for its address, then download it, and show the token to nobody else.

The address dies after five minutes and the id after seven days. The answer names the address, so its host is checked
against the allow-list before the token goes there, and redirects are not followed.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from hashlib import sha256

import httpx
from msgspec import Struct

from frontdesk.calling import sort_exception
from frontdesk.core.message import Media
from frontdesk.ports import FetchedMedia, PermanentFailure, ProviderFailure, TemporaryFailure
from frontdesk.whatsapp.reading import UNREADABLE, read, word
from frontdesk.whatsapp.said import Word
from frontdesk_plugins.whatsapp_cloud.graph import VENDOR, Graph


# {"messaging_product": "whatsapp", "url": "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=…",
#  "mime_type": "image/jpeg", "sha256": "b29814cf…", "file_size": 303833, "id": "1410000000000003"}
class Description(Struct):
    """What the Graph API says of a file. The size comes as a number or a string."""

    url: str
    mime_type: str | None = None
    sha256: str | None = None
    file_size: Word = None


class _Gone(Exception):
    """The address is no longer good."""


async def fetch_media(graph: Graph, media: Media) -> FetchedMedia:
    """The whole file. Raises TemporaryFailure or PermanentFailure."""
    if not media.media_id:
        raise PermanentFailure("the file has no id at Meta", code="media_missing")
    for _ in range(2):
        description = await _describe(graph, media.media_id)
        try:
            return await _download(graph, media, description)
        except _Gone:
            continue
    raise TemporaryFailure("Meta gave two addresses for the file, and it is at neither", code="404", attempts_max=3)


async def _describe(graph: Graph, media_id: str) -> Description:
    if not (media_id.isascii() and media_id.replace("_", "").replace("-", "").isalnum()):
        raise PermanentFailure("the file's id is no id", code="media_missing")
    try:
        return read(await graph.get(media_id, phone_number_id=graph.options.phone_number_id), Description)
    except UNREADABLE as error:
        raise TemporaryFailure("Meta described a file without its address", code="media_url", attempts_max=3) from error
    except ProviderFailure as error:
        if getattr(error, "code", "") in {"100", "33", "404"}:
            raise PermanentFailure("Meta has forgotten the file; ids last seven days", code="media_expired") from error
        raise


async def _download(graph: Graph, media: Media, description: Description) -> FetchedMedia:
    url = _trusted(graph, description.url)
    mime_type = description.mime_type or media.mime_type or "application/octet-stream"
    if not mime_type.lower().startswith(graph.options.media_types):
        raise PermanentFailure(f"files of type {mime_type} are not taken", code="media_type")
    _check_size(graph, description.file_size)
    body = await _read_whole(graph, url)
    _check_digest(body, description.sha256, media.sha256)
    return FetchedMedia(body=body, mime_type=mime_type)


def _trusted(graph: Graph, text: str) -> httpx.URL:
    """The address, if the token may go there."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise PermanentFailure("Meta gave an address that is none", code="media_host") from error
    if graph.is_local and (url.scheme, url.host, url.port) == (graph.base.scheme, graph.base.host, graph.base.port):
        return url
    is_allowed = any(url.host == host or url.host.endswith(f".{host}") for host in graph.options.media_hosts)
    if url.scheme != "https" or url.port is not None or not is_allowed:
        raise PermanentFailure(
            f"the file lies at {url.scheme}://{url.host}, which may not see the token; if it is Meta's, add it to "
            "media_hosts",
            code="media_host",
        )
    return url


async def _read_whole(graph: Graph, url: httpx.URL) -> bytes:
    try:
        response = await graph.open(url, graph.options.media_timeout_seconds)
        try:
            body = await _read_capped(response, graph.options.media_bytes_max)
        finally:
            await response.aclose()
    except (ProviderFailure, _Gone):
        raise
    except Exception as error:
        raise sort_exception(error, VENDOR, is_repeatable=True) from error
    if response.status_code != 200:
        raise graph.refusal(response, body, is_repeatable=True)
    return body


async def _read_capped(response: httpx.Response, limit: int) -> bytes:
    if response.status_code == 404:
        raise _Gone
    if response.is_redirect or response.status_code in range(300, 400):
        raise PermanentFailure("the file's address answers with a redirect, which is not followed", code="media_host")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _check_size(graph: Graph, told: Word) -> None:
    text = word(told)
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) > graph.options.media_bytes_max:
        raise _too_large(graph.options.media_bytes_max)


def _too_large(limit: int) -> PermanentFailure:
    return PermanentFailure(f"the file is larger than {limit} bytes (media_bytes_max)", code="media_too_large")


def _check_digest(body: bytes, *told: str | None) -> None:
    """Hexadecimal in the one place, base64 in the other; one that fits is enough."""
    digests = [digest for digest in map(_digest, told) if digest]
    if digests and sha256(body).digest() not in digests:
        raise TemporaryFailure("the file arrived damaged", code="media_damaged", attempts_max=3)


def _digest(text: str | None) -> bytes | None:
    try:
        raw = bytes.fromhex(text or "") if len(text or "") == 64 else b64decode(text or "", validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == 32 else None
