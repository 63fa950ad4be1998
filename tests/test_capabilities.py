"""What a provider declares reaches the questions and the check of flows, by the name of the channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from frontdesk.config import build
from frontdesk.container import Container, capabilities_of, plain_channels
from frontdesk.core.capabilities import EVERYTHING, Capabilities
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
