"""Is it Meta who calls? Two questions: the one-time GET with our word, and the signature on every POST."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from frontdesk.plugin import Secret
from frontdesk.ports import RequestRefused

CHALLENGE_MAX = 100


# GET /webhooks/main?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=my-verify-token
def answer_challenge(query: Mapping[str, str], verify_token: Secret) -> str:
    """The challenge, to be sent back as plain text. Raises RequestRefused: 400 if parts are missing, 403 if wrong.

    Only digits are sent back, so that nobody can make this address say words of theirs.
    """
    mode, challenge, token = (query.get(f"hub.{part}", "") for part in ("mode", "challenge", "verify_token"))
    if not (mode and challenge and token):
        raise RequestRefused(400, "hub.mode, hub.challenge or hub.verify_token is missing")
    is_ours = hmac.compare_digest(_bytes(token), _bytes(verify_token.reveal()))
    if not (is_ours and mode == "subscribe"):
        raise RequestRefused(403, "the verify token or the mode is wrong")
    if not (challenge.isascii() and challenge.isdigit() and len(challenge) <= CHALLENGE_MAX):
        raise RequestRefused(400, "the challenge is not a number")
    return challenge


# X-Hub-Signature-256: sha256=b5c7d1e50c0e502a10a630f8ba486a6e910dcb5f03b9a4c1c000fc28f8aaa8ff
def check_signature(header: str | None, body: bytes, app_secrets: Sequence[Secret]) -> None:
    """Raises RequestRefused(401) unless one of the secrets signed these very bytes.

    Compared as bytes (`compare_digest` refuses non-ASCII strings) and with every secret, whichever fits.
    """
    if header is None:
        raise RequestRefused(401, "no X-Hub-Signature-256 header")
    given = _bytes(header)
    matches = [hmac.compare_digest(given, _signature(body, secret)) for secret in app_secrets]
    if not any(matches):
        raise RequestRefused(401, "the signature does not match; is app_secret the secret of the app that sends?")


def _signature(body: bytes, secret: Secret) -> bytes:
    return b"sha256=" + hmac.digest(_bytes(secret.reveal()), body, "sha256").hex().encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
