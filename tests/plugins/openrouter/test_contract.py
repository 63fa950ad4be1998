"""The provider keeps the promises of a language model, with each kind of server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from frontdesk.ports import LanguageModel
from frontdesk.testing.contracts import LanguageModelContract
from plugins.openrouter.support import Vendor


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
