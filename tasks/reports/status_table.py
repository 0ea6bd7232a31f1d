"""The current table of `fab status`: drawn once at the end, or with --watch again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from msgspec import structs

from ..rollout.events import Finished, Status
from .results import status_lines
from .screen import Marks
from .table import Line


@dataclass(frozen=True)
class StatusTable:
    """Immutable: a thread may draw it while the next one is made. `statuses`: each with the time of its arrival."""

    marks: Marks
    clock: Callable[[], float]
    now: Callable[[], datetime]
    statuses: tuple[tuple[Status, float], ...] = ()

    def after(self, status: Status) -> StatusTable:
        at = (status.host, status.service)
        others = tuple(entry for entry in self.statuses if (entry[0].host, entry[0].service) != at)
        return replace(self, statuses=(*others, (status, self.clock())))

    def lines(self, width: int, finished: Finished | None = None) -> list[Line]:
        """`finished`: with the hosts that gave no answer."""
        now = self.clock()
        statuses = [_aged(status, now - arrival) for status, arrival in self.statuses]
        return status_lines(statuses, finished, width, self.marks, self.now())


def _aged(status: Status, seconds: float) -> Status:
    return status if status.uptime is None else structs.replace(status, uptime=status.uptime + seconds)
