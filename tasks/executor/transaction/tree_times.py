"""When a deploy itself wrote in the tree of a service: its checkout, its build, its hooks. What changed since the
checkout at another time, a person changed."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Iterator

from .. import git
from ..steps.placed_files import PLACES

CHECKOUTS = ("checkout", "checkout_release")
COMMANDS = ("build", "build_release", "hook", *PLACES)


class TreeTimes:
    """By the clock of the disk that the clone is on, which stamps its files: a file server has a clock of its own."""

    def __init__(self, clone: git.Clone) -> None:
        self._clone = clone
        self._checked_out: float | None = None
        self._commands: list[tuple[float, float]] = []

    @property
    def has_checked_out(self) -> bool:
        """Whether a checkout came to its end: until then only git writes."""
        return self._checked_out is not None

    @contextlib.contextmanager
    def noted(self, action: str) -> Iterator[None]:
        """Around an action of a step, whichever."""
        begin = self._now() if action in COMMANDS else 0
        try:
            yield
            if action in CHECKOUTS:
                self._checked_out = self._now()
        finally:
            if action in COMMANDS:
                self._commands.append((begin, self._now()))

    def is_of_person(self, changed_at: float) -> bool:
        """Of what was changed then, since the checkout."""
        return (self._checked_out is not None and changed_at > self._checked_out
                and not any(begin <= changed_at <= end for begin, end in self._commands))

    def _now(self) -> float:
        try:
            folder = self._clone.git.git_dir()
            os.utime(folder)
            return os.stat(folder).st_ctime
        except OSError:                         # a build removed it
            return time.time()
