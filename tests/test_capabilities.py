"""What a provider declares reaches the questions and the check of flows, by the name of the channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from frontdesk.config import build
from frontdesk.container import Container, capabilities_of, plain_channels
from frontdesk.core.capabilities import EVERYTHING, Capabilities
from frontdesk.core.event import Address
from frontdesk.core.message import Media, Template, TemplateParameter, TemplatePart, Text, Unsupported
from frontdesk.plugin import Offer, load_plugins

SECTIONS: dict[str, Any] = {
    "main": {
        "provider": "whatsapp_cloud",
        "phone_number_id": "1",
        "access_token": {"env": "WORD"},
        "app_secret": {"env": "WORD"},
        "verify_token": {"env": "WORD"},
    },
    "india": {
        "provider": "msg91",
        "integrated_number": "15550100001",
        "authkey": {"env": "WORD"},
        "webhook_secret": {"env": "WORD"},
    },
}


def container(tmp_path: Path) -> Container:
    settings = build({"data_dir": str(tmp_path), "channels": SECTIONS}, {"WORD": "word"}, where="the test")
    return Container(settings=settings, offers=load_plugins(settings.plugins()))


def test_each_channel_can_do_what_its_provider_declares(tmp_path: Path) -> None:
    known = container(tmp_path).capabilities()
    assert known["main"] == Capabilities()
    assert "sticker" in EVERYTHING - known["india"].sends
    assert not known["india"].quotes


@pytest.mark.parametrize(
    ("sends", "shows"),
    [(EVERYTHING, True), (EVERYTHING - {"buttons"}, False), (EVERYTHING - {"list_menu"}, False), ({"text"}, False)],
    ids=["everything", "no buttons", "no lists", "words"],
)
def test_questions_on_a_channel_without_buttons_are_written_out(tmp_path: Path, sends: Any, shows: bool) -> None:
    built = container(tmp_path)
    offers = built.offers()
    offer = offers.channels["msg91"]
    can = Capabilities(sends=frozenset(sends))
    offers.channels["msg91"] = Offer(offer.name, offer.options, offer.build, capabilities=can)
    assert built.library().shows_buttons("main")
    assert built.library().shows_buttons("india") is shows
    assert plain_channels(capabilities_of(built.settings(), offers)) == (frozenset() if shows else {"india"})


PHONE = (Address("phone", "15550100045"),)
KEPT = Media(kind="image", media_id="1")
HEADER = TemplatePart(part="header", parameters=(TemplateParameter(media=KEPT),))


@pytest.mark.parametrize(
    ("content", "to", "elsewhere", "at_home"),
    [
        (Text(body="hi"), PHONE, "", ""),
        (Text(body="hi"), (Address("scoped_id", "IN.1"),), "no address of kind phone", "no address of kind phone"),
        (Text(body="hi"), (), "no address of kind phone", "no address of kind phone"),
        (Media(kind="sticker", link="https://a.example/1"), PHONE, "kind sticker", "kind sticker"),
        (Media(kind="image", link="https://a.example/1"), PHONE, "", ""),
        (KEPT, PHONE, "only an id", ""),
        (Template(name="t", language="en", parts=(HEADER,)), PHONE, "only an id", ""),
        (Template(name="t", language="en"), PHONE, "", ""),
        (Unsupported(kind="poll"), PHONE, "kind Unsupported", "kind Unsupported"),
    ],
)
def test_what_a_channel_can_carry_for_another(content: Any, to: Any, elsewhere: str, at_home: str) -> None:
    can = Capabilities(sends=EVERYTHING - {"sticker"}, reaches=frozenset({"phone"}))
    for told, expected in (
        (can.obstacle(content, to), elsewhere),
        (can.obstacle(content, to, is_home=True), at_home),
    ):
        assert expected in told
        assert bool(told) == bool(expected)


def test_who_keeps_no_files_knows_none_by_an_id_at_home_either() -> None:
    assert "only an id" in Capabilities(keeps_files=False).obstacle(KEPT, PHONE, is_home=True)
