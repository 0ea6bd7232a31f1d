"""python -m tests.bench [--rounds N] [CASE …]: `fab deploy` against a bare ssh, and `releases` against `in_place`, side
by side; as the case `scaling`, what a host more costs the client; as `load`, what clients notice of a deploy."""

from __future__ import annotations

import argparse

from tests.bench import scaling, under_load
from tests.bench.measurement import CASES, Result

SCALING = "scaling"
LOAD = "load"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="pairs a case (7)")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of: {', '.join([*CASES, SCALING, LOAD])}")
    options = parser.parse_args()
    names = options.cases or [*CASES, SCALING, LOAD]
    reached = _compare([name for name in names if name in CASES], options.rounds)
    if SCALING in names:
        scaling.print_table(scaling.rows())
    if LOAD in names:
        reached &= under_load.print_table(under_load.rows())
    return 0 if reached else 1


def _compare(names: list[str], rounds: int) -> bool:
    if not names:
        return True
    print(f"{'case':20} {'ratio':>5} {'goal':>5} {'lowest - highest':>17}   "
          f"{'seconds: ours':>13} {'bare':>6}   {'CPU: ours':>12} {'bare':>12}")
    results = []
    for name in names:
        results.append(Result(CASES[name], CASES[name].pairs(rounds)))
        print(_line(results[-1]), flush=True)
    print("CPU seconds: on this side + on the hosts. fab --list is held against fab --version, releases "
          "against in_place, and fetch: client against host.\n")
    return all(result.reached for result in results)


def _line(result: Result) -> str:
    ratios = result.ratios
    wall = [result.middle(side, "wall") for side in (0, 1)]
    cpu = [f"{result.middle(side, 'client'):5.2f} +{result.middle(side, 'hosts'):5.2f}" for side in (0, 1)]
    mark = "" if result.reached else "  MISSED"
    return (f"{result.case.name:20} {result.ratio:5.2f} {result.case.goal:5.2f} {ratios[0]:8.2f} - {ratios[-1]:6.2f}   "
            f"{wall[0]:13.2f} {wall[1]:6.2f}   {cpu[0]:>12} {cpu[1]:>12}{mark}")


if __name__ == "__main__":
    raise SystemExit(main())
