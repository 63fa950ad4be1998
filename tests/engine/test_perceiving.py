"""A contact's file is made out within its size, its time and its money, and an event tells what came of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import anyio
import pytest

from frontdesk.config.money import MoneySettings
from frontdesk.config.senses import SenseSection, SenseSettings
from frontdesk.core.effect import Perceive
from frontdesk.core.event import Usage
from frontdesk.engine.budget import Budget
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.perceiving import Perceiving
from frontdesk.engine.refused import Refused
from frontdesk.perception import ContactFile, MadeOut
from frontdesk.ports import Claim, FetchedMedia, OutcomeUnknown, PermanentFailure, ProviderFailure, TemporaryFailure
from frontdesk.testing.doubles import ManualClock, MemoryStore

pytestmark = pytest.mark.anyio


class Ear:
    """Hears what it is told to, or fails."""

    def __init__(self, *failures: Exception, hangs: bool = False, usage: Usage | None = None) -> None:
        self.failures = list(failures)
        self.hangs = hangs
        self.usage = usage
        self.heard: list[ContactFile] = []
        self.is_open = False

    async def perceive(self, file: ContactFile, *, within_seconds: float) -> MadeOut:
        self.heard.append(file)
        if self.hangs:
            await anyio.sleep_forever()
        if self.failures:
            raise self.failures.pop(0)
        return MadeOut(words="x" * 9_000, model="ear", usage=self.usage)

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.is_open = False


class Bench:
    """One file, and who makes it out."""

    def __init__(self, tmp_path: Path, ear: Ear, money: MoneySettings | None = None, **settings: Any) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore(self.clock)
        self.media = MediaFolder(tmp_path)
        section = SenseSection(provider="ear", settings=SenseSettings(**settings))
        budget = Budget(self.store, money or MoneySettings(), self.clock, Metrics(), self._note)
        self.noted: list[Any] = []
        refused = Refused(self._note, self.clock)
        self.perceiving = Perceiving(
            {"voice": ear}, {"voice": section}, self.media, self.clock, budget, refused=refused
        )

    async def _note(self, notices: Any) -> None:
        self.noted.extend(notices)

    async def perceive(self, body: bytes = b"ogg", sense: Any = "voice", seconds: float = 30.0, **fields: Any) -> Any:
        fetched = FetchedMedia(body=body, mime_type="audio/ogg")
        fields.setdefault("stored_as", await self.media.keep("m", fetched))
        now = self.clock.now()
        effect = Perceive(
            id="e.0", due_at=now, message_id="m", sense=sense, mime_type="audio/ogg",
            not_after=now + timedelta(seconds=seconds), **fields,
        )  # fmt: skip
        claim = Claim(effect=effect, conversation_id="c", channel="main", attempt=1, failures=0, is_interrupted=False)
        return await self.perceiving.perceive(claim, effect)


async def test_the_words_are_told_with_the_call(tmp_path: Path) -> None:
    ear = Ear(usage=Usage(cost_usd="0.004"))
    told = await Bench(tmp_path, ear).perceive()
    assert ear.heard == [ContactFile(body=b"ogg", mime_type="audio/ogg", sense="voice")]
    assert (told["message_id"], told["sense"], len(told["words"])) == ("m", "voice", 4_000)
    (call,) = told["calls"]
    assert (call.backend, call.model, call.task, call.code, call.cost_usd) == ("voice", "ear", "perceive_voice", "", "")
    assert call.usage == Usage(cost_usd="0.004")


async def test_what_nobody_prices_counts_with_the_most_that_it_may_cost(tmp_path: Path) -> None:
    told = await Bench(tmp_path, Ear(), cost_max="0.01").perceive()
    (call,) = told["calls"]
    assert (call.cost_usd, call.is_estimated) == ("0.01", True)


@pytest.mark.parametrize(
    ("fields", "settings", "code"),
    [
        ({"sense": "picture"}, {}, "no_perception"),
        ({"body": b"x" * 11}, {"bytes_max": 10}, "too_large"),
        ({"stored_as": "media/ab/gone.ogg"}, {}, "too_large"),
        ({"stored_as": "../../etc/passwd"}, {}, "too_large"),
        ({"stored_as": "frontdesk.db"}, {}, "too_large"),
        ({"seconds": 0.9}, {}, "deadline"),
    ],
)
async def test_nobody_is_asked_where_that_would_be_wrong(
    tmp_path: Path, fields: dict[str, Any], settings: dict[str, Any], code: str
) -> None:
    (tmp_path / "frontdesk.db").write_bytes(b"secret")
    ear = Ear()
    with pytest.raises(PermanentFailure) as caught:
        await Bench(tmp_path, ear, **settings).perceive(**fields)
    assert caught.value.code == code
    assert ear.heard == []


async def test_a_bug_in_a_plugin_is_paid_for(tmp_path: Path) -> None:
    with pytest.raises(OutcomeUnknown, match="ValueError: no text") as caught:
        await Bench(tmp_path, Ear(ValueError("no text")), cost_max="0.02").perceive()
    (call,) = caught.value.calls
    assert (call.code, call.cost_usd, call.is_estimated, call.may_be_billed) == ("broken", "0.02", True, True)


async def test_it_is_given_a_time(tmp_path: Path) -> None:
    with pytest.raises(OutcomeUnknown, match="nothing was made out within 1 s") as caught:
        await Bench(tmp_path, Ear(hangs=True), cost_max="0.02").perceive(seconds=1.0)
    (call,) = caught.value.calls
    assert (call.code, call.cost_usd, call.may_be_billed) == ("timeout", "0.02", True)


@pytest.mark.parametrize("failure", [TemporaryFailure("busy", code="429"), PermanentFailure("no", code="402")])
async def test_a_failure_carries_its_call(tmp_path: Path, failure: ProviderFailure) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await Bench(tmp_path, Ear(failure), cost_max="0.02").perceive()
    (call,) = caught.value.calls
    assert (call.code, call.cost_usd, call.may_be_billed) == (failure.code, "", False)


async def test_no_cap_is_passed(tmp_path: Path) -> None:
    caps = MoneySettings(per_day="0.05")
    ear = Ear()
    bench = Bench(tmp_path, ear, caps, cost_max="0.03")
    await bench.perceive()
    with pytest.raises(PermanentFailure) as caught:
        await Bench(tmp_path, ear, caps, cost_max="0.06").perceive()
    assert caught.value.code == "over_budget"
    with pytest.raises(PermanentFailure) as caught:
        await Bench(tmp_path, ear, caps).perceive()
    assert caught.value.code == "unknown_price"
    await Bench(tmp_path, ear, caps, cost_max="0").perceive()
    assert len(ear.heard) == 2


async def test_they_are_opened_and_closed(tmp_path: Path) -> None:
    ear = Ear()
    async with Bench(tmp_path, ear).perceiving:
        assert ear.is_open
    assert not ear.is_open


async def test_a_bug_of_whoever_makes_it_out_counts_as_all_that_it_may_have_cost(tmp_path: Path) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        await Bench(tmp_path, Ear(ValueError("oops")), cost_max="0.01").perceive()
    (call,) = caught.value.calls
    assert (call.code, call.reason, call.cost_usd, call.is_estimated) == ("broken", "ValueError: oops", "0.01", True)


async def test_people_are_told_of_a_key_that_is_refused_and_of_a_price_that_is_missing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Ear(PermanentFailure("The key is wrong; set api_key.", code="401", concerns="account")))
    with pytest.raises(PermanentFailure):
        await bench.perceive()
    (notice,) = bench.noted
    assert (notice.kind, notice.is_alarm) == ("model_refused", True)
    assert notice.text.startswith("[language_model.voice] refuses what it is asked")
    bench = Bench(tmp_path, Ear(), money=MoneySettings(per_day="1"))
    with pytest.raises(PermanentFailure):
        await bench.perceive()
    (notice,) = bench.noted
    assert (notice.kind, notice.is_alarm) == ("unknown_price", True)
