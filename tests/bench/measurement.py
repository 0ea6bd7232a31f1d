"""The cases, run in turns (A B A B …), so that what else the machine does weighs on both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench import wire
from tests.bench.checkouts import Checkouts
from tests.bench.fetches import Fetches
from tests.bench.sides import Taken, Yard
from tests.bench.strategies import Strategies
from tests.bench.wire import WireYard
from tests.support.lab import CHECKOUT


@dataclass(frozen=True)
class Case:
    """`goal`: at most this ratio, the median of the pairs."""

    name: str
    goal: float
    pairs: Callable[[int], list[tuple[Taken, Taken]]]


@dataclass(frozen=True)
class Result:
    case: Case
    pairs: list[tuple[Taken, Taken]]

    @property
    def ratios(self) -> list[float]:
        return sorted(ours.wall / other.wall for ours, other in self.pairs)

    @property
    def ratio(self) -> float:
        return float(statistics.median(self.ratios))

    @property
    def reached(self) -> bool:
        return self.ratio <= self.case.goal

    def middle(self, side: int, what: str) -> float:
        return float(statistics.median(getattr(pair[side], what) for pair in self.pairs))


def _deploys(count: int, delay: float = 0, kind: type[Yard] = Yard) -> Callable[[int], list[tuple[Taken, Taken]]]:
    def pairs(rounds: int) -> list[tuple[Taken, Taken]]:
        with kind(count, delay) as yard:
            return [(yard.ours(), yard.bare()) for _ in range(rounds)]

    return pairs


def _strategies(build: str, what: Callable[[Strategies], tuple[Taken, Taken]]
                ) -> Callable[[int], list[tuple[Taken, Taken]]]:
    def pairs(rounds: int) -> list[tuple[Taken, Taken]]:
        with Strategies(build) as both:
            return [what(both) for _ in range(rounds)]

    return pairs


def _fetches(count: int, what: Callable[[Fetches], tuple[Taken, Taken]]
             ) -> Callable[[int], list[tuple[Taken, Taken]]]:
    def pairs(rounds: int) -> list[tuple[Taken, Taken]]:
        with Fetches(count) as both:
            return [what(both) for _ in range(rounds)]

    return pairs


def _checkouts(rounds: int) -> list[tuple[Taken, Taken]]:
    with Checkouts() as both:
        return [both.pair() for _ in range(rounds)]


def _list(rounds: int) -> list[tuple[Taken, Taken]]:
    return [(_fab("--list"), _fab("--version")) for _ in range(rounds)]


def _fab(word: str) -> Taken:
    begin = time.monotonic()
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run([CHECKOUT / "fab", word], check=True, env=env, stdout=subprocess.DEVNULL)
    return Taken(time.monotonic() - begin, 0, 0)


CASES = {case.name: case for case in (
    Case("1 host", 0.8, _deploys(1)),
    Case("10 hosts", 0.3, _deploys(10)),
    Case("1 host, 50 ms away", 0.85, _deploys(1, delay=0.025)),
    *([Case("1 host, 50 ms of wire", 0.9, _deploys(1, 0.025, WireYard))] if wire.is_possible() else []),
    Case("fab --list", 1.5, _list),
    Case("20 000 files", 3, _checkouts),
    Case("releases: deploy", 1.25, _strategies("true", Strategies.deploys)),
    Case("… with a 2 s build", 1.1, _strategies("sleep 2", Strategies.deploys)),
    Case("releases: rollback", 1.1, _strategies("true", Strategies.rollbacks)),
    Case("… of a 2 s build", 0.5, _strategies("sleep 2", Strategies.rollbacks)),
    Case("client: first deploy", 2.0, _fetches(1, Fetches.first_deploys)),
    Case("… to 10 hosts", 2.0, _fetches(10, Fetches.first_deploys)),
    Case("client: small deploy", 1.5, _fetches(1, Fetches.small_deploys)),
    Case("… small, 10 hosts", 1.5, _fetches(10, Fetches.small_deploys)),
)}
