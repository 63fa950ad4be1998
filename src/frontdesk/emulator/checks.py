"""The shape of a message of the business: every limit that Meta documents, counted in code points.

Stricter than Meta in one place: a key that the reference does not name is refused everywhere, even at the top, where
Meta lets it pass; a misspelt key would otherwise be a feature that silently does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from frontdesk.emulator.errors import GraphError
from frontdesk.emulator.interactive import check_interactive
from frontdesk.emulator.parts import Body, HasMedia, array, check_file, flag, invalid, known, obj, path, words

_TOP = {
    "messaging_product",
    "recipient_type",
    "to",
    "recipient",
    "type",
    "context",
    "biz_opaque_callback_data",
    "recipient_identity_key_hash",
}
MEDIA_KEYS: dict[str, set[str]] = {
    "image": {"id", "link", "caption"},
    "video": {"id", "link", "caption"},
    "audio": {"id", "link", "voice"},
    "document": {"id", "link", "caption", "filename"},
    "sticker": {"id", "link"},
}
_CARD_KEYS = {"name", "phones", "emails", "addresses", "org", "urls", "birthday"}
_NAME_PARTS = {"first_name", "last_name", "middle_name", "prefix", "suffix"}


def check_envelope(body: Body) -> str:
    """Check what every message has in common; returns its type."""
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(
            "100_invalid_parameter",
            "The parameter messaging_product is required.",
            message="(#100) The parameter messaging_product is required.",
        )
    if not body.get("to") and not body.get("recipient"):
        raise GraphError("131008_missing_param", "The parameter to is required.")
    if body.get("recipient_type", "individual") not in ("individual", "group"):
        raise GraphError("131009_bad_param", "Param recipient_type must be one of {individual, group}.")
    for key in ("to", "recipient"):
        if not isinstance(body.get(key, ""), str):
            raise invalid(f"Param {key} must be a string.")
    if "biz_opaque_callback_data" in body:
        words(body, "biz_opaque_callback_data", "", most=512, name="100_invalid_parameter")
    if "context" in body:
        context = obj(body, "context", "")
        known(context, {"message_id"}, "context")
        words(context, "message_id", "context", most=512)
    kind = body.get("type", "text")
    if not isinstance(kind, str) or kind not in CHECKS:
        raise GraphError("131051_unsupported_type")
    known(body, _TOP | {kind}, "")
    return kind


def _check_text(body: Body, _: HasMedia) -> None:
    text = obj(body, "text", "")
    known(text, {"body", "preview_url"}, "text")
    words(text, "body", "text", most=4096, name="100_invalid_parameter")
    flag(text, "preview_url", "text")


def _check_media(body: Body, has_media: HasMedia) -> None:
    kind = body["type"]
    media = obj(body, kind, "")
    known(media, MEDIA_KEYS[kind], kind)
    check_file(media, kind, has_media)
    flag(media, "voice", kind)
    if media.get("caption"):
        words(media, "caption", kind, most=1024)
    if "filename" in media:
        words(media, "filename", kind, most=240)


def _check_location(body: Body, _: HasMedia) -> None:
    place = obj(body, "location", "")
    known(place, {"latitude", "longitude", "name", "address"}, "location")
    for key, most in (("latitude", 90), ("longitude", 180)):
        if key not in place:
            raise GraphError("131008_missing_param", f"The parameter location['{key}'] is required.")
        try:
            is_on_earth = abs(float(place[key])) <= most
        except (TypeError, ValueError):
            is_on_earth = False
        if not is_on_earth:
            raise GraphError("131009_bad_param", f"Param location['{key}'] must be between -{most} and {most}.")


def _check_contacts(body: Body, _: HasMedia) -> None:
    for index, card in enumerate(array(body, "contacts", "", most=257, noun="contacts")):
        where = f"contacts[{index}]"
        known(card, _CARD_KEYS, where)
        name = obj(card, "name", where)
        known(name, {"formatted_name"} | _NAME_PARTS, path(where, "name"))
        words(name, "formatted_name", path(where, "name"), most=1024)
        if not any(name.get(part) for part in _NAME_PARTS):
            reason = "At least one of the optional parameters needs to be included along with the formatted_name."
            raise GraphError("131009_bad_param", reason)


def _check_reaction(body: Body, _: HasMedia) -> None:
    reaction = obj(body, "reaction", "")
    known(reaction, {"message_id", "emoji"}, "reaction")
    words(reaction, "message_id", "reaction", most=512)
    if "emoji" not in reaction:
        raise GraphError("131008_missing_param", "The parameter reaction['emoji'] is required.")
    emoji = reaction["emoji"]
    if not isinstance(emoji, str) or len(emoji) > 16 or emoji.isascii() != (emoji == ""):
        raise GraphError("131009_bad_param", "Param reaction['emoji'] must be a single emoji.")


def _check_interactive(body: Body, has_media: HasMedia) -> None:
    check_interactive(obj(body, "interactive", ""), has_media)


def _check_template(body: Body, _: HasMedia) -> None:
    obj(body, "template", "")


CHECKS: dict[str, Callable[[Body, HasMedia], None]] = {
    "text": _check_text,
    **dict.fromkeys(MEDIA_KEYS, _check_media),
    "location": _check_location,
    "contacts": _check_contacts,
    "reaction": _check_reaction,
    "interactive": _check_interactive,
    "template": _check_template,
}
