"""The shelf of files: what the business uploaded and what customers sent, and the addresses they are fetched from."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from frontdesk.emulator.clock import now
from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.options import EmulatorOptions

_MEGABYTE = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument."
LIMITS: dict[str, int] = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * _MEGABYTE),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * _MEGABYTE),
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * _MEGABYTE),
    **dict.fromkeys(("text/plain", "application/pdf", "application/msword"), 100 * _MEGABYTE),
    **dict.fromkeys(("application/vnd.ms-excel", "application/vnd.ms-powerpoint"), 100 * _MEGABYTE),
    **dict.fromkeys((_OFFICE + "wordprocessingml.document", _OFFICE + "spreadsheetml.sheet"), 100 * _MEGABYTE),
    _OFFICE + "presentationml.presentation": 100 * _MEGABYTE,
    "image/webp": 500 * 1024,
}
_DOWNLOADS = "/whatsapp_business/attachments/"


class File(Struct, frozen=True, kw_only=True):
    """One file on the shelf; dead after `dies_at`."""

    id: str
    mime_type: str
    content: bytes
    sha256: bytes
    dies_at: datetime
    filename: str | None = None


class MediaShelf:
    """Files by id. Uploads live 30 days, what customers sent 7, an address 5 minutes."""

    def __init__(self, options: EmulatorOptions) -> None:
        self._options = options
        self._uploads = 1420000000000000
        self._inbound = 1410000000000000
        self._base_url = (options.public_url or "").rstrip("/")
        self.clear()

    def clear(self) -> None:
        """Empty shelf; ids go on."""
        self._files: dict[str, File] = {}

    def learn_base_url(self, url: str) -> None:
        """Remember where callers reach us, unless it was configured: download addresses need it."""
        if not self._options.public_url:
            self._base_url = url.rstrip("/")

    def has(self, media_id: str) -> bool:
        """Whether the id is alive."""
        file = self._files.get(media_id)
        return file is not None and file.dies_at > now()

    def get(self, media_id: str) -> File | None:
        """The file, unless it is gone."""
        return self._files[media_id] if self.has(media_id) else None

    def upload(self, content: bytes, mime_type: str, filename: str | None = None) -> File:
        """Take a file of the business, or raise Meta's refusal of its kind or size."""
        most = LIMITS.get(mime_type.partition(";")[0].strip().lower())
        if most is None:
            raise GraphError(
                "100_invalid_parameter",
                f"Param file must be a file with one of the following types: {', '.join(LIMITS)}."
                f" Received file of type '{mime_type}'.",
            )
        if not 0 < len(content) <= most:
            raise GraphError("131053_media_upload", f"File size must be between 1 and {most} bytes.")
        self._uploads += 1
        return self._put(str(self._uploads), content, mime_type, filename, timedelta(days=30))

    def receive(self, content: bytes, mime_type: str, filename: str | None = None) -> File:
        """Take a file of a customer, whatever it is."""
        self._inbound += 1
        return self._put(str(self._inbound), content, mime_type, filename, timedelta(days=7))

    def remove(self, media_id: str) -> None:
        """Take a file off the shelf."""
        self._files.pop(media_id, None)

    def describe(self, file: File) -> dict[str, Any]:
        """The answer to `GET /{media_id}`: the digest is hexadecimal here."""
        return {
            "messaging_product": "whatsapp",
            "url": self.url(file),
            "mime_type": file.mime_type,
            "sha256": file.sha256.hex(),
            "file_size": len(file.content),
            "id": file.id,
        }

    def inbound(self, file: File) -> dict[str, Any]:
        """The part of a webhook that names a file: the digest is base64 here, and the address optional."""
        part = {"mime_type": file.mime_type, "sha256": base64.b64encode(file.sha256).decode(), "id": file.id}
        return {**part, "url": self.url(file, source="webhook")} if self._base_url else part

    def url(self, file: File, **more: str) -> str:
        """Where the bytes are, for five minutes."""
        expires = str(int(now().timestamp() + self._options.media_url_seconds))
        query = urlencode({"mid": file.id, **more, "ext": expires, "hash": self._seal(file.id, expires)})
        return f"{self._base_url}{_DOWNLOADS}?{query}"

    def public_url(self, media_id: str) -> str:
        """Where MSG91 shows a file to whoever knows the address."""
        return f"{self._base_url}/whatsapp-haptik-media/{self._options.display_phone_number}/{media_id}"

    def open(self, media_id: str, expires: str, seal: str) -> File | None:
        """The file behind an address, unless the address is stale or forged."""
        if not hmac.compare_digest(self._seal(media_id, expires).encode(), seal.encode()):
            return None
        return self.get(media_id) if int(expires) >= now().timestamp() else None

    def _seal(self, media_id: str, expires: str) -> str:
        return hmac.digest(self._options.app_secret.encode(), f"{media_id}.{expires}".encode(), "sha256").hex()[:32]

    def _put(self, media_id: str, content: bytes, mime_type: str, filename: str | None, life: timedelta) -> File:
        file = File(
            id=media_id,
            mime_type=mime_type,
            content=content,
            sha256=hashlib.sha256(content).digest(),
            dies_at=now() + life,
            filename=filename,
        )
        self._files[media_id] = file
        return file
