"""An attempt to tell somebody, under way."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
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


def await_all(attempts: Mapping[str, Attempt], stop: threading.Event) -> dict[str, str]:
    """The problems of those that fail, by their names. Waits until all are over, SECONDS at most, or until `stop`."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not stop.is_set() and not all(each.is_over() for each in attempts.values()):
        time.sleep(POLL)
    problems = {}
    for name, attempt in attempts.items():
        late = "interrupted" if stop.is_set() else f"it took longer than {SECONDS:g} s"
        problems[name] = attempt.problem() if attempt.is_over() else late
        attempt.cancel()
    return {name: problem for name, problem in problems.items() if problem}
