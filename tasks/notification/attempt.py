"""An attempt to tell somebody, under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Protocol

SECONDS = 5.0                           # for all attempts together
POLL = 0.02                             # seconds


class Attempt(Protocol):
    def is_over(self) -> bool: ...

    def problem(self) -> str:
        """Why it failed; empty where it did not. For one that is over."""
        ...

    def cancel(self) -> None:
        """End it; it may be over."""


def await_all(attempts: Sequence[tuple[str, Attempt]], stop: threading.Event) -> list[tuple[str, str]]:
    """The problems of those that fail, with their names, which may be the same.

    Waits until all are over, SECONDS at most, or until `stop`.
    """
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not stop.is_set() and not all(each.is_over() for _, each in attempts):
        time.sleep(POLL)
    problems = []
    for name, attempt in attempts:
        late = "interrupted" if stop.is_set() else f"it took longer than {SECONDS:g} s"
        problems.append((name, attempt.problem() if attempt.is_over() else late))
        attempt.cancel()
    return [(name, problem) for name, problem in problems if problem]
