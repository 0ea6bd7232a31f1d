"""When a deploy itself wrote in the tree of a service: its checkout, its build, its hooks, a program that starts. What
changed since the checkout at another time, a person changed."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Iterator

from .. import git
from ..steps.placed_files import PLACES

CHECKOUTS = ("checkout", "checkout_release")
COMMANDS = ("build", "build_release", "hook", *PLACES)
RESTART = "restart"
STARTS = (RESTART, "verify", "health")  # the program runs, and may write, also between two of them


class TreeTimes:
    """By the clock of the disk that the clone is on, which stamps its files: a file server has a clock of its own."""

    def __init__(self, clone: git.Clone) -> None:
        self._clone = clone
        self._checked_out: float | None = None
        self._commands: list[tuple[float, float]] = []
        self._starts: list[tuple[float, float]] = []

    @property
    def has_checked_out(self) -> bool:
        """Whether a checkout came to its end: until then only git writes."""
        return self._checked_out is not None

    @contextlib.contextmanager
    def noted(self, action: str) -> Iterator[None]:
        """Around an action of a step, whichever."""
        spans = self._commands if action in COMMANDS else self._starts if action in STARTS else None
        begin = 0 if spans is None else self._now()
        try:
            yield
            if action in CHECKOUTS:
                self._checked_out = self._now()
        finally:
            if spans is not None:
                if action in STARTS and action != RESTART and spans:
                    begin = spans.pop()[0]
                spans.append((begin, self._now()))

    def may_be_of_person(self, changed_at: float) -> bool:
        """Of what was changed then, since the checkout; also while a program started."""
        return (self._checked_out is not None and changed_at > self._checked_out
                and not self.is_of_command(changed_at))

    def is_of_command(self, changed_at: float) -> bool:
        """Whether a build, a hook or the like ran then."""
        return any(begin <= changed_at <= end for begin, end in self._commands)

    def is_of_person(self, changed_at: float) -> bool:
        """As may_be_of_person(); what changed while a program started is the program's: it may write there at each
        start (npm in package-lock.json), and each deploy after this one would be refused."""
        return (self.may_be_of_person(changed_at)
                and not any(begin <= changed_at < end for begin, end in self._starts))

    def _now(self) -> float:
        try:
            folder = self._clone.git.git_dir()
            os.utime(folder)
            return os.stat(folder).st_ctime
        except OSError:                         # a build removed it
            return time.time()
