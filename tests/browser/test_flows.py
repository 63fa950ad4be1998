"""The sample shop's flows, led through by a customer in real Chromium: lists, buttons, a host, a photo, a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count

import pytest
from playwright.async_api import Browser, expect

from browser.phone import Phone
from frontdesk.core.conversation import Handler
from frontdesk.demo import Shop, open_shop
from frontdesk.testing.process import until

_NUMBERS = count(919_876_500_000)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def flow_shop(browser: Browser) -> AsyncIterator[Shop]:
    async with open_shop("127.0.0.1", 0) as shop:
        yield shop


@pytest.fixture(params=[(1280, 900), (390, 800)], ids=["desktop", "phone"])
async def customer(browser: Browser, flow_shop: Shop, request: pytest.FixtureRequest) -> AsyncIterator[Phone]:
    width, height = request.param
    async with AsyncExitStack() as stack:
        context = await browser.new_context(viewport={"width": width, "height": height})
        stack.push_async_callback(context.close)
        number = str(next(_NUMBERS))
        phone = Phone(flow_shop, await context.new_page(), number)
        await phone.open()
        yield phone
        await phone.check_that_it_fits()
        await phone.check_that_all_is_well()


async def choose(phone: Phone, button: str, row: str) -> None:
    """Open a list and take a row."""
    await phone.page.get_by_role("button", name=button).last.click()
    await phone.page.get_by_role("dialog").get_by_role("button", name=row).click()


async def test_a_customer_is_led_from_the_menu_to_their_parcel(customer: Phone) -> None:
    await customer.write("hi")
    await expect(customer.theirs("What can I do for you?")).to_be_visible()
    await choose(customer, "Topics", "Order status")
    await expect(customer.theirs("What is your order number?")).to_be_visible()
    await customer.write("no idea")
    await expect(customer.theirs("An order number has an A and four digits")).to_be_visible()
    await customer.write("a1001")
    await expect(customer.theirs("Order A1001 is on its way")).to_be_visible()
    await customer.page.get_by_role("button", name="Yes").click()
    await expect(customer.theirs("You are welcome!")).to_be_visible()


async def test_a_complaint_with_a_photo_reaches_people(customer: Phone) -> None:
    await customer.write("शिकायत")
    await expect(customer.theirs("क्या हुआ?")).to_be_visible()
    await customer.write("एक प्याला टूटा हुआ है")
    await expect(customer.theirs("फ़ोटो भेजें")).to_be_visible()
    await customer.attach("Sample photo")
    await expect(customer.theirs("धन्यवाद")).to_be_visible()

    async def is_with_people() -> bool:
        store = customer.shop.container.store()
        known = await store.find("main", customer.number)
        state = await store.conversation(known)
        return state.handler is Handler.QUEUE and state.handover is not None and state.handover.team == "complaints"

    await until(is_with_people, 5, "people have the complaint")
