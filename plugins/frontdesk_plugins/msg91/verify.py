"""Is it MSG91 who calls? It signs nothing: all there is is a word that the operator had it send along."""

from __future__ import annotations

import hmac

from frontdesk.plugin import Secret
from frontdesk.ports import RequestRefused, WebhookRequest


def check_secret(request: WebhookRequest, header: str, secrets: tuple[Secret, ...], *, takes_token: bool) -> None:
    """Raises RequestRefused(401) unless one of the words came. Compared as bytes and with every one, whichever fits."""
    given = [request.headers.get(header.lower(), "")]
    if takes_token:
        given.append(request.query.get("token", ""))
    matches = [hmac.compare_digest(_bytes(word), _bytes(secret.reveal())) for word in given for secret in secrets]
    if not any(matches):
        raise RequestRefused(401, f"the webhook's header {header} is missing or holds another word")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
