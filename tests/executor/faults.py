"""Faults of an executor: Python for the end of its main.py, as `Deploy(faults=…)` takes it."""

from __future__ import annotations


def breaks(action: str, code: str) -> str:
    """The action of a step runs this code instead, which may raise."""
    return f"""
from . import steps
def broken(ctx, step):
    {code}
steps.ACTIONS[{action!r}] = broken
"""


def dies_at(action: str, *, before: bool) -> str:
    """As by a power cut: before the action of a step, or when it is done."""
    return f"""
import os
from . import steps
def dying(real):
    def act(ctx, step):
        if {before}:
            os._exit(9)
        real(ctx, step)
        os._exit(9)
    return act
steps.ACTIONS[{action!r}] = dying(steps.ACTIONS[{action!r}])
"""


def dies_after(removals: int) -> str:
    """The same once so many files or folders of ours were removed."""
    return f"""
import os, shutil
from .disk import files
left = [{removals}]
def dying(real):
    def remove(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
        return real(*args, **kwargs)
    return remove
files.remove = dying(files.remove)
shutil.rmtree = dying(shutil.rmtree)
"""
