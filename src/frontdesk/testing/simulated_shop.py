"""The flows of a simulation: a small shop that changes them under traffic, and the host that they call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from frontdesk.core.effect import CallHttp
from frontdesk.core.flow import Book, UnknownBook
from frontdesk.core.position import Stored
from frontdesk.engine.calls import Reply
from frontdesk.engine.library import BookLost
from frontdesk.flows.book import compile_book
from frontdesk.ports import StoreUnavailable
from frontdesk.testing.simulated_world import LEASE_SECONDS, Faults, Pause

if TYPE_CHECKING:
    from random import Random

_RULES = """
languages: [en, hi]
variables: {contact.city: {type: text, longest: 30}}
interrupts: [{words: [menu], flow: menu}, {words: [boss], hand_off: managers}]
silence: [{after: 5 minutes, say: Still there?}, {after: 20 minutes, close: true}]
forgets_after: 1 day
"""
_MENU = """
title: Menu
starts_on: {first_contact: true, ads: ["*"]}
variables: {contact.visits: {type: number, default: 0}}
steps:
  count: {set: {contact.visits: "= contact.visits + 1"}}
  topic:
    choose: {en: What can we do?, hi: हम क्या करें?}
    options:
      order: {title: {en: Order status, hi: ऑर्डर}, next: order}
      booking: {title: {en: Book, hi: बुक}, next: booking}
      question: {title: {en: A question, hi: प्रश्न}, next: which}
    tries: 2
    otherwise: question
  order: {flow: order}
  more: {say: {en: Anything else?, hi: और कुछ?}, next: end}
  booking: {jump: booking}
  which: {ask: {en: Which one?, hi: कौन सा?}}
  question:
    answer: {tools: [parcel, cancel, city, book, anew, search_knowledge]}
    if_unanswered: people
    next: end
  people: {hand_off: {team: support, priority: high}}
  end: {end: true}
"""
_ORDER = """
title: Order
starts_on: {keywords: [my order, parcel], intents: [The customer looks for an order]}
variables: {flow.number: {type: text, longest: 12}, flow.status: {type: text, longest: 40}}
steps:
  number:
    ask: {en: Its number?, hi: नंबर?}
    expect: {type: text, maximum: 12}
    save: flow.number
    way_out: {words: [cancel], next: out}
  look:
    call: {host: shop, path: "/orders/{{ flow.number }}"}
    save: {flow.status: status}
    if_failed: away
  told: {say: "It is {{ flow.status | default('there') }}.", next: out}
  away: {wait: 5 minutes}
  again: {say: Please ask again now.}
  out: {say: Bye.}
  end: {end: true}
"""
_BOOKING = """
title: Booking
starts_on: {keywords: [book]}
variables: {flow.people: number}
steps:
  people: {ask: How many?, expect: {type: number, minimum: 1, maximum: 9}, save: flow.people}
  sure: {choose: "{{ flow.people }}, sure?", options: {sure: "Yes", other: {title: "No", next: people}}}
  book: {call: {host: shop, method: POST, path: /bookings, body: {people: "= flow.people"}}, if_failed: by_hand}
  booked: {say: Booked.}
  done: {resolve: true}
  by_hand: {hand_off: {text: A colleague will do that., summary: "{{ flow.people }}: {{ flow.failure }}"}}
"""
_TOOLS = """
tools:
  parcel:
    description: Tells where a parcel is.
    arguments: {number: {longest: 12}}
    call: {host: shop, path: "/parcels/{{ flow.number }}"}
    save: {place: place}
  cancel:
    description: Cancels an order.
    arguments: {number: {longest: 12}}
    call: {host: shop, method: POST, path: "/tools/cancel/{{ flow.number }}"}
    save: {state: state}
    confirm: "Cancel {{ flow.number }}?"
  city:
    description: Keeps the city.
    arguments: {city: {longest: 30}}
    remember: contact.city
    confirm: "Note {{ flow.city }}?"
  book: {description: Books a table., flow: booking, confirm: "Shall I book?"}
  anew: {description: Begins anew., flow: asked}
"""
_ASKED = """
title: Asked
starts_on: {keywords: [question]}
steps:
  question: {answer: {tools: [parcel, cancel, city, book, anew]}}
  end: {end: true}
"""
_CHANGED = _ORDER.replace("number:\n    ask", "which:\n    ask").replace("Its number?", "The number of it?")

_SOURCES = {"rules.yaml": _RULES, "menu.yaml": _MENU, "order.yaml": _ORDER, "booking.yaml": _BOOKING}
_SOURCES |= {"tools.yaml": _TOOLS, "asked.yaml": _ASKED}
_ELSE = _TOOLS.replace("/tools/cancel", "/tools/delete").replace("Cancel {{", "Delete {{")
_ASKED_MOVED = _ASKED + 'migration: {from: ["*"]}\n'
_MOVED = f'{_CHANGED}migration: {{from: ["*"], steps: {{number: which}}}}\n'

BOOKS: tuple[Book, ...] = (
    compile_book(_SOURCES),
    compile_book({**_SOURCES, "order.yaml": _CHANGED}),
    compile_book({**_SOURCES, "order.yaml": _MOVED}),
    compile_book({**_SOURCES, "tools.yaml": _ELSE, "asked.yaml": _ASKED_MOVED}),
)
"""As it was, changed without a migration, and with one; and with a tool that does something else by now."""

TOOLS = ("parcel", *["cancel"] * 8, *["city"] * 3, "book", "anew", "search_knowledge", "refund_all")
ARGUMENTS = {
    "parcel": ('{"number": "A1001"}', '{"number": "../tools/cancel/A1"}'),
    "cancel": (
        *['{"number": "A1001"}', '{"number": "A1002"}'] * 4,
        '{"number": "A1001", "phone": "15550100999"}',
        "{",
    ),
    "city": ('{"city": "Pune"}', '{"city": "Delhi"}', '{"city": "evil.example"}'),
    "search_knowledge": ('{"query": "parcel"}', "[]"),
}
"""What a model asks for; some of it is nonsense."""

WORDS = (
    "menu",
    "question",
    "boss",
    "my order",
    "book",
    "cancel",
    "A1001",
    "3",
    "1",
    "yes",
    "मेनू",
    "where is the parcel",
)


class Street(Protocol):
    """What a shop needs of the simulator."""

    rng: Random
    faults: Faults


class Shop:
    """All that processes share: which flows are in force, and what the host was asked."""

    def __init__(self, host: Street) -> None:
        self.host = host
        self.in_force: Book | None = host.rng.choice((None, *BOOKS))
        self.done: Counter[str] = Counter()

    def change(self) -> None:
        """The business changes its flows, where it has some."""
        if self.in_force is not None:
            self.in_force = self.host.rng.choice(BOOKS)


class SimulatedLibrary:
    """One process's: it has at hand what is in force, and what it was made to load."""

    def __init__(self, shop: Shop, at_hand: Iterable[Book] = ()) -> None:
        self._shop = shop
        self._loaded = {book.version: book for book in at_hand}

    @property
    def current(self) -> str:
        """See `Shelf`. A process may be told late of a change."""
        in_force = self._shop.in_force
        if in_force is None:
            return ""
        if in_force.version in self._loaded or self._shop.host.rng.random() < 0.5:
            return in_force.version
        return next(iter(self._loaded), in_force.version)

    def book(self, version: str) -> Book:
        """See `core.flow.Flows`."""
        if version not in self._loaded:
            raise UnknownBook(version)
        return self._loaded[version]

    def shows_buttons(self, _channel: str) -> bool:
        """It does."""
        return True

    async def load(self, version: str) -> Book:
        """See `Shelf`."""
        await Pause()
        if self._shop.host.faults.strike("store unavailable"):
            raise StoreUnavailable("the disk is full")
        found = next((book for book in BOOKS if book.version == version), None)
        if found is None:
            raise BookLost(f"version {version} of the flows is in no store")
        self._loaded[version] = found
        return found


class SimulatedHost:
    """What stands behind `shop`: it may be slow, away, or do what it was asked and not say so."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def ask(self, effect: CallHttp) -> Reply:
        """See `Calls`."""
        faults, rng = self._shop.host.faults, self._shop.host.rng
        await Pause(rng.uniform(0.05, 1.0))
        if faults.strike("host slow"):
            await Pause(rng.uniform(LEASE_SECONDS, 2 * LEASE_SECONDS))
        if faults.strike("host away"):
            return Reply(failure="no connection", is_passing=True)
        self._shop.done[effect.id] += 1
        if faults.strike("host silent"):
            return Reply(failure="time-out", may_be_done=True, is_passing=True)
        if faults.strike("host broken"):
            raise ValueError("a bug in the client")
        values: dict[str, Stored] = {name: rng.choice(("packed", 5, None, "x" * 200)) for name, _ in effect.wants}
        return Reply(status=200, values=values)
