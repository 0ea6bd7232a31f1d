"""Selects the lines of a log that match a pattern."""

from __future__ import annotations

import re
import signal
from typing import Any

from ..errors import HostError, NotReady

SLOW = 3                            # seconds for one line


class Grep:
    """grep(line): whether it matches; every line does where there is no pattern.

    Nested repetition can take for ever at one line, and nothing else would end it: an alarm does. A process has one
    alarm, so there is one pattern. Raises HostError then.
    """

    def __init__(self, pattern: str | None) -> None:
        self._lines = 0
        self._last_look = -1
        self._busy = False
        try:
            self._search = re.compile(pattern).search if pattern else None
        except (re.error, OverflowError, RecursionError) as error:
            raise NotReady(f"--grep: this host's Python does not understand it: {error}",
                           "write it simpler, or filter here: fab logs SERVICE | grep -E") from None
        if self._search:
            signal.signal(signal.SIGALRM, self._look)
            signal.setitimer(signal.ITIMER_REAL, SLOW, SLOW)

    def __call__(self, line: str) -> bool:
        if self._search is None:
            return True
        self._lines += 1
        self._busy = True
        matches = self._search(line) is not None
        self._busy = False
        return matches

    def _look(self, number: int, frame: Any) -> None:
        if self._busy and self._lines == self._last_look:
            self._busy = False
            raise HostError(f"--grep: the pattern took longer for one line than {SLOW} s",
                            "write it without nested repetition, such as (a+)+")
        self._last_look = self._lines
