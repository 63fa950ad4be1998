"""Thousands of days in the life of the service; see `frontdesk.testing.simulator`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from time import perf_counter

import pytest

from frontdesk.testing.simulated_process import System
from frontdesk.testing.simulated_world import FAULTS
from frontdesk.testing.simulation_report import Report, SimulationFailed, summary
from frontdesk.testing.simulator import Simulation
from simulation.msg91_vendor import Msg91System
from simulation.planted_bugs import PLANTED
from simulation.sqlite_storage import SqliteSystem
from simulation.swapping import SWAPS_MAX, SwappingSystem

CHUNK = 250
SEEDS = int(os.environ.get("FRONTDESK_SEEDS", "2000"))
SQL_SEEDS = 120
MSG91_SEEDS = 500
SWAP_SEEDS = 300
FOUND_WITHIN = 1_000


def run(seeds: range, system: Callable[[], System] = System) -> list[Report]:
    began_at = perf_counter()
    reports = [Simulation(seed, system()).run() for seed in seeds]
    sys.stdout.write(summary(reports, perf_counter() - began_at) + "\n")
    return reports


def assert_it_was_a_storm(reports: list[Report]) -> None:
    """Every kind of fault struck, and enough went on besides."""
    struck: Counter[str] = Counter()
    for report in reports:
        struck.update(report.struck)
    assert set(struck) == set(FAULTS)
    assert sum(report.events for report in reports) > 50 * len(reports)
    assert sum(report.sends for report in reports) > 4 * len(reports)
    assert sum(report.drafts for report in reports) > 4 * len(reports)
    assert sum(report.tools for report in reports) > len(reports) // 10
    assert sum(report.heard for report in reports) > len(reports) // 10
    assert sum(report.refused for report in reports) > len(reports) // 4
    assert sum(report.crashes for report in reports) > len(reports)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_promise_is_kept_whatever_happens(first: int) -> None:
    assert_it_was_a_storm(run(range(first, first + CHUNK)))


@pytest.mark.parametrize("first", range(10_000, 10_000 + SQL_SEEDS, 60))
def test_every_promise_is_kept_by_the_real_sql(first: int) -> None:
    reports = run(range(first, first + 60), SqliteSystem)
    assert sum(report.crashes for report in reports) > 30


@pytest.mark.parametrize("first", range(30_000, 30_000 + MSG91_SEEDS, CHUNK))
def test_every_promise_is_kept_through_msg91(first: int) -> None:
    reports = run(range(first, first + CHUNK), Msg91System)
    struck = {fault for report in reports for fault in report.struck}
    # It has no read marks; everything else that vendors do happens there too.
    assert set(FAULTS) - struck == {"read mark refused"}
    assert sum(report.sends for report in reports) > 4 * len(reports)


@pytest.mark.parametrize("hears_former", [True, False], ids=["the vendor before is heard", "it is refused"])
def test_a_number_that_changes_its_vendor_a_hundred_times_loses_and_doubles_nothing(hears_former: bool) -> None:
    began_at, reports, systems = perf_counter(), [], []
    for seed in range(50_000, 50_000 + SWAP_SEEDS):
        systems.append(SwappingSystem(hears_former=hears_former))
        reports.append(Simulation(seed, systems[-1]).run())
    swaps, amid = sum(one.swaps for one in systems), sum(one.swapped_in_sends for one in systems)
    sys.stdout.write(f"{swaps} swaps, {amid} amid sends; {summary(reports, perf_counter() - began_at)}\n")
    assert sum(one.swaps == SWAPS_MAX for one in systems) > SWAP_SEEDS // 2
    assert amid > SWAP_SEEDS
    assert sum(report.sends for report in reports) > 4 * SWAP_SEEDS


@pytest.mark.parametrize("seed", range(0, 2_000, 50))
def test_the_same_seed_is_the_same_run(seed: int) -> None:
    one, other = Simulation(seed), Simulation(seed)
    assert one.run() == other.run()
    assert one.digest() == other.digest()


def test_the_same_seed_is_the_same_run_in_another_process() -> None:
    program = (
        "from frontdesk.testing.simulator import Simulation\n"
        "simulations = [Simulation(seed) for seed in range(20)]\n"
        "[one.run() for one in simulations]\n"
        "print([one.digest() for one in simulations])"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(seen) == 1


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str) -> None:
    for seed in range(FOUND_WITHIN):
        try:
            Simulation(seed, PLANTED[bug]()).run()
        except SimulationFailed as found:
            sys.stdout.write(f"{bug}: seed {found.seed} broke {found.invariant}\n")
            return
    pytest.fail(f"{FOUND_WITHIN} seeds did not find: {bug}")


def test_a_failure_says_what_broke_and_how_to_see_it_again() -> None:
    with pytest.raises(SimulationFailed) as failure:
        Simulation(0, PLANTED["duplicates are not dropped"]()).run()
    words = str(failure.value)
    assert words.startswith("seed 0 broke an_event_is_decided_once\n")
    assert words.endswith("again: python -m frontdesk.testing.simulator --seed 0")
    assert "commit       MessageReceived" in words


@pytest.mark.parametrize(
    ("options", "shown"),
    [(["--seed", "7"], "Report(seed=7"), (["--seeds", "0:20"], "20 seeds, ")],
    ids=["one seed with its trace", "many seeds with figures"],
)
def test_it_runs_from_the_command_line(options: list[str], shown: str) -> None:
    command = [sys.executable, "-m", "frontdesk.testing.simulator", *options]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    assert shown in finished.stdout
