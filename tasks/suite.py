"""`fab test`: style, types and the whole test suite."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

# Most tests wait for processes: four files at a time keep two processors busy.
AT_ONCE = ("-n", "4", "--dist", "loadfile")
CHECKOUT = Path(__file__).resolve().parents[1]


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
