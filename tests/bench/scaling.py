"""What a host more costs the client: processor time, memory, thread switches.

Processor time includes that of the client's own processes, such as `ssh -G`. A busy machine adds to it: threads that
wait longer for each other switch more often.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.support.crowd import SERVICE, Crowd
from tests.support.lab import CHECKOUT

MB = 1e6
COUNTS = (10, 50, 100, 200)
COMMANDS = {"status": ["status"], "plan": ["plan", SERVICE], "deploy, no change": ["deploy", SERVICE],
            "deploy": ["deploy", SERVICE]}


@dataclass(frozen=True)
class Cost:
    """Of one run, or its share a host. Seconds on the clock and of processor time; `memory` is the peak in bytes."""

    wall: float
    cpu: float
    memory: float
    switches: float


@dataclass(frozen=True)
class Row:
    """`marginal` is the cost of each host but the first."""

    command: str
    hosts: int
    whole: Cost
    marginal: Cost


def rows(counts: tuple[int, ...] = COUNTS, rounds: int = 1) -> Iterator[Row]:
    """The median of `rounds` runs."""
    with Crowd(max(counts)) as crowd:
        _deploy_everywhere(crowd)
        for name, words in COMMANDS.items():
            first = _median([_run(crowd, words, 1, name == "deploy") for _ in range(max(rounds, 3))])
            for count in counts:
                whole = _median([_run(crowd, words, count, name == "deploy") for _ in range(rounds)])
                yield Row(name, count, whole, _marginal(first, whole, count))


def print_table(table: Iterable[Row]) -> None:
    print(f"{'command':18}{'hosts':>6}{'seconds':>9}{'CPU':>7}{'peak MB':>9}   a host more: "
          f"{'CPU ms':>7}{'MB':>7}{'switches':>10}")
    for row in table:
        whole, marginal = row.whole, row.marginal
        print(f"{row.command:18}{row.hosts:6}{whole.wall:9.2f}{whole.cpu:7.2f}{whole.memory / MB:9.1f}"
              f"{'':16}{marginal.cpu * 1000:7.1f}{marginal.memory / MB:7.2f}{marginal.switches:10.0f}", flush=True)


def _deploy_everywhere(crowd: Crowd) -> None:
    for start in range(0, len(crowd.names), 50):
        _fab(crowd, COMMANDS["deploy"], crowd.names[start:start + 50])


def _run(crowd: Crowd, words: list[str], count: int, with_commit: bool) -> Cost:
    if with_commit:
        crowd.lab.commit(SERVICE, {"time": f"{time.time()}\n"})
    return _fab(crowd, words, crowd.names[:count])


def _fab(crowd: Crowd, words: list[str], hosts: list[str]) -> Cost:
    env = {name: value for name, value in crowd.lab.environ().items() if not name.startswith("PYTHON")}
    command = [CHECKOUT / "fab", *words, "--host", ",".join(hosts), "--format", "plain"]
    log = crowd.lab.folder / "output"
    begin = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=crowd.lab.folder, env=env, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    assert status == 0, log.read_text()[-2000:]
    return Cost(time.monotonic() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024,
                used.ru_nvcsw + used.ru_nivcsw)


def _median(costs: list[Cost]) -> Cost:
    return sorted(costs, key=lambda cost: cost.cpu)[len(costs) // 2]


def _marginal(first: Cost, whole: Cost, hosts: int) -> Cost:
    def share(field: str) -> float:
        return float(getattr(whole, field) - getattr(first, field)) / (hosts - 1)

    return Cost(*map(share, ("wall", "cpu", "memory", "switches")))
