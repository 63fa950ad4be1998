"""From a message that has the right shape to one that is on its way: what both vendors' doors have in common."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from frontdesk.emulator.delivery import Outcome
from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.filling import check_filling, filled, find_template
from frontdesk.emulator.ledger import Accepted, Contact
from frontdesk.emulator.requests import Body
from frontdesk.emulator.summary import summary
from frontdesk.emulator.vendor import Vendor


async def begin(vendor: Vendor, entry: Accepted, contact: Contact, outcome: Outcome, *, is_early: bool) -> None:
    """Write an accepted message down and let it travel. `is_early`: its first status arrives before this returns."""
    vendor.ledger.accept(contact, entry)
    if not is_early:
        vendor.post.begin(entry, contact, outcome)
        return
    reported = asyncio.Event()
    vendor.post.begin_at_once(entry, contact, outcome, reported.set)
    with suppress(TimeoutError):  # the status itself may be lost, or the service may be away
        await asyncio.wait_for(reported.wait(), vendor.options.webhook_timeout_seconds)


def words_of(vendor: Vendor, request: Body, kind: str) -> str:
    """What the contact reads."""
    if kind == "text":
        return str(request["text"]["body"])
    if kind == "template":
        return filled(find_template(vendor.options.templates, request["template"]), request["template"])
    return summary(kind, request[kind])


def category_of(vendor: Vendor, request: Body, kind: str) -> str:
    """What a message costs as; a template is checked against what was approved."""
    if kind != "template":
        return "service"
    approved = find_template(vendor.options.templates, request["template"])
    check_filling(approved, request["template"], vendor.media.has)
    if approved.category == "authentication" and not request.get("to"):
        raise GraphError("131062_bsuid_unsupported")
    return approved.category


def outcome_of(vendor: Vendor, request: Body, kind: str, contact: Contact, category: str) -> Outcome:
    """How a message will end; raises what is refused at once."""
    error: GraphError | None = None
    if not contact.is_reachable:
        error = GraphError("131026_undeliverable", "Message Undeliverable.")
    elif kind == "reaction" and not _may_react(vendor, request["reaction"]["message_id"]):
        error = GraphError("131009_bad_param", "The message to react to does not exist or cannot be reacted to.")
    elif kind != "template" and vendor.options.window != "off" and not vendor.post.is_window_open(contact):
        error = GraphError("131047_window")
        if vendor.options.window == "sync":
            raise error
    return Outcome(category=category, error=error)


def _may_react(vendor: Vendor, wamid: str) -> bool:
    ledger = vendor.ledger
    sent = ledger.sent_by_id.get(wamid)
    target = sent if sent is not None else next(iter(ledger.received_by_id.get(wamid, ())), None)
    return target is not None and getattr(target, "type", "") != "reaction"
