"""The table of states, as it stands now: drawn once at the end, or with --watch again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec.structs import replace as altered

from ..rollout.events import Finished, Status
from .results import status_lines
from .screen import Marks
from .table import Line


@dataclass(frozen=True)
class StatusTable:
    """A value: it may be drawn on one thread while the next one is being made. `told`: states, and when they came."""

    marks: Marks
    clock: Callable[[], float]
    now: Callable[[], datetime]
    told: tuple[tuple[Status, float], ...] = ()

    def after(self, status: Status) -> StatusTable:
        at = (status.host, status.service)
        others = tuple(one for one in self.told if (one[0].host, one[0].service) != at)
        return replace(self, told=(*others, (status, self.clock())))

    def lines(self, width: int, finished: Finished | None = None) -> list[Line]:
        """`finished`: with the hosts that gave no answer."""
        now = self.clock()
        statuses = [_aged(status, now - heard) for status, heard in self.told]
        return status_lines(statuses, finished, width, self.marks, self.now())


def _aged(status: Status, seconds: float) -> Status:
    return status if status.uptime is None else altered(status, uptime=status.uptime + seconds)
