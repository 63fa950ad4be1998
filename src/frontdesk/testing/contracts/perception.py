"""What everybody promises who makes out voice messages or pictures."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import msgspec
import pytest

from frontdesk.core.letters import clean_lines
from frontdesk.perception import WORDS_CHARACTERS_MAX, ContactFile, MadeOut, Perception
from frontdesk.ports import ProviderFailure
from frontdesk.testing.contracts.hostile import BODIES, TEXTS

TYPES = (
    "",
    "audio/ogg; codecs=opus",
    'audio/ogg"\r\nX-Evil: 1',
    "image/svg+xml",
    "../../etc/passwd",
    "x" * 5_000,
    "\0",
)


class PerceptionContract:
    """The promises of `frontdesk.perception.Perception`. A subclass adds the fixtures `perception`, open and able to
    answer, and `file`, in which it makes something out."""

    pytestmark = pytest.mark.anyio

    def check(self, made_out: MadeOut) -> None:
        """What holds for all that is made out."""
        assert len(made_out.words) <= WORDS_CHARACTERS_MAX
        assert made_out.words == clean_lines(made_out.words).strip()
        if made_out.usage is not None:
            assert min(made_out.usage.tokens_in, made_out.usage.tokens_out, made_out.usage.tokens_cached) >= 0
            assert re.fullmatch(r"(\d+(\.\d+)?)?", made_out.usage.cost_usd)
        assert msgspec.json.decode(msgspec.json.encode(made_out), type=MadeOut) == made_out

    async def tried(self, perception: Perception, file: ContactFile) -> None:
        """It is made out, or one of the three failures says why not; nothing else is raised."""
        with suppress(ProviderFailure):
            self.check(await perception.perceive(file, within_seconds=20.0))

    async def test_what_is_in_a_file_is_made_out(self, perception: Perception, file: ContactFile) -> None:
        made_out = await perception.perceive(file, within_seconds=20.0)
        self.check(made_out)
        assert made_out.words
        assert made_out.model

    async def test_another_file_is_another_matter(self, perception: Perception, file: ContactFile) -> None:
        """Nothing of one contact's file gets into what is made out of another's."""
        before = await perception.perceive(file, within_seconds=20.0)
        await self.tried(perception, msgspec.structs.replace(file, body=b"something else"))
        assert (await perception.perceive(file, within_seconds=20.0)).words == before.words

    @pytest.mark.parametrize("body", [*BODIES, *(text.encode() for text in TEXTS)], ids=range(len(BODIES) + len(TEXTS)))
    async def test_hostile_bytes_do_no_harm(self, perception: Perception, file: ContactFile, body: bytes) -> None:
        await self.tried(perception, msgspec.structs.replace(file, body=body))

    @pytest.mark.parametrize("mime_type", TYPES, ids=range(len(TYPES)))
    async def test_a_hostile_type_does_no_harm(self, perception: Perception, file: ContactFile, mime_type: str) -> None:
        await self.tried(perception, msgspec.structs.replace(file, mime_type=mime_type))

    async def test_a_caller_that_stops_waiting_does_no_harm(self, perception: Perception, file: ContactFile) -> None:
        asking = asyncio.ensure_future(perception.perceive(file, within_seconds=20.0))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        self.check(await perception.perceive(file, within_seconds=20.0))

    async def test_many_may_be_asked_at_once(self, perception: Perception, file: ContactFile) -> None:
        asked = (perception.perceive(file, within_seconds=20.0) for _ in range(20))
        for made_out in await asyncio.gather(*asked):
            self.check(made_out)
