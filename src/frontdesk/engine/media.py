"""Where contacts' files are kept: below the data directory, under names of our own. What a file calls itself is
hostile input and is only ever shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import NamedTemporaryFile

from frontdesk.core.event import identify
from frontdesk.ports import FetchedMedia

_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/3gpp": "3gp",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "application/pdf": "pdf",
    "text/plain": "txt",
}


class MediaFolder:
    """`<data_dir>/media`, made when the first file comes."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    async def keep(self, message_id: str, fetched: FetchedMedia) -> str:
        """Write the file, whole or not at all; its path below the data directory."""
        return await asyncio.to_thread(self._keep, message_id, fetched)

    async def read(self, stored_as: str, bytes_max: int) -> bytes | None:
        """A file by its path below the data directory; None where it is gone, is larger, or is none of ours."""
        return await asyncio.to_thread(self._read, stored_as, bytes_max)

    def _read(self, stored_as: str, bytes_max: int) -> bytes | None:
        path = (self._data_dir / stored_as).resolve()
        if not path.is_relative_to((self._data_dir / "media").resolve()):
            return None
        try:
            with path.open("rb") as file:
                body = file.read(bytes_max + 1)
        except OSError:
            return None
        return body if len(body) <= bytes_max else None

    def _keep(self, message_id: str, fetched: FetchedMedia) -> str:
        key = identify("media", message_id)
        ending = _ENDINGS.get(fetched.mime_type.split(";")[0].strip().lower(), "bin")
        path = self._data_dir / "media" / key[:2] / f"{key}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: whose lease ran out may still be writing the same file.
        with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as unfinished:
            try:
                unfinished.write(fetched.body)
                unfinished.flush()
                Path(unfinished.name).replace(path)
            except BaseException:
                Path(unfinished.name).unlink(missing_ok=True)
                raise
        return str(path.relative_to(self._data_dir))
