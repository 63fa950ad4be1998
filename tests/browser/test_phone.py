"""A customer's phone in real Chromium, against a running demo: what is typed, tapped and attached reaches the service,
and what the service does is seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from browser.conftest import OpenPhone
from browser.phone import Phone
from frontdesk.core.message import (
    Button,
    Buttons,
    ContactCards,
    ListMenu,
    Location,
    Media,
    MessageStatus,
    Row,
    Section,
    Text,
)
from frontdesk.testing.process import until

pytestmark = pytest.mark.anyio

PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000"
    "000049454e44ae426082"
)


async def test_a_question_is_answered_while_dots_are_seen_and_its_ticks_turn_blue(phone: Phone) -> None:
    await phone.is_greeted()
    await phone.breaks({"on": "send", "kind": "latency", "value": 1})
    await phone.write("What does delivery cost?")
    await expect(phone.page.locator("#typing")).to_be_visible()
    await expect(phone.page.locator("#presence")).to_have_text("typing…")
    await expect(phone.theirs("Standard delivery costs 4.90")).to_be_visible()
    await expect(phone.page.locator("#typing")).to_be_hidden()
    await expect(phone.mine("What does delivery cost?").locator(".ticks.read")).to_be_visible()
    colour = "getComputedStyle(document.querySelector('.ticks.read')).color"
    assert await phone.page.evaluate(colour) == "rgb(27, 143, 214)"


async def test_what_the_business_sent_counts_as_read_when_it_is_seen(phone: Phone) -> None:
    await phone.is_greeted()

    async def is_read() -> bool:
        return [one.status for one in await phone.stored() if one.author == "bot"] == [MessageStatus.READ]

    await until(is_read, 5, "the greeting is read")


async def test_a_button_is_tapped(phone: Phone) -> None:
    await phone.is_greeted()
    buttons = (Button(id="yes", title="Yes, please"), Button(id="no", title="No, thanks"))
    await phone.receives(Buttons(body="Shall we *call* you?", footer="It is free", buttons=buttons))
    await expect(phone.theirs("Shall we call you?").locator("strong")).to_have_text("call")
    await phone.page.get_by_role("button", name="Yes, please").click()
    await expect(phone.mine("Yes, please")).to_be_visible()
    await expect(phone.mine("Yes, please").locator("blockquote")).to_contain_text("Shall we")

    async def tapped() -> bool:
        return any("yes" in str(one.content) for one in await phone.stored() if one.author == "contact")

    await until(tapped, 5, "the service has the button's id")


async def test_a_row_of_a_list_is_chosen_and_a_sheet_can_be_left(phone: Phone) -> None:
    await phone.is_greeted()
    rows = (Row(id="am", title="Morning", description="9 to 12"), Row(id="pm", title="Afternoon"))
    menu = ListMenu(body="When suits you?", button="See the times", sections=(Section(title="Monday", rows=rows),))
    await phone.receives(menu)
    await phone.page.get_by_role("button", name="See the times").click()
    sheet = phone.page.get_by_role("dialog")
    await expect(sheet).to_contain_text("Monday")
    await phone.page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    await phone.page.get_by_role("button", name="See the times").click()
    await sheet.get_by_role("button", name="Morning").click()
    await expect(sheet).to_be_hidden()
    await expect(phone.mine("Morning")).to_be_visible()


async def test_a_photo_a_voice_note_a_place_and_a_number_are_sent(phone: Phone) -> None:
    await phone.is_greeted()
    await phone.attach("Sample photo")
    picture = phone.mine().locator("img.picture")
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("naturalWidth", 640)
    await phone.page.get_by_role("button", name="Send a voice note").click()
    await expect(phone.mine().locator(".voice")).to_be_visible()
    await phone.attach("Location")
    await expect(phone.mine("Sample Square").locator(".map")).to_be_visible()
    await phone.attach("My number")
    await expect(phone.mine().locator(".card")).to_be_visible()
    await expect(phone.theirs("I can only read text.").first).to_be_visible()

    async def all_are_there() -> bool:
        kinds = [type(one.content) for one in await phone.stored() if one.author == "contact"]
        return kinds == [Text, Media, Media, Location, ContactCards]

    await until(all_are_there, 5, "the service has all four")


async def test_files_of_the_disk_are_sent(phone: Phone, tmp_path: Path) -> None:
    await phone.is_greeted()
    for name, kind in (("a.png", "Photo from disk"), ("Größe & <b>.pdf", "Document")):
        (tmp_path / name).write_bytes(PICTURE if name.endswith("png") else b"%PDF-1.7\n%%EOF\n")
        async with phone.page.expect_file_chooser() as chooser:
            await phone.attach(kind)
        await (await chooser.value).set_files(tmp_path / name)
    await expect(phone.mine().locator("img.picture")).to_have_js_property("naturalWidth", 1)
    await expect(phone.mine("Größe & <b>.pdf").locator(".file")).to_be_visible()


async def test_offline_nothing_leaves_and_later_everything_does(phone: Phone) -> None:
    await phone.is_greeted()
    await phone.switch("Offline", on=True)
    await expect(phone.page.locator("#network-note")).to_have_text("On: offline")
    await phone.write("Are you there?")
    await expect(phone.mine("Are you there?").locator(".ticks.pending")).to_be_visible()
    assert [one.content for one in await phone.stored() if one.author == "contact"] == [Text(body="hi")]
    await phone.switch("Offline", on=False)
    await phone.has_written(Text(body="Are you there?"))
    await expect(phone.mine("Are you there?").locator(".ticks.read")).to_be_visible(timeout=10_000)


async def test_every_webhook_twice_is_answered_once(phone: Phone) -> None:
    await phone.switch("Duplicate", on=True)
    await phone.is_greeted()
    await phone.write("Can I pay with PayPal?")
    await expect(phone.theirs("PayPal")).to_be_visible()
    await expect(phone.mine("PayPal").locator(".ticks.read")).to_be_visible()
    await expect(phone.theirs()).to_have_count(2)
    await phone.switch("Duplicate", on=False)
    await expect(phone.page.locator("#network-note")).to_be_empty()


async def test_a_slow_network_delays_and_loses_nothing(phone: Phone) -> None:
    await phone.switch("Slow", on=True)
    await phone.write("hi")
    await expect(phone.mine("hi").locator(".ticks.pending")).to_be_visible()
    await expect(phone.theirs("Hello!")).to_be_visible(timeout=10_000)
    await phone.switch("Slow", on=False)


async def test_words_of_strangers_stay_words(phone: Phone) -> None:
    text = "<img src=x onerror=alert(1)> *bold* _odd_ https://example.com/a?b=1."
    await phone.write(text)
    bubble = phone.mine("<img src=x onerror=alert(1)>")
    await expect(bubble.locator("strong")).to_have_text("bold")
    await expect(bubble.locator("a")).to_have_attribute("href", "https://example.com/a?b=1")
    await expect(bubble.locator("img")).to_have_count(0)
    await phone.has_written(Text(body=text))


async def test_the_keyboard_is_enough(phone: Phone) -> None:
    await phone.words.focus()
    await phone.page.keyboard.type("one")
    await phone.page.keyboard.press("Shift+Enter")
    await phone.page.keyboard.type("two")
    await phone.page.keyboard.press("Enter")
    await phone.has_written(Text(body="one\ntwo"))
    await expect(phone.words).to_be_focused()
    await expect(phone.words).to_have_value("")
    await phone.page.get_by_role("button", name="Attach").press("Enter")
    await expect(phone.page.get_by_role("button", name="Sample photo")).to_be_focused()
    await phone.page.keyboard.press("Escape")
    await expect(phone.page.get_by_role("button", name="Attach")).to_be_focused()


async def test_the_chat_is_there_again_after_a_reload(phone: Phone) -> None:
    await phone.is_greeted()
    await phone.page.reload()
    await expect(phone.theirs("Hello!")).to_have_count(1)
    await expect(phone.mine("hi")).to_have_count(1)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_it_fits_without_scrolling_sideways(open_phone: OpenPhone, width: int) -> None:
    phone = await open_phone(width, 844)
    await phone.is_greeted()
    await phone.write(f"{'x' * 300} https://example.com/{'y' * 200}")
    await phone.receives(Text(body="z" * 500))
    await expect(phone.theirs("zzz")).to_be_visible()
    await phone.check_that_it_fits()
    opener = phone.page.get_by_role("button", name="Customer and network")
    if await opener.is_visible():
        await opener.click()
        await expect(phone.page.get_by_role("navigation", name="Customers")).to_be_visible()
        await phone.check_that_it_fits()


async def test_the_readme_shows_the_phone_as_it_is(phone: Phone) -> None:
    """Writes the README's picture, phone.png, into the folder that FRONTDESK_SCREENSHOTS names."""
    await phone.is_greeted()
    await phone.write("What does delivery cost, and how long does it take?")
    await expect(phone.theirs("4.90")).to_be_visible()
    await phone.write("Can I return shoes that do not fit?")
    await expect(phone.theirs("exchanged free of charge")).to_be_visible()
    await expect(phone.mine().locator(".ticks.read")).to_have_count(3)
    await phone.words.blur()
    if os.environ.get("FRONTDESK_SCREENSHOTS"):
        picture = Path(os.environ["FRONTDESK_SCREENSHOTS"]) / "phone.png"
        await phone.page.get_by_role("main").screenshot(path=picture, animations="disabled")
        assert picture.stat().st_size < 200_000
