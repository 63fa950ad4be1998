"""Damages flow files until the time is over: `make fuzz`. Whatever is read, nothing may raise or take long.

Where atheris is installed (`pip install atheris`), it steers by the code that is reached; else the damage is random,
from a seed. A failing input is written to `fuzz-failure.yaml`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flows.mistakes import MISTAKES
from frontdesk.flows.book import read_book

SECONDS_MAX = 5
SEEDS = [
    *(mistake.text for mistake in MISTAKES if len(mistake.text) < 5_000),
    *(path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "examples").rglob("*.yaml"))),
]
PIECES = (
    *"[]{}'\"|>()é😀#\x00\ufeff", "{{ ", " }}", ": ", "- ", "\n  ", "= ", "&a ", "*a", "!", "? ", "\\u00e9", "next: ",
    "true", "1 day", "en", "flow.a", "contact.name", " or ", "क्ष",
)  # fmt: skip


def attempt(text: str) -> None:
    """Read it as a flow and as rules."""
    began = time.process_time()
    try:
        read_book({"flow.yaml": text, "rules.yaml": text}, hosts=["shop"], has_model=False)
        assert time.process_time() - began < SECONDS_MAX, "it took too long"
    except BaseException:
        Path("fuzz-failure.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
        raise


def damaged(chance: random.Random) -> str:
    """A file with up to eight pieces put in, taken out, doubled or taken from another."""
    text = chance.choice(SEEDS)
    for _ in range(chance.randint(1, 8)):
        at, until = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
        until = min(until, at + chance.choice([0, 1, 5, 200]))
        other = chance.choice(SEEDS)
        begin = chance.randint(0, len(other))
        put: list[Callable[[], str]] = [
            lambda: chance.choice(PIECES),
            lambda: text[at:until] * 2,  # noqa: B023 -- called at once
            lambda: other[begin : begin + 80],  # noqa: B023
            lambda: chr(chance.randint(0, 0x10FFFF)),
            lambda: "",
        ]
        text = text[:at] + chance.choice(put)() + text[until:]
    return text


def by_chance(seconds: float, seed: int) -> int:
    chance = random.Random(seed)
    until = time.monotonic() + seconds
    count = 0
    while time.monotonic() < until:
        attempt(damaged(chance))
        count += 1
    return count


def guided(seconds: float, seed: int) -> None:
    atheris: Any = import_module("atheris")

    def one(data: bytes) -> None:
        attempt(data.decode(errors="replace"))

    corpus = Path("build/fuzz")  # what reached something new is kept here for the next time
    corpus.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(SEEDS):
        (corpus / f"seed-{number}").write_text(text, encoding="utf-8", errors="replace")
    atheris.instrument_all()
    limits = [f"-max_total_time={int(seconds)}", f"-seed={seed + 1}", "-max_len=4096", f"-timeout={SECONDS_MAX}"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if find_spec("atheris"):
        guided(given.seconds, given.seed)
        return
    print(f"{by_chance(given.seconds, given.seed)} damaged files, seed {given.seed}: nothing raised, nothing was slow")


if __name__ == "__main__":
    main()
