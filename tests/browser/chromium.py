"""Which Chromium drives the pages."""

from __future__ import annotations

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
CURE = "NO BROWSER, so the pages were not tried: install Debian's `chromium`, or put one of these on the PATH: "
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def found() -> str | None:
    """Its path."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def complaint() -> str:
    """One line with the cure."""
    return CURE + ", ".join(NAMES)
