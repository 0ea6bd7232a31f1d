"""`fab test`: style, types and the whole test suite."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

# Tests wait for processes now and then: four files at a time keep two processors busy. The order is that of
# tests/conftest.py, the longest first; xdist's own is by the number of tests.
AT_ONCE = ("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder")
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


@task(auto_shortflags=False, help={"args": "more for pytest, such as --args='-k health -x'"})
def test(context: Context, args: str = "") -> None:
    """Check style and types, and run all tests.

    Example: fab test --args='-k health -x'
    """
    commands = (["ruff", "check"], ["mypy"], ["pytest", *AT_ONCE, *shlex.split(args)])
    # All of them, whatever the first ones say; pytest's closing line comes last.
    results = [subprocess.run([sys.executable, "-m", *command], cwd=CHECKOUT, check=False).returncode
               for command in commands]
    if any(results):
        raise Exit(code=1)


def tests() -> Collection:
    """`test` is all of them, `test.faults` the long one."""
    found = Collection("test", faults)
    found.add_task(test, name="all", default=True)
    return found
