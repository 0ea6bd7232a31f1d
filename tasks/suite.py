"""`fab test`: style, types and the whole test suite."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from . import _fabric_options, _wrong_words
from ._errors import SelectionError

# The order is ours, the longest file first (tests/plugins/longest_first.py); xdist's own is by the number of tests.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
# Tests wait for hosts more than half of their time: six files at a time keep two processors busy.
ALL = ("-n", "6", *BY_FILE)
QUICK = ("-n", "3", *BY_FILE, "--quick")
CHECKOUT = Path(__file__).resolve().parents[1]


@task(auto_shortflags=False, help={"seeds": "how many times each fault, at other moments", "first": "the first seed",
                                   "strategy": "in_place or releases"})
def faults(context: Context, seeds: int = 3, first: int = 1, strategy: str = "in_place") -> None:
    """Let faults happen to deploys on real hosts, and check what is left; prints a table.

    Example: fab test.faults --seeds 20
    """
    command = [sys.executable, "-m", "tests.faults", "--seeds", str(seeds), "--first", str(first),
               "--strategy", strategy]
    if subprocess.run(command, cwd=CHECKOUT, check=False).returncode:
        raise Exit(code=1)


@task(auto_shortflags=False, help={"args": "more for pytest, such as --args='-k health -x'",
                                   "quick": "leave out the tests that start a host",
                                   "promises": "print each promise with its tests, and run none"})
def test(context: Context, args: str = "", quick: bool = False, promises: bool = False) -> None:
    """Check style and types, and run all tests.

    Example: fab test --args='-k health -x'
    """
    _refuse_environment()
    if promises:
        commands = [["pytest", "--promises"]]
    else:
        lane = QUICK if quick else ALL
        commands = [["ruff", "check"], ["mypy"], ["pytest", *lane, *shlex.split(args)]]
    # The tests start thousands of processes: each would compile all modules again.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # Side by side, and all of them, whatever the first ones say; pytest's closing line comes last.
    running = [subprocess.Popen([sys.executable, "-m", *command], cwd=CHECKOUT, env=environment)
               for command in commands]
    codes = [process.wait() for process in running]
    if any(codes):
        raise Exit(code=1)


def _refuse_environment() -> None:
    """`fab -e test check` means the environment `test`, and would run for minutes before `check` refuses it."""
    try:
        _fabric_options.refuse()
    except SelectionError as error:
        raise Exit(_wrong_words.in_lines(error.message, error.hint), code=2) from None


def tests() -> Collection:
    """`test` runs the suite, `test.faults` the long search for faults."""
    collection = Collection("test", faults)
    collection.add_task(test, name="all", default=True)
    return collection
