"""Every error code of Meta's that matters, what follows from it, and what a person should know and do.

One table for both ways in which errors come: as the answer to a request, and hours later with a `failed` status.
Meta's advice is followed: decide by code and details, never by title or HTTP status (403, 429 and 400 have all been
seen for one and the same throttle).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from frontdesk.ports import PermanentFailure, ProviderFailure, TemporaryFailure

Reaction = Literal["retry", "wait", "permanent", "account", "template"]
Concerns = Literal["message", "contact", "channel", "account"]


class Rule(Struct, frozen=True):
    """What follows from some codes. `retry`: soon, `attempts` times at most. `wait`: long. `account`: nothing leaves
    until a person acts. `template`: only an approved template may still reach the contact."""

    codes: tuple[int | range, ...]
    reaction: Reaction
    says: str
    concerns: Concerns = "message"
    after: float | None = None
    attempts: int | None = None


TABLE = (
    # the account: nothing will leave until somebody acts
    Rule((0, 190), "account", "The access token is wrong or has expired. Create a permanent system user token."),
    Rule((3, 10, range(200, 300), 131005), "account", "The token lacks a permission for this WhatsApp account. Grant"
         " whatsapp_business_messaging and _management."),
    Rule((33,), "account", "The phone number id is wrong or was deleted. Check phone_number_id."),
    Rule((2500,), "account", "Meta does not know the path or saw no token. Check graph_version and access_token."),
    Rule((368, 131031), "account", "Meta blocked or locked the account. See Account Quality in the Business Manager."),
    Rule((131037,), "account", "The number's display name is not approved yet. Wait for it or choose another."),
    Rule((131042, 131044), "account", "There is a payment problem. Check the account's payment method at Meta."),
    Rule((131045, 133000, 133005, 133006, 133008, 133009, 133010, 133015), "account",
         "The number is not registered with the Cloud API. Register it (POST /{phone_number_id}/register)."),
    Rule((131064,), "account", "Meta limits sending because templates were filed under wrong categories."),
    Rule((133016,), "account", "The number was registered too often; Meta allows it again after 72 hours."),
    # rates: slow down
    Rule((130429,), "retry", "The number sends faster than Meta allows.", "channel", after=5),
    Rule((4, 613, 80007), "retry", "The app's or account's calls for this hour are used up.", "channel", after=120),
    Rule((131056,), "retry", "Too many messages to this contact in a short time.", "contact", after=6),
    Rule((131048,), "wait", "Contacts blocked or reported the number, so Meta holds its messages back. Send less.",
         "channel", after=4 * 3600),
    # passing faults
    Rule((1, 131000), "retry", "Something went wrong at Meta.", attempts=4),
    Rule((2,), "retry", "Meta is down or overloaded; see metastatus.com.", after=60),
    Rule((131016, 133004), "retry", "Meta's service is not available at the moment.", after=10),
    Rule((131057,), "retry", "Meta is doing maintenance on the number.", after=60),
    Rule((132069,), "retry", "The form may be sent only ten times an hour for now.", after=600, attempts=3),
    Rule((135000,), "retry", "Meta refused the message without a reason.", attempts=2),
    # the window
    Rule((131047,), "template", "More than 24 hours have passed since the contact wrote. Send an approved template."),
    # this contact
    Rule((131026,), "permanent", "The contact cannot get it: no WhatsApp, an old version, or they blocked us."),
    Rule((131030,), "permanent", "A test number reaches only numbers on its list. Add this one in the App Dashboard."),
    Rule((130403,), "permanent", "You have blocked this contact."),
    Rule((130472,), "permanent", "Meta holds marketing back from this contact for an experiment."),
    Rule((130497,), "permanent", "The account may not write to this country."),
    Rule((131021,), "permanent", "The number cannot write to itself."),
    Rule((131049,), "permanent", "The contact got enough marketing lately. Not again before 24 hours have passed."),
    Rule((131050,), "permanent", "The contact wants no marketing."),
    Rule((131062,), "permanent", "This kind of message needs the contact's phone number. Ask them for it."),
    Rule((137000,), "permanent", "The contact's security code has changed: it may be another person. Ask them."),
    # this message
    Rule((100, 131008, 131009), "permanent", "Meta refused a value of the message."),
    Rule((131051, 131055, 130501), "permanent", "This kind of message cannot be sent here."),
    Rule((131052,), "permanent", "The contact's file could not be fetched. Ask them to send it again."),
    Rule((131053,), "permanent", "The file could not be used. Check its kind, its size and its address."),
    Rule((131059,), "permanent", "A page of results was asked for that is not there."),
    Rule((131060,), "permanent", "The contact's message is not available. Ask them to send it again."),
    Rule((131063,), "permanent", "Marketing templates are switched off for this account."),
    Rule((131020, 131041, range(131200, 131300)), "permanent", "The group or its settings do not allow it."),
    Rule((132000, 132005, 132008, 132012, 132018), "permanent", "The values do not fit the template."),
    Rule((132001,), "permanent", "There is no approved template of this name in this language."),
    Rule((132007,), "permanent", "The template's content is against a policy of Meta's."),
    Rule((132015,), "permanent", "The template is paused for its quality. Edit it, or wait."),
    Rule((132016,), "permanent", "The template is disabled for good. Make another."),
    Rule((132068,), "permanent", "The form is blocked. See its state in the WhatsApp Manager."),
    Rule((134011, range(134100, 134103)), "permanent", "Payments or marketing are not set up for this account."),
    Rule((range(138000, 138100),), "permanent", "The call could not be made."),
    Rule((range(139000, 139005), range(139100, 139104)), "permanent", "Meta refused it to protect people."),
    Rule((range(147001, 147006),), "permanent", "The business's username could not be set."),
    Rule((range(2388000, 2389000), range(2494000, 2495000), range(2593000, 2594000)), "permanent",
         "Setting up the account failed."),
)  # fmt: skip

_UNKNOWN_OBJECT = Rule(
    (), "account", "Meta does not know the phone number id, or the token may not use it. Check both."
)
_LINK_FAILED = Rule((), "retry", "Meta could not fetch the file from its address.", after=30, attempts=3)
_UNKNOWN = Rule((), "retry", "Meta refused with a code that is not known here.", attempts=2)


def _index() -> tuple[dict[int, Rule], tuple[tuple[range, Rule], ...]]:
    pairs = [(code, rule) for rule in TABLE for code in rule.codes]
    single = {code: rule for code, rule in pairs if isinstance(code, int)}
    return single, tuple((code, rule) for code, rule in pairs if isinstance(code, range))


_SINGLE, _RANGES = _index()


def find_rule(code: str, details: str = "") -> Rule | None:
    """What follows from an error; None for codes that nobody has described."""
    if not (code.isascii() and code.isdigit()) or len(code) > 12:
        return None
    number = int(code)
    if number == 100 and "does not exist" in details:
        return _UNKNOWN_OBJECT
    if number == 131053 and "weblink" in details:
        return _LINK_FAILED
    return _SINGLE.get(number) or next((rule for codes, rule in _RANGES if number in codes), None)


def explain(code: str) -> str:
    """A sentence for people, with the cure; empty for codes that nobody has described."""
    rule = find_rule(code)
    return rule.says if rule else ""


def failure(code: str, details: str, retry_after: float | None = None) -> ProviderFailure:
    """The failure to raise for a refusal. `retry_after` is what the answer's own header said, if it did."""
    rule = find_rule(code, details) or _UNKNOWN
    reason = f"{rule.says} Meta: {details or 'no details'} (code {code or 'none'})"
    if rule.reaction in {"permanent", "template"}:
        return PermanentFailure(reason, code=code, needs_template=rule.reaction == "template")
    waits = [seconds for seconds in (retry_after, rule.after) if seconds is not None]
    return TemporaryFailure(
        reason,
        code=code,
        retry_after=max(waits, default=None),
        concerns="account" if rule.reaction == "account" else rule.concerns,
        attempts_max=rule.attempts,
    )
