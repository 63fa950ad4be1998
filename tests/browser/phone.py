"""A customer's phone in the browser, as a test wants to hold it."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

from frontdesk.core.event import AgentReplied, identify
from frontdesk.core.message import Content, Message
from frontdesk.demo import Shop
from frontdesk.testing.process import until

_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


class Phone:
    """One customer and the page of their phone."""

    def __init__(self, shop: Shop, page: Page, number: str) -> None:
        self.shop = shop
        self.page = page
        self.number = number
        self.words = page.get_by_label("Message", exact=True)
        self._complaints: list[str] = []
        self._strangers: list[str] = []
        page.on(
            "console", lambda line: self._complaints.append(line.text) if line.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on("request", lambda request: self._look_at(request.url))

    def _look_at(self, url: str) -> None:
        if not url.startswith((f"{self.shop.url}/", "data:", "blob:")):
            self._strangers.append(url)

    async def open(self) -> None:
        await self.page.add_init_script(_WATCH)
        async with self.page.expect_response(lambda answer: answer.url.endswith("/events")):
            await self.page.goto(f"{self.shop.url}/phone?phone={self.number}")

    async def write(self, text: str) -> None:
        await self.words.fill(text)
        await self.words.press("Enter")

    def mine(self, text: str = "") -> Locator:
        """The bubbles of the customer that hold a text."""
        return self.page.locator("#chat .line.mine", has_text=text)

    def theirs(self, text: str = "") -> Locator:
        """The bubbles of the business that hold a text."""
        return self.page.locator("#chat .line.theirs", has_text=text)

    async def is_greeted(self) -> None:
        await self.write("hi")
        await expect(self.theirs("Hello! I am the automatic assistant.")).to_be_visible()

    async def attach(self, name: str) -> None:
        await self.page.get_by_role("button", name="Attach").click()
        await self.page.get_by_role("button", name=name).click()

    async def switch(self, name: str, *, on: bool) -> None:
        """Set a switch of the network and wait until it is in force."""
        async with self.page.expect_response(lambda answer: "/_emulator/faults" in answer.url):
            await self.page.locator("label", has_text=name).click()
        await expect(self.page.get_by_role("switch", name=name)).to_be_checked(checked=on)

    async def breaks(self, rule: dict[str, object]) -> None:
        """Trouble for this customer's messages, as the emulator knows it."""
        await self.page.request.post(f"{self.shop.url}/_emulator/faults", data=[rule | {"to": self.number}])

    async def stored(self) -> list[Message]:
        """What the service has of this customer by now."""
        store = self.shop.container.store()
        known = await store.find("main", self.number)
        return list(await store.messages(known)) if known else []

    async def receives(self, content: Content) -> None:
        """A person at the desk sends something."""
        now = self.shop.container.clock().now()
        known = await self.shop.container.store().find("main", self.number)
        await self.shop.container.engine().handle(
            AgentReplied(
                id=identify("reply", known, now.isoformat()),
                at=now,
                channel="main",
                conversation_id=known,
                agent="asha",
                content=content,
            )
        )

    async def has_written(self, content: Content) -> None:
        """Wait until the service has it."""

        async def is_there() -> bool:
            return any(one.content == content for one in await self.stored() if one.author == "contact")

        await until(is_there, 5, f"the service has {content}")

    async def check_that_it_fits(self) -> None:
        """Nothing is wider than the page."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0
        chat = await self.page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(scroller)")
        assert chat <= 0

    async def check_that_all_is_well(self) -> None:
        """No error, nothing that the policy refused, nothing asked of others."""
        assert await self.page.evaluate("window.violations") == []
        assert self._complaints == []
        assert self._strangers == []
