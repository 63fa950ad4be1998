"""From a webhook request to events: pure, every post on its own.

Inbound posts and delivery reports come to addresses of their own, `/webhooks/NAME/inbound` and `/webhooks/NAME/status`,
for nothing else tells them apart for certain: an inbound post may call itself `delivered`, and our own messages may
come back. Where address and `direction` disagree, `direction` is right. Without either, what is in the post decides.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from frontdesk.plugin import Secret
from frontdesk.ports import WRONG_NUMBER, Received, RequestRefused, WebhookRequest
from frontdesk_plugins.msg91.collected import Collected
from frontdesk_plugins.msg91.fields import Fields, Unreadable, digits, is_post, read_posts
from frontdesk_plugins.msg91.messages import take_inbound
from frontdesk_plugins.msg91.options import InboundMap, StatusMap
from frontdesk_plugins.msg91.reports import take_report
from frontdesk_plugins.msg91.verify import check_secret

Part = Literal["inbound", "status"]

PARTS: dict[str, Part | None] = {"": None, "inbound": "inbound", "status": "status"}
"""What may stand behind the channel's name in the address."""

_DIRECTIONS: dict[str, Part] = {"0": "inbound", "1": "status", "inbound": "inbound", "outbound": "status"}
_SAYING = ("text", "messages", "button", "interactive", "reaction", "url", "latitude")


class Account(Struct, frozen=True, kw_only=True):
    """What `receive` has to know of a channel. `secrets` empty: whoever calls is believed (development only)."""

    channel: str
    our_number: str
    secrets: tuple[Secret, ...]
    header: str
    takes_token: bool
    inbound_map: InboundMap
    status_map: StatusMap
    price_usd: str = ""


def receive(account: Account, request: WebhookRequest) -> Received:
    """Verify and translate. Raises RequestRefused for what is not MSG91's."""
    if request.part not in PARTS:
        raise RequestRefused(404, f"there is no part {request.part!r}; there are: inbound, status")
    if request.method == "GET":
        return Received(answer="this address takes MSG91's webhooks")
    if request.method != "POST":
        raise RequestRefused(405, f"method {request.method}")
    if account.secrets:
        check_secret(request, account.header, account.secrets, takes_token=account.takes_token)
    found = Collected(account.channel, request.received_at, request.body.decode("utf-8-sig", "replace"))
    try:
        posts = read_posts(request.body, request.headers.get("content-type", ""))
    except Unreadable as error:
        found.quarantine(str(error))
        return found.received()
    for post in posts:
        if is_post(post):
            take_post(found, account, Fields(post), PARTS[request.part])
        else:
            found.quarantine("a part of it is no JSON object")
    return found.received()


def take_post(found: Collected, account: Account, fields: Fields, address: Part | None) -> None:
    """One post."""
    number = digits(fields.first(account.inbound_map.our_number))
    if number and number != account.our_number:
        text = (
            f"MSG91 sent news of the number {number}, but channel {account.channel} has {account.our_number}; add a "
            "channel for it, or take this address off that number."
        )
        found.note(WRONG_NUMBER, text, number, found.received_at.date().isoformat(), is_alarm=True)
        return
    if fields.first(("inbound_setting",)).casefold() == "callback":
        found.note("callback", "MSG91 answered a keyword by itself and repeats the message.")
        return
    direction = _DIRECTIONS.get(fields.first(("direction",)).strip().casefold())
    part = direction or address or _guess(account, fields)
    if direction and address and direction != address:
        text = f"A post of {direction} came to the address for {address}; see the webhooks at MSG91."
        found.note("wrong_address", text, address, found.received_at.date().isoformat())
    if part == "status":
        take_report(found, fields, account.status_map, account.price_usd)
    elif digits(fields.first(account.inbound_map.from_)) == account.our_number:
        found.note("echo", "A message of our own came back; it is not answered.")
    else:
        take_inbound(found, fields, account.inbound_map)


def _guess(account: Account, fields: Fields) -> Part:
    kind = fields.first(("webhookType",)).casefold()
    if "outbound" in kind:
        return "status"
    is_said = "inbound" in kind or any(fields.has(name) for name in _SAYING)
    return "inbound" if is_said or not fields.first(account.status_map.status) else "status"
