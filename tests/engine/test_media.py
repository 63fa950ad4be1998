"""Contacts' files on our disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.engine.media import MediaFolder
from frontdesk.ports import FetchedMedia

pytestmark = pytest.mark.anyio


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(
    ("mime_type", "ending"),
    [("image/jpeg", "jpg"), ("Audio/OGG; codecs=opus", "ogg"), ("text/html", "bin"), ("../../etc/passwd", "bin")],
)
async def test_a_file_is_kept_under_a_name_of_ours(tmp_path: Path, mime_type: str, ending: str) -> None:
    folder = MediaFolder(tmp_path)
    stored_as = await folder.keep("../message", FetchedMedia(body=b"bytes", mime_type=mime_type))
    path = tmp_path / stored_as
    assert path.read_bytes() == b"bytes"
    assert stored_as.startswith("media/")
    assert ".." not in stored_as
    assert path.suffix == f".{ending}"


async def test_the_same_message_is_kept_once_and_nothing_unfinished_stays(tmp_path: Path) -> None:
    folder = MediaFolder(tmp_path)
    first = await folder.keep("m", FetchedMedia(body=b"a", mime_type="image/png"))
    second = await folder.keep("m", FetchedMedia(body=b"b", mime_type="image/png"))
    assert first == second
    kept = (tmp_path / first).parent
    assert names_in(kept) == [Path(first).name]
