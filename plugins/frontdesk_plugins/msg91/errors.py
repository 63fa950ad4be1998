"""What MSG91 and, behind it, Meta refuse; what follows from it, and what a person should know and do.

One table for both ways in which refusals come: in an answer (with HTTP 200 as well as with 4xx), and later in the
`reason` of a delivery report. MSG91's own refusals have words and no codes, Meta's are passed on as `131026: …`.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from frontdesk.calling import sort_status
from frontdesk.core.event import ErrorReport
from frontdesk.ports import OutcomeUnknown, PermanentFailure, ProviderFailure, TemporaryFailure

Reaction = Literal["retry", "permanent", "account", "template", "unknown"]
Concerns = Literal["message", "contact", "channel", "account"]


class Rule(Struct, frozen=True):
    """What follows from some codes of Meta's, or from whole words of MSG91's (here in lower case). `account`: nothing
    leaves until a person acts. `template`: only an approved template may still reach the contact."""

    codes: tuple[int, ...]
    words: tuple[str, ...]
    reaction: Reaction
    says: str
    concerns: Concerns = "message"
    after: float | None = None
    attempts: int | None = None


TABLE = (
    # the account: nothing will leave until somebody acts
    Rule((), ("unauthorized", "auth key missing", "invalid authkey", "authkey is"), "account",
         "MSG91 refuses the authkey. Copy it again, and see that it is enabled for WhatsApp."),
    Rule((), ("ip not whitelisted", "ip is not whitelisted", "not whitelisted", "ip blocked"), "account",
         "MSG91 does not know this server's address. Add it to the authkey's IP allow-list, or switch that off."),
    Rule((), ("is not integrated", "not integrated"), "account",
         "The number is not on this MSG91 account. Check integrated_number and authkey."),
    Rule((), ("route missing",), "account", "MSG91 does not know the path. Check base_url."),
    Rule((), ("insufficient balance", "low balance", "wallet balance", "wallet is empty"), "account",
         "MSG91's wallet is empty. Top it up."),
    Rule((368, 131031), (), "account", "Meta blocked or locked the account. See Account Quality at Meta."),
    Rule((131042,), (), "account", "There is a payment problem at Meta. Check the account's payment method."),
    Rule((10, 190), (), "account", "MSG91's access to the number has ended. Connect the number at MSG91 again."),
    Rule((133010,), (), "account", "The number is not registered. Connect it at MSG91 again."),
    # rates: slow down
    Rule((130429, 80007), ("too many requests", "rate limit", "rate limited"), "retry",
         "The number sends faster than is allowed.", "channel", after=5),
    Rule((131048,), (), "retry", "Contacts blocked or reported the number, so Meta holds its messages back. Send less.",
         "channel", after=4 * 3600),
    Rule((131056,), (), "retry", "Too many messages to this contact in a short time.", "contact", after=6),
    # passing faults
    Rule((1, 2, 131000, 131016, 133004), (), "retry", "Something went wrong at Meta.", after=10, attempts=4),
    Rule((131057,), (), "retry", "Meta is doing maintenance on the number.", after=60),
    Rule((), ("internal server error", "something went wrong", "timed out", "timeout"), "unknown",
         "MSG91 broke off; the message may be out."),
    # the window
    Rule((131047,), ("re-engagement",), "template",
         "More than 24 hours have passed since the contact wrote. Send an approved template."),
    # this contact
    Rule((131026,), (), "permanent", "The contact cannot get it: no WhatsApp, an old version, or they blocked us."),
    Rule((131021,), (), "permanent", "The number cannot write to itself."),
    Rule((131050,), (), "permanent", "The contact wants no marketing."),
    Rule((130472,), (), "permanent", "Meta holds marketing back from this contact for an experiment."),
    Rule((131049,), (), "permanent", "The contact got enough marketing lately. Not again before 24 hours have passed."),
    Rule((130497,), (), "permanent", "The account may not write to this country."),
    # this message
    Rule((132000, 132005, 132012), (), "permanent", "The values do not fit the template."),
    Rule((132001,), (), "permanent", "There is no approved template of this name in this language."),
    Rule((132007,), (), "permanent", "The template's content is against a policy of Meta's."),
    Rule((132015, 132016), (), "permanent", "The template is paused or disabled for its quality."),
    Rule((100, 131008, 131009, 131051, 131053), ("not found in request", "only template is supported"), "permanent",
         "MSG91 refused a value of the message."),
)  # fmt: skip

_BY_WORDS = tuple(
    (re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, rule.words))})(?!\w)", re.IGNORECASE), rule)
    for rule in TABLE
    if rule.words
)
"""Whole words: a template may be called `timeout_notice`, and nobody is `preunauthorized`."""

_BY_CODE = {code: rule for rule in TABLE for code in rule.codes}
_REASON = re.compile(r"\s*\(?#?(\d{4,6}(?!\d)|\d{1,3}(?=\)|\s*(?::|-\s|$)))\)?\s*[:\-]?\s*(.*)", re.DOTALL)
"""Up to three digits are a code only where a sign sets them off, for sentences begin with numbers too."""
_SAYS = {401: TABLE[0], 403: TABLE[0], 418: TABLE[1], 404: TABLE[3]}
"""What a status says by itself, where the body's words say nothing that is known."""


# "131026: Message undeliverable" · "(#131047) Re-engagement message" · "15550100001 is not integrated"
def split_reason(text: str) -> tuple[str, str]:
    """Meta's code, or "", and the words."""
    found = _REASON.fullmatch(text)
    return (found[1], found[2] or text) if found else ("", text)


def find_rule(code: str, words: str) -> Rule | None:
    """What follows from a refusal; None for one that nobody has described."""
    if code.isascii() and code.isdigit() and len(code) < 12 and int(code) in _BY_CODE:
        return _BY_CODE[int(code)]
    return next((rule for pattern, rule in _BY_WORDS if pattern.search(words)), None)


def error_report(code: str, words: str) -> ErrorReport:
    """A failure that a delivery report tells, with Meta's words and ours."""
    rule = find_rule(code, words)
    is_barred = rule is not None and rule.reaction == "account"
    return ErrorReport(code=code, title=words, details=rule.says if rule else "", bars_account=is_barred)


def failure(status: int, code: str, words: str, retry_after: float | None = None) -> ProviderFailure:
    """The failure to raise for a refusal. `retry_after` is what the answer's own header said, if it did."""
    code, words = (code, words) if code else split_reason(words)
    rule = find_rule(code, words) or _SAYS.get(status)
    told = f"MSG91: {words[:300] or 'no details'} (code {code or status})"
    if rule is None:
        return _without_rule(status, words, told, retry_after)
    reason = f"{rule.says} {told}"
    match rule.reaction:
        case "unknown":
            return OutcomeUnknown(reason)
        case "permanent" | "template":
            return PermanentFailure(reason, code=code or "refused", needs_template=rule.reaction == "template")
        case _:
            waits = [seconds for seconds in (retry_after, rule.after) if seconds is not None]
            return TemporaryFailure(
                reason,
                code=code or str(status),
                retry_after=max(waits, default=None),
                concerns="account" if rule.reaction == "account" else rule.concerns,
                attempts_max=rule.attempts,
            )


def _without_rule(status: int, words: str, told: str, retry_after: float | None) -> ProviderFailure:
    """A clear no with 200 is one that lasts; else the status decides."""
    if status == 200:
        return PermanentFailure(told, code="refused")
    return sort_status(status, "MSG91", words[:300], retry_after)
