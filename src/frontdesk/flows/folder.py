"""The files of a folder of flows, as text."""

from __future__ import annotations

from pathlib import Path

from frontdesk.flows.yaml import BYTES_MAX

FILES_MAX = 2_000


class FolderError(ValueError):
    """The folder cannot be read: a sentence that names the file, with the cure."""


def read_sources(folder: Path) -> dict[str, str]:
    """File name to content of all `*.yaml` right in the folder, tests included, sorted. Raises FolderError."""
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise FolderError(f"The folder {folder} cannot be read ({error.strerror}); check its name.") from None
    foreign = next(
        (path for path in paths if path.suffix.lower() in {".yml", ".yaml"} and path.suffix != ".yaml"), None
    )
    if foreign:
        raise FolderError(f"{foreign} would be overlooked; let its name end with .yaml.")
    paths = [path for path in paths if path.suffix == ".yaml"]
    if len(paths) > FILES_MAX:
        raise FolderError(f"{folder} has {len(paths)} files; at most {FILES_MAX} are read.")
    return {path.name: _read(path) for path in paths}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise FolderError(f"{path} cannot be read ({error.strerror}); check its permissions.") from None
    if len(data) > BYTES_MAX:
        raise FolderError(f"{path} is larger than {BYTES_MAX // 1024} kB; divide it into several flows.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FolderError(f"{path}:{line}: this is not UTF-8; save the file with that encoding.") from None
