"""MSG91's log: asked for what webhooks did not bring, and for what became of a send whose answer was lost.

Rows speak another dialect than webhooks: values may be wrapped, `direction` is a word (as a number it means now the one
and now the other), times are India's without saying so, and a day is India's day.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from frontdesk.core.event import StatusChanged
from frontdesk.core.message import Content, Template, Text
from frontdesk.core.transcript import as_text
from frontdesk.ports import OutgoingMessage, Received, TemporaryFailure
from frontdesk_plugins.msg91.api import LOGS, Api
from frontdesk_plugins.msg91.collected import Collected
from frontdesk_plugins.msg91.fields import Fields, Post, digits
from frontdesk_plugins.msg91.messages import take_inbound
from frontdesk_plugins.msg91.moment import IST, moment
from frontdesk_plugins.msg91.receive import Account
from frontdesk_plugins.msg91.reports import take_report

ROWS_MAX = 1_000
PAGES_MAX = 20
CLOCKS_DIFFER = timedelta(minutes=2)
"""By so much MSG91's time of a request may lie before ours."""


async def read_log(api: Api, account: Account, *, with_inbound: bool) -> Received:
    """The statuses, and the messages of contacts if wanted, of yesterday and today. Raises TemporaryFailure or
    PermanentFailure."""
    found = Collected(account.channel, api.clock.now())
    for row in await _rows(api):
        fields = Fields(row)
        if digits(fields.first(account.inbound_map.our_number)) not in {"", account.our_number}:
            continue
        if _is_outbound(fields):
            if fields.first(account.status_map.status):
                take_report(found, fields, account.status_map, account.price_usd)
        elif with_inbound:
            take_inbound(found, fields, account.inbound_map)
    return _readable(found)


def _readable(found: Collected) -> Received:
    """What was found. Single rows lack this and that, but where not one of a part can be read, the map is wrong, which
    the log shares with the webhooks."""
    parts = {"status" if isinstance(event, StatusChanged) else "inbound" for event in found.events}
    wrong = [sentence for part, sentence in found.troubles.items() if sentence and part not in parts]
    notices = [notice for notice in found.notices if notice.kind == "mapping" and wrong]
    troubles = {"log": f"nothing can be read in its log: {'; '.join(wrong)}"} if wrong else {}
    return Received(events=tuple(found.events), notices=tuple(notices), troubles=troubles)


async def look_up(api: Api, account: Account, message: OutgoingMessage, sent_at: datetime) -> Received:
    """What the log says of one message: by our reference, else the only row of its kind, contact, words and time
    that bears no other reference. Nothing where there are several. Raises TemporaryFailure or PermanentFailure."""
    rows = [Fields(row) for row in await _rows(api)]
    sent = [row for row in rows if _is_outbound(row) and row.first(account.status_map.status)]
    marked = [row for row in sent if row.first(account.status_map.ours) == message.reference]
    unmarked = [row for row in sent if not row.first(account.status_map.ours)]
    alike = [row for row in unmarked if _is_alike(row, message, sent_at, account)]
    found = Collected(account.channel, api.clock.now())
    for row in (marked or (alike if len(alike) == 1 else []))[:1]:
        take_report(found, Fields({**row.post, "crqid": message.reference}), account.status_map, account.price_usd)
    return Received(events=tuple(found.events))


async def _rows(api: Api) -> list[Post]:
    today = api.clock.now().astimezone(IST).date()
    question = {
        "startDate": (today - timedelta(days=1)).isoformat(),
        "endDate": today.isoformat(),
        "limit": str(ROWS_MAX),
    }
    rows: list[Post] = []
    for _ in range(PAGES_MAX):
        answer = await api.ask(LOGS, question)
        data, metadata = answer.get("data"), answer.get("metadata")
        if not isinstance(data, list):
            raise TemporaryFailure("MSG91's log holds no rows; set poll_logs to off, or log_method", code="log")
        rows += [_plain(row) for row in data if isinstance(row, dict)]
        token = metadata.get("paginationToken") if isinstance(metadata, dict) else None
        if not token or len(data) < ROWS_MAX:
            break
        question["paginationToken"] = str(token)
    return rows


# {"status": {"value": "Delivered", "metaData": null}, …}, or the values as they are; {"content": {"text": "…"}}
def _plain(row: Post) -> Post:
    return {
        key: _word(value["value"] if isinstance(value, dict) and "value" in value else value)
        for key, value in row.items()
    }


def _word(value: Any) -> str:
    """As a webhook would bring it: objects and lists are strings that hold JSON there."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _is_outbound(fields: Fields) -> bool:
    """A number tells nothing here: rows of contacts' messages are those without a status."""
    direction = fields.first(("direction",)).casefold()
    if direction in {"inbound", "outbound"}:
        return direction == "outbound"
    return bool(fields.first(("status",)))


def _is_alike(row: Fields, message: OutgoingMessage, sent_at: datetime, account: Account) -> bool:
    to = digits(row.first(account.status_map.to))
    asked_at = moment(row.first(("requestedAt",)))
    is_theirs = any(address.kind == "phone" and digits(address.value) == to for address in message.to)
    is_then = asked_at is not None and sent_at - CLOCKS_DIFFER <= asked_at
    return is_theirs and is_then and _says_the_same(row, message.content)


def _says_the_same(row: Fields, content: Content) -> bool:
    if isinstance(content, Template):
        return row.first(("templateName",)) == content.name
    told = row.first(("content.text", "content.body", "content"))
    if isinstance(content, Text) or told:
        return " ".join(told.split()) == " ".join(as_text(content).split())
    return False
