"""One Chromium and one demo for the whole ring; each test is another customer on a page of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count

import pytest
from playwright.async_api import Browser, async_playwright

from browser import chromium
from browser.phone import Phone
from frontdesk.demo import Shop, open_shop

_NUMBERS = count(15550101000)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    path = chromium.found()
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.complaint())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def shop(browser: Browser) -> AsyncIterator[Shop]:
    async with open_shop("127.0.0.1", 0, has_flows=False) as shop:
        yield shop


OpenPhone = Callable[..., Awaitable[Phone]]


@pytest.fixture
async def open_phone(browser: Browser, shop: Shop) -> AsyncIterator[OpenPhone]:
    """Open the phone of a customer who is new; at the end nothing may have gone wrong on its page."""
    phones: list[Phone] = []
    async with AsyncExitStack() as stack:

        async def run(width: int = 1280, height: int = 900) -> Phone:
            context = await browser.new_context(viewport={"width": width, "height": height})
            stack.push_async_callback(context.close)
            phone = Phone(shop, await context.new_page(), str(next(_NUMBERS)))
            phones.append(phone)
            await phone.open()
            return phone

        yield run
        for phone in phones:
            await phone.check_that_all_is_well()


@pytest.fixture
async def phone(open_phone: OpenPhone) -> Phone:
    return await open_phone()
