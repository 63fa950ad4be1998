"""Meta's refusals: the body and the HTTP status of each code, as its error pages and reports show them.

`errors.json` holds one row per refusal, named by code and cause, because some codes have more than one face.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import msgspec

ERRORS: dict[str, dict[str, Any]] = msgspec.json.decode((Path(__file__).parent / "errors.json").read_bytes())
_BY_CODE = {str(row["code"]): name for name, row in reversed(ERRORS.items())}
HELP = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"


def error_name(code: int | str) -> str:
    """The row's name for a code (`131047`) or for that name itself (`190_token_expired`); KeyError if there is none."""
    name = _BY_CODE.get(str(code), str(code))
    if name not in ERRORS:
        raise KeyError(name)
    return name


class GraphError(Exception):
    """A refusal: its status and the body that goes with it. `details` and `message` replace the row's own."""

    def __init__(self, code: int | str, details: str | None = None, *, message: str | None = None) -> None:
        row = dict(ERRORS[error_name(code)])
        self.http_status: int = row.pop("http_status")
        if message is not None:
            row["message"] = message
        if details is not None:
            row["error_data"] = {"messaging_product": "whatsapp", "details": details}
        self.code: int = row["code"]
        self.error = row
        super().__init__(row["message"])

    @property
    def details(self) -> str:
        """Meta's explanation, or an empty string."""
        return str(self.error.get("error_data", {}).get("details", ""))

    def body(self) -> bytes:
        """The JSON that Meta answers; the trace id differs each time, as a real one does."""
        trace = "A" + secrets.token_urlsafe(16)
        return msgspec.json.encode({"error": {**self.error, "fbtrace_id": trace}})

    def as_status_error(self) -> dict[str, Any]:
        """The same refusal as an entry of a failed status."""
        title = str(self.error["message"]).removeprefix(f"(#{self.code}) ")
        entry: dict[str, Any] = {"code": self.code, "title": title, "message": title}
        if self.details:
            entry["error_data"] = {"details": self.details}
        return {**entry, "href": HELP}
