"""The long run: python -m tests.faults --seeds 10. Prints every case, and the table at the end."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter, defaultdict

from tests.faults.case import Verdict, try_it
from tests.faults.fleet import Fleet
from tests.faults.scenarios import KINDS, cases


def main() -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))     # the hosts must be ended
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--strategy", default="in_place")
    parser.add_argument("--fetch", default="host", choices=("host", "client"))
    parser.add_argument("--programs", action="store_true", help="a service of several programs")
    parser.add_argument("--sudo", action="store_true", help="hosts with `sudo: true`")
    parser.add_argument("--hooks", action="store_true", help="a service with hooks around its restart")
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    options = parser.parse_args()
    verdicts: list[Verdict] = []
    for seed in range(options.first, options.first + options.seeds):
        with Fleet(options.strategy, fetch=options.fetch, several=options.programs, sudo=options.sudo,
                   hooked=options.hooks) as fleet:
            for case in cases(seed, options.kind, options.sudo):
                begin = time.monotonic()
                verdict = try_it(fleet, case)
                verdicts.append(verdict)
                print(f"{seed:3} {case.name}, {case.when}, {case.host}: {verdict.ended}, exit {verdict.code},"
                      f" {time.monotonic() - begin:.1f} s", *verdict.wrong, sep="\n      ", flush=True)
    print(table(verdicts))
    return int(any(verdict.wrong for verdict in verdicts))


def table(verdicts: list[Verdict]) -> str:
    by_name: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        by_name[verdict.case.name].append(verdict)
    lines = ["| fault | tried | ended at the old version, the new | with exit codes | wrong |", "|---|---|---|---|---|"]
    for name, tried in by_name.items():
        ends = Counter(verdict.ended for verdict in tried)
        codes = Counter(verdict.code for verdict in tried)
        lines.append(f"| {name} | {len(tried)} | {ends['old']}, {ends['new']}"
                     + (f", apart {ends['apart']}" if ends["apart"] else "")
                     + f" | {', '.join(f'{code} ({count})' for code, count in sorted(codes.items()))}"
                     + f" | {sum(bool(verdict.wrong) for verdict in tried)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
