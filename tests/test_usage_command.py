"""`frontdesk usage`, and `frontdesk conversation show --why`: on a real store, with flows."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pytest
from click.testing import CliRunner, Result

from frontdesk.cli import cli
from frontdesk.core.effect import DraftReply, WakeAt
from frontdesk.core.event import DraftFailed, EffectPostponed, ModelCall, Pricing, ReplyDrafted, Usage
from frontdesk.core.message import MessageStatus
from frontdesk.core.policy import Policy
from frontdesk.core.prompt_version import prompt_version
from frontdesk.engine.engine import Engine
from frontdesk.engine.flow_folder import compile_in_thread
from frontdesk.engine.library import Library
from frontdesk.engine.metrics import Metrics
from frontdesk.flows.book import compile_book
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.ports import Claim
from frontdesk.testing.contracts import LEASE
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import PHONE, fired, succeeded, told, wrote
from frontdesk_plugins.sqlite.store import SqliteStore

Told: TypeAlias = ReplyDrafted | DraftFailed | EffectPostponed
FLOWS = {
    "help.yaml": (
        "title: Help\nstarts_on: {keywords: [help]}\nsteps:\n  topic: {ask: What about?}\n"
        "  reply: {answer: true, if_unanswered: bye, next: bye}\n  bye: {say: Bye.}\n  end: {end: true}\n"
    )
}
BUSY = ModelCall(
    backend="first",
    model="author/dear",
    code="timeout",
    reason="no answer",
    seconds=10.0,
    cost_usd="0.02",
    is_estimated=True,
)
GOOD = ModelCall(
    backend="other",
    model="author/cheap",
    seconds=0.5,
    usage=Usage(tokens_in=900, tokens_out=40, tokens_cached=100, cost_usd="0.0012"),
)


class Talk:
    """A contact, and a worker that is told what models say."""

    def __init__(self, store: SqliteStore, clock: ManualClock) -> None:
        self.library = Library(store, compile_in_thread)
        self.store = store
        self.clock = clock
        self.engine = Engine(store, Policy(greeting=""), InProcessSignal(), clock, Metrics(), library=self.library)

    async def say(self, text: str, phone: str = PHONE) -> None:
        await self.engine.handle(wrote(text, self.clock.now(), phone=phone))

    async def work(self, *told: Told) -> None:
        """Perform what is due for a while; drafts come to what is told, one after the other."""
        left = list(told)
        for _ in range(20):
            self.clock.advance(2)
            for claim in await self.store.claim(LEASE, 10):
                match claim.effect:
                    case DraftReply():
                        await self.engine.handle(of_claim(left.pop(0), claim, self.clock))
                    case WakeAt() as timer:
                        await self.engine.handle(fired(claim, self.clock.now(), timer.purpose, timer.about))
                    case effect:
                        await self.engine.handle(succeeded(claim, self.clock.now(), f"wamid.{effect.id}"))
        assert not left


def of_claim(told: Told, claim: Claim, clock: ManualClock) -> Told:
    return msgspec.structs.replace(
        told,
        id=f"{claim.effect.id}/{claim.attempt}",
        at=clock.now(),
        conversation_id=claim.conversation_id,
        effect_id=claim.effect.id,
        attempt=claim.attempt,
    )


def about(event: type[Any], **fields: Any) -> Any:
    """An outcome of a claim that is not known yet."""
    return event(id="", at=ManualClock().now(), channel="main", conversation_id="", effect_id="", attempt=0, **fields)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One conversation in a flow, and one whose draft failed the day after."""

    async def live() -> None:
        clock = ManualClock()
        async with SqliteStore(tmp_path / "data" / "frontdesk.db", clock) as store:
            talk = Talk(store, clock)
            await talk.library.put_in_force(compile_book(FLOWS), FLOWS)
            await talk.say("help")
            await talk.work()
            await talk.say("When do you open?")
            await talk.work(
                about(EffectPostponed, until=clock.now(), reason="busy", calls=(BUSY,)),
                about(
                    ReplyDrafted,
                    text="At *nine*.",
                    model="author/cheap",
                    sources=("hours#1",),
                    calls=(GOOD,),
                    prompt_version=prompt_version(),
                ),
            )
            clock.advance(86_400)
            await talk.say("Do you repair heels?", "15550100999")
            await talk.work(about(DraftFailed, reason="all are busy", calls=(BUSY,)))

    asyncio.run(live())
    (tmp_path / "shop.toml").write_text(
        f'data_dir = "{tmp_path}/data"\n[flows]\nfolder = ""\n[policy]\ngreeting = ""\n'
    )
    return tmp_path


def run(folder: Path, *words: str) -> Result:
    found = CliRunner().invoke(cli, [*words, "--config", str(folder / "shop.toml")])
    assert found.exit_code == 0, found.output
    return found


def test_what_was_spent_is_printed_as_a_table_csv_and_json(folder: Path) -> None:
    words = ("usage", "--by", "model", "--since", "2026-10-01")
    lines = msgspec.json.decode(run(folder, *words, "--json").output)["lines"]
    assert [(one["name"], one["calls"], one["usd"], one["usd_estimated"]) for one in lines] == [
        ("first author/dear", 2, "0.04", "0.04"),
        ("other author/cheap", 1, "0.0012", "0"),
    ]
    header, *rows = csv.reader(run(folder, *words, "--csv").output.splitlines())
    assert header[:4] == ["model", "calls", "messages", "unanswered"]
    assert rows[0] == ["first author/dear", "2", "0", "2", "0", "0", "0", "0.04", "0.04"]
    table = run(folder, *words).output.splitlines()
    assert table[0].split()[:2] == ["model", "calls"]
    assert [table[-1].split()[0], table[-1].split()[-2]] == ["all", "0.0412"]


@pytest.mark.parametrize(
    ("by", "names"),
    [("day", ["2026-11-01", "2026-11-02"]), ("flow", ["(no flow)", "help"]), ("channel", ["main"])],
)
def test_it_is_added_up_by_what_is_asked_for(folder: Path, by: str, names: list[str]) -> None:
    found = msgspec.json.decode(run(folder, "usage", "--by", by, "--since", "2026-10-01", "--json").output)
    assert [one["name"] for one in found["lines"]] == names
    assert (found["by"], found["since"]) == (by, "2026-10-01")


def test_what_was_before_is_left_out(folder: Path) -> None:
    found = msgspec.json.decode(run(folder, "usage", "--since", "2026-11-02", "--json").output)
    assert [one["name"] for one in found["lines"]] == ["2026-11-02"]
    odd = CliRunner().invoke(cli, ["usage", "--since", "01/02/2026"])
    assert (odd.exit_code, "'01/02/2026' is no day; write it as 2026-11-30" in odd.output) == (2, True)
    wrong = CliRunner().invoke(cli, ["usage", "--csv", "--json"])
    assert (wrong.exit_code, "Give --csv or --json, not both." in wrong.output) == (2, True)


def test_why_an_answer_was_said_is_told(folder: Path) -> None:
    (reason,) = msgspec.json.decode(run(folder, "conversation", "show", "--why", "--json", PHONE).output)
    assert reason["outcome"] == "answered"
    assert reason["path"] == ["help.topic", "help.reply"]
    assert (reason["sources"], reason["prompt_version"], reason["usd"]) == (["hours#1"], prompt_version(), "0.0212")
    assert [(one["backend"], one["code"], one["is_estimated"]) for one in reason["calls"]] == [
        ("first", "timeout", True),
        ("other", "", False),
    ]
    told = run(folder, "conversation", "show", "--why", PHONE).output.splitlines()
    assert told[0].endswith("answered: At *nine*.")
    assert [line.split()[:2] for line in told[1:]] == [
        ["asked", "When"],
        ["flow", "help.topic"],
        ["passages", "hours#1"],
        ["prompt", prompt_version()],
        ["model", "author/cheap"],
        ["cost", "0.0212"],
        ["call", "first"],
        ["call", "other"],
    ]
    assert told[-2].endswith("10.0 s  0 tokens in, 0 out  about 0.02 USD  timeout: no answer")


def test_why_there_was_no_answer_is_told_too(folder: Path) -> None:
    told = run(folder, "conversation", "show", "--why", "15550100999").output
    assert (
        "no answer: all are busy\n    asked     Do you repair heels?\n    cost      0.02 USD\n    people    were told: "
        in told
    )


def test_messages_that_count_nothing_are_named_until_they_have_a_price(folder: Path) -> None:
    async def tell() -> None:
        clock = ManualClock()
        kinds = {
            "15550100555": Pricing(category="service", type="regular", cost_usd="0.01"),
            "15550100556": Pricing(category="service", type="regular"),
            "15550100557": Pricing(category="text", cost_usd="0"),
        }
        async with SqliteStore(folder / "data" / "frontdesk.db", clock) as store:
            talk = Talk(store, clock)
            for phone, pricing in kinds.items():
                await talk.say("hello", phone)
                await talk.work(about(ReplyDrafted, text="Hello!"))
                known = await store.find("main", phone)
                sent = (await store.messages(str(known)))[-1]
                event = told(MessageStatus.DELIVERED, clock.now(), str(sent.provider_message_id))
                await talk.engine.handle(msgspec.structs.replace(event, pricing=pricing))

    asyncio.run(tell())
    found = run(folder, "usage", "--since", "2026-10-01")
    missing = "Messages count nothing here whose price is missing in [money.message_prices]: service/regular\n"
    assert missing in found.stderr
    with (folder / "shop.toml").open("a") as file:
        file.write('[money.message_prices]\nservice = "0"\n')
    assert "Messages count nothing" not in run(folder, "usage", "--since", "2026-10-01").stderr
