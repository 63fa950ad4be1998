"""What a model's answer has to keep to before a contact may read it. Pure, and applied on the event, so that no
provider, old or new, gets around it, and the journal shows what was refused and why.

An answer that breaks a rule is never mended, it goes to people: one with a stranger's link in it was written by
somebody who talked the model over, or was made up, and is not better without the link ("pay at … now"). Only what
cannot be seen is taken out (directions that turn a text around, blanks without width, hidden tags).

Where an answer has to cite a passage is the business's to say (`policy.demands_sources`, or an `answer` step). What a
rule cannot see: whether the passage says what the answer says, and an instruction of ours in other words or another
language. Neither is a secret that anybody could use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

from frontdesk.core.event import ReplyDrafted
from frontdesk.core.letters import clean_lines, fold
from frontdesk.core.links import is_below, links_in, plain
from frontdesk.core.markup import to_whatsapp
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import COLLEAGUE, defused, repeats_orders

SHOWN_CHARACTERS_MAX = 80
LINKS_MAX = 50

_CONTROL_WORD = re.compile(
    r"^\W*(?:ANSWER|UNKNOWN|PERSON)\W*$|^\W*SOURCES?:|\[\[?\s*hand[_ -]?off\s*\]?\]"
    r"|^\W*\{\s*\"(?:text|is_answer|hands_off)\"",
    re.MULTILINE,
)
_PERSON = re.compile(
    r"\bi(?: am|['’]?m)(?: (?:really|actually|indeed|of course|just|only))? (?:an? )?(?:actual |real |living )*"
    r"(?:human|person|man|woman)\b(?![-\w])"
    r"|\bi(?: am|['’]?m) (?:not|no) (?:an? )?(?:\w+ )?(?:bot|robot|machine|ai|computer|automated|automatic|program)\b"
    r"|\byou(?: a|['’])re (?:talking|chatting|speaking|writing) (?:to|with) (?:an? )?(?:real |actual )?"
    r"(?:human|person)\b"
    r"|(?:मैं|मै|में) (?:तो )?(?:एक )?(?:असली |सच्चा |सच में )*(?:इंसान|इन्सान|मनुष्य|आदमी|औरत|व्यक्ति) "
    r"(?:ही )?(?:हूँ|हूं|हु)"
    r"|(?:मैं|मै|में) (?:कोई )?(?:एक )?(?:बॉट|रोबोट|मशीन|एआई) नह[ीि]"
    r"|\b(?:main|mai|mein|me) (?:to )?(?:ek )?(?:real |asli |sach me )*(?:insaan|insan|human|person|aadmi|aurat) "
    r"(?:hi )?(?:hoon|hun|hu|hoo)\b"
    r"|\b(?:main|mai|mein|me) (?:koi )?(?:ek )?(?:bot|robot|machine|ai) nah?i+n?\b",
    re.IGNORECASE,
)
"""Simple sentences in English, in Hindi, and in Hindi as it is typed; more than that needs people's eyes."""


def visible(event: ReplyDrafted) -> str:
    """The answer as WhatsApp would show it."""
    return clean_lines(to_whatsapp(clean_lines(event.text))).strip()


def objection(event: ReplyDrafted, policy: Policy, *, demands_sources: bool) -> str:
    """Why the answer must not be said, for people; "" where it may."""
    text = visible(event)
    if demands_sources and event.is_answer and not event.sources:
        return "it cites no passage that it was given, and the policy demands one"
    return words_objection(text, policy, event.links)


def words_objection(text: str, policy: Policy, cited: Collection[str] = ()) -> str:
    """The same of any words that a model had a hand in; `cited`: the links that may stand in them."""
    too_long = _length(text, policy)
    return too_long or next(filter(None, (rule(text) for rule in _RULES)), "") or _links(text, policy, cited)


def _length(text: str, policy: Policy) -> str:
    longest = policy.answer_characters_max
    return f"it is longer than {longest} characters (policy.answer_characters_max)" if len(text) > longest else ""


def _links(text: str, policy: Policy, cited: Collection[str]) -> str:
    allowed = {plain(link) for link in cited}
    for link in links_in(text):
        is_ours = link.is_plain and is_below(link.host, policy.link_hosts)
        if not is_ours and plain(link.text) not in allowed:
            shown = link.text[:SHOWN_CHARACTERS_MAX]
            return f"it links to {shown}, which stands in no passage that it cites nor in policy.link_hosts"
    return ""


def _marks(text: str) -> str:
    return "it holds marks that are for the model only" if defused(text) != text or COLLEAGUE in text else ""


def _control_words(text: str) -> str:
    return "it holds a control word" if _CONTROL_WORD.search(text) else ""


def _orders(text: str) -> str:
    return "it repeats the instructions that the model was given" if repeats_orders(text) else ""


def _claims(text: str) -> str:
    plainly = " ".join(re.sub(r"[*_~`]", "", text).split())
    found = _PERSON.search(plainly) or _PERSON.search(fold(plainly))
    return "it says that a person is writing" if found else ""


_RULES: tuple[Callable[[str], str], ...] = (_marks, _control_words, _orders, _claims)


def links_of(texts: Iterator[str]) -> tuple[str, ...]:
    """All links of the passages that an answer cites, for `ReplyDrafted.links`."""
    return tuple(dict.fromkeys(plain(link.text) for text in texts for link in links_in(text)))[:LINKS_MAX]
