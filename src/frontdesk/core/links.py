"""Links in a text, as a contact's WhatsApp finds them: with a scheme, or bare (`shop.example/returns`, `www.…`,
`asha@shop.example`), for both can be tapped.

Deliberately greedy: what is taken for a link and is none costs a hand-off, what is overlooked may lead a contact to a
stranger's page. So any two words with a dot between them count, but for a sentence that begins without a blank by one
of the words that often do ("open.We") and for endings outside ASCII that no registry has. So do four numbers that are
an address, and a name at a name (`refund@okaxis`), to which money can be sent in India. Letters and dots of other
widths are read as browsers read them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from msgspec import Struct

LINK_CHARACTERS_MAX = 500
_LETTER = r"[\w\u0300-\u036f\u0900-\u0dff]"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_FOUND = re.compile(
    rf"[a-z][a-z0-9+.\-]{{0,30}}://\S+"
    rf"|(?<![\w@.\-])(?P<address>(?:{_OCTET}\.){{3}}{_OCTET}(?![\w\-]|\.\d)(?:[:/?#\\]\S*)?)"
    rf"|(?<![\w@.\-])(?:[\w.+\-]{{1,64}}@)?(?:(?:{_LETTER}|-){{1,63}}\.){{1,8}}(?P<ending>{_LETTER}(?:{_LETTER}|-){{1,23}})"
    rf"(?!{_LETTER}|-)(?:[:/?#\\]\S*)?"
    r"|(?<![\w@.\-])(?P<payee>[a-z0-9][\w.\-]{0,63}@[a-z][a-z0-9]{1,30})(?![\w@\-]|\.\w)",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?'\"`)]}>*_~…।”’»|"
_FOREIGN = {
    "भारत", "भारतम्", "भारोत", "संगठन", "कॉम", "नेट", "ভারত", "இந்தியா", "рф", "укр", "онлайн", "сайт", "ком", "орг",
    "ею", "бел", "срб", "中国", "中國", "网址", "网站", "在线", "コム", "한국",
}  # fmt: skip
_OPENERS = {
    "we", "the", "our", "your", "if", "for", "please", "thank", "thanks", "this", "that", "these", "they",
    "there", "when", "what", "can", "also", "and", "but", "or", "yes", "all", "he", "she",
    "wir", "sie", "die", "der", "das", "ihr", "ihre", "bitte", "wenn", "und", "aap", "hum", "kya", "agar",
}  # fmt: skip
"""No registry has one of these."""

_OTHER_DOT = re.compile(r"(?<=[A-Za-z0-9])\u3002(?=[A-Za-z])")


class Link(Struct, frozen=True):
    """One link: as it is written (without marks around it), and the host that it leads to. `is_plain`: a page on the
    web or a mail address, with nothing in it that hides where it leads."""

    text: str
    host: str
    is_plain: bool


def links_in(text: str) -> Iterator[Link]:
    """All links of a text, in order."""
    for found in _FOUND.finditer(_OTHER_DOT.sub(".", unicodedata.normalize("NFKC", text))):
        written = found[0].rstrip(_TRAILING)
        if "://" in written:
            yield _with_scheme(written)
        elif found["address"] or found["payee"]:
            yield Link(written, re.split(r"[:/?#\\@]", written, maxsplit=1)[0].casefold(), is_plain=False)
        elif _is_domain(written, found["ending"]):
            place = re.split(r"[/?#\\]", written, maxsplit=1)[0]
            host = place.rpartition("@")[2].partition(":")[0]
            yield Link(written, host.casefold(), "\\" not in written and "@" not in written[len(place) :])


def _with_scheme(written: str) -> Link:
    scheme, _, rest = written.partition("://")
    place = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    host = place.rpartition("@")[2].partition(":")[0].rstrip(".").casefold()
    is_plain = scheme.casefold() in {"http", "https"} and "@" not in place and "\\" not in rest
    return Link(written, host, is_plain)


def _is_domain(written: str, ending: str) -> bool:
    if any(letter.isdigit() or letter == "_" for letter in ending) and not ending.casefold().startswith("xn--"):
        return False
    if not ending.isascii():
        return ending in _FOREIGN
    begins_a_sentence = ending.istitle() and ending.casefold() in _OPENERS and "@" not in written
    return not begins_a_sentence or "/" in written


def plain(link: str) -> str:
    """A link as it is compared: without scheme, `www.` and a slash at the end, hosts in lower case."""
    rest = re.sub(r"^(?:https?://)?(?:www\.)?", "", link[:LINK_CHARACTERS_MAX], flags=re.IGNORECASE)
    place, *more = re.split(r"(?=[/?#])", rest, maxsplit=1)
    return (place.casefold() + "".join(more)).rstrip("/")


def is_below(host: str, hosts: Collection[str]) -> bool:
    """Whether a host is one of `hosts` or lies below one."""
    return any(host == one or host.endswith(f".{one}") for one in map(str.casefold, hosts))
