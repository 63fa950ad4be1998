"""The provider keeps the promises of a language model, with each kind of server, and of those who make out files."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from frontdesk.perception import ContactFile, Perception
from frontdesk.plugin import Secret
from frontdesk.ports import LanguageModel
from frontdesk.testing.contracts import LanguageModelContract, PerceptionContract
from frontdesk_plugins.openrouter import Options
from frontdesk_plugins.openrouter.perception import OpenRouterPerception
from plugins.openrouter.support import KEY, Vendor


class TestOpenRouter(LanguageModelContract):
    @pytest.fixture
    async def model(self, vendor: Vendor) -> AsyncIterator[LanguageModel]:
        async with vendor.provider(fallback_models=("other/model-b",)) as model:
            yield model


class TestServerWithoutForms(LanguageModelContract):
    """Answers in plain lines."""

    @pytest.fixture
    async def model(self, vendor: Vendor) -> AsyncIterator[LanguageModel]:
        async with vendor.provider(profile="other") as model:
            yield model


class TestOneModelOfSeveral(LanguageModelContract):
    @pytest.fixture
    async def model(self, vendor: Vendor) -> AsyncIterator[LanguageModel]:
        async with vendor.provider(fallback_models=("other/model-b",)) as provider:
            yield provider.by_model()["other/model-b"]


async def perceiving(vendor: Vendor, name: str) -> AsyncIterator[Perception]:
    options = Options(model="example/model-a", api_key=Secret(KEY), base_url=vendor.base_url)
    async with OpenRouterPerception(name, options, vendor.tools()) as perception:
        yield perception


class TestVoice(PerceptionContract):
    @pytest.fixture
    def file(self) -> ContactFile:
        return ContactFile(body=b"what does delivery cost?", mime_type="audio/ogg; codecs=opus", sense="voice")

    @pytest.fixture
    async def perception(self, vendor: Vendor) -> AsyncIterator[Perception]:
        async for one in perceiving(vendor, "voice"):
            yield one


class TestPictures(PerceptionContract):
    @pytest.fixture
    def file(self) -> ContactFile:
        return ContactFile(body=b"\xff\xd8\xff\x00", mime_type="image/jpeg", sense="picture")

    @pytest.fixture
    async def perception(self, vendor: Vendor) -> AsyncIterator[Perception]:
        async for one in perceiving(vendor, "pictures"):
            yield one
