"""The accounts after a time of faults: what customers wrote and the vendor took, held against what the store keeps."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs

from frontdesk.core.effect import SendMessage
from frontdesk.core.event import SendFailed, SendSucceeded, SendUnknown, StatusChanged
from frontdesk.core.message import Message, MessageStatus
from frontdesk.ports import JournalEntry, Store
from frontdesk.testing.process import Customers


class Accounts(Struct, frozen=True, kw_only=True):
    """What was found. Everything but the counts must be empty.

    `lost`: written and acknowledged, and not kept. `doubled`: kept or sent twice. `shuffled`: contacts to whom
    messages left in another order than that of the decisions. `unanswered`: contacts whose last message the bot has
    and has not answered. `interrupting`: messages that left though a hand-off had withdrawn them. `behind`: messages
    whose status is not the last one that the vendor reported, as it would be if a status had moved backwards.
    """

    kills: int
    written: int
    sent: int
    held: int
    withdrawn: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    shuffled: tuple[str, ...]
    unanswered: tuple[str, ...]
    interrupting: tuple[str, ...]
    behind: tuple[str, ...]

    @property
    def faults(self) -> dict[str, tuple[str, ...]]:
        """Every promise that was broken, with examples."""
        return {name: found[:5] for name, found in structs.asdict(self).items() if isinstance(found, tuple) and found}

    def __str__(self) -> str:
        return (
            f"{self.kills} x kill -9 under load: {self.written} messages written, {self.sent} sent, "
            f"{self.held} held for a person, {self.withdrawn} withdrawn at a hand-off; {len(self.lost)} lost, "
            f"{len(self.doubled)} doubled, {len(self.shuffled)} out of order, {len(self.unanswered)} neither answered "
            f"nor shown to a person, {len(self.interrupting)} sent after a hand-off, {len(self.behind)} with a status "
            "that moved backwards"
        )


class _Found:
    """What has been gathered from the conversations so far."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.messages: dict[str, Message] = {}
        self.shuffled: list[str] = []
        self.unanswered: list[str] = []
        self.withdrawn: set[str] = set()

    def add(self, phone: str, messages: Sequence[Message], accepted: list[str], *, is_the_bots: bool) -> None:
        """One conversation; `accepted`: the references that the vendor took for it, in its order."""
        self.kept += [one.provider_message_id or "" for one in messages if one.author == "contact"]
        ours = {one.id: one for one in messages if one.author != "contact"}
        self.messages |= ours
        if accepted != [one for one in ours if one in accepted]:
            self.shuffled.append(phone)
        if is_the_bots and not _is_answered(messages, set(accepted)):
            self.unanswered.append(phone)


async def count(customers: Customers, store: Store, kills: int) -> Accounts:
    """Go through everybody who wrote."""
    ledger, inbound = await customers.ledger(), await customers.inbound()
    accepted: dict[str, list[str]] = defaultdict(list)
    for entry in ledger:
        accepted[entry["to"].lstrip("+")].append(entry["reference"])
    found = _Found()
    for phone in sorted({entry["from"] for entry in inbound}):
        known = await store.find("main", phone)
        state = await store.conversation(known) if known else None
        if known and state:
            messages = await store.messages(known)
            found.add(phone, messages, accepted[phone], is_the_bots=state.handler == "bot")
            found.withdrawn |= _withdrawn([entry async for entry in store.journal(known)])
    return _balance(found, ledger, {entry["wamid"] for entry in inbound}, kills)


def _balance(found: _Found, ledger: Sequence[dict[str, Any]], written: set[str], kills: int) -> Accounts:
    references = [entry["reference"] for entry in ledger]
    statuses = {id_: message.status for id_, message in found.messages.items()}
    return Accounts(
        kills=kills,
        written=len(written),
        sent=len(ledger),
        held=sum(status is MessageStatus.UNKNOWN for status in statuses.values()),
        withdrawn=len(found.withdrawn),
        lost=tuple(written - set(found.kept)),
        doubled=(*_repeated(references), *_repeated(found.kept)),
        shuffled=tuple(found.shuffled),
        unanswered=tuple(found.unanswered),
        interrupting=tuple(found.withdrawn & set(references)),
        behind=tuple(one["reference"] for one in ledger if statuses.get(one["reference"]) != one["status"]),
    )


def _withdrawn(journal: Sequence[JournalEntry]) -> set[str]:
    """The bot's messages that had not begun to leave when people got the conversation: another one before them was
    not settled yet, and they leave one at a time."""
    waiting: list[str] = []
    withdrawn: set[str] = set()
    for entry in journal:
        event = entry.event
        if isinstance(event, SendSucceeded | SendFailed | SendUnknown) and event.effect_id in waiting:
            waiting.remove(event.effect_id)
        elif isinstance(event, StatusChanged) and event.reference in waiting:
            waiting.remove(event.reference)
        sends = [effect for effect in entry.effects if isinstance(effect, SendMessage)]
        if any(send.author == "notice" for send in sends):
            withdrawn |= set(waiting[1:])
            waiting.clear()
        waiting += [send.id for send in sends if send.author == "bot"]
    return withdrawn


def _repeated(ids: Sequence[str]) -> list[str]:
    return [one for one, times in Counter(ids).items() if times > 1]


def _is_answered(messages: Sequence[Message], accepted: set[str]) -> bool:
    """Whether something that the vendor accepted comes after the contact's last message."""
    for message in reversed(messages):
        if message.author == "contact":
            return False
        if message.id in accepted:
            return True
    return False
