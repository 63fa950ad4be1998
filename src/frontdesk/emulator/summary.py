"""One line about a message that is not a text, for the ledger and for quoting."""

from __future__ import annotations

from typing import Any


def summary(kind: str, content: Any) -> str:
    """The words a message of this kind holds; empty if there are none."""
    match kind:
        case "text":
            return str(content.get("body", ""))
        case "interactive":
            return _interactive(content)
        case "reaction":
            return str(content.get("emoji", ""))
        case "location":
            return str(content.get("name") or content.get("address") or "")
        case "contacts":
            return ", ".join(str(card.get("name", {}).get("formatted_name", "")) for card in content)
        case "button":
            return str(content.get("text", ""))
        case _:
            return str(content.get("caption") or content.get("filename") or "") if isinstance(content, dict) else ""


def _interactive(content: dict[str, Any]) -> str:
    if "body" in content:
        return str(content["body"].get("text", ""))
    reply = content.get(str(content.get("type")), {})
    return str(reply.get("title") or reply.get("body") or "")
