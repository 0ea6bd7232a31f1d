"""Watches a process from its start until it has stayed up."""

from __future__ import annotations

import math
import time
from typing import Any, Container, Mapping

from ..errors import HostError
from . import activity
from .process import Before, Process, Started

NEVER_UP = 60.0                     # seconds beyond twice `startsecs`
AT_ONCE = 1.0                       # seconds in which a process that ends has ended at once
SETTLES = 0.015                     # seconds in which a process that is up does nothing
NOT_BEGUN = 5.0                     # seconds in which supervisord may not have begun to start it


class Startup:
    """`exitcodes`: of a program that may end at once; it is watched for a second, and judged by them.

    `startsecs: 0` does not mean the first moment: a process that ends at once is RUNNING in it, too. It is up when it
    sleeps, with all that it started, or after a second.
    """

    def __init__(self, process: Process, startsecs: float, before: Before | None, exitcodes: Container[int] | None
                 ) -> None:
        self.process = process
        self._before = before or Before(None, {})
        self._exitcodes = exitcodes
        self._settles = not startsecs and exitcodes is None
        self._startsecs = max(startsecs, AT_ONCE) if self._settles or exitcodes is not None else startsecs
        self._begin = time.monotonic()
        self._running_since: float | None = None
        self._pid: int | None = None
        self._rest: activity.Rest | None = None
        self._resting_since = 0.0

    def look(self, info: Mapping[str, Any]) -> Started | None:
        """Started, once the process was RUNNING with the same new pid for `startsecs`; None before. `info`: what
        supervisord says of it now. Raises HostError.
        """
        now = time.monotonic()
        state, ends = info["statename"], self._before.ends
        pid = self._pid = self._pid or info["pid"] or None
        if self._exitcodes is not None and state == "EXITED" and info["exitstatus"] in self._exitcodes:
            return Started(pid or 0, info["start"], ends, ended=True)
        not_begun = state == "STOPPED" and pid is None and now - self._begin < NOT_BEGUN
        if (state not in ("STARTING", "RUNNING") and not not_begun) or (pid and info["pid"] not in (pid, 0)):
            raise self.process.crashed(info, ends)
        if state == "RUNNING" and pid:
            if pid == self._before.pid:
                raise HostError(f"supervisord did not start a new process (still pid {pid})",
                                f"see on the host: {self.process.supervisorctl} status {self.process.name}")
            self._running_since = self._running_since or now
            if now - self._running_since >= self._startsecs or (self._settles and self._has_settled(pid)):
                return Started(pid, info["start"], ends, exitcodes=self._exitcodes or ())
        if now - self._begin > 2 * self._startsecs + NEVER_UP:
            raise self.process.still(state, now - self._begin)
        return None

    def seconds_left(self) -> float:
        """Until a look can find it up, if nothing happens before; infinity where nobody can tell."""
        if self._rest is not None:
            return self._resting_since + SETTLES - time.monotonic()
        return math.inf if self._running_since is None else self._running_since + self._startsecs - time.monotonic()

    def _has_settled(self, pid: int) -> bool:
        rest, now = activity.rest(pid), time.monotonic()
        if rest is None or rest != self._rest:
            self._rest, self._resting_since = rest, now
        return rest is not None and now - self._resting_since >= SETTLES
