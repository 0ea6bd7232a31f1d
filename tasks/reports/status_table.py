"""The current table of `fab status`: drawn once at the end, or with --watch again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from msgspec import structs

from ..rollout.events import Finished, Status
from .results import status_lines
from .screen import Marks
from .table import Line


@dataclass(frozen=True)
class StatusTable:
    """Immutable: a thread may draw it while the next one is made. `statuses`: by host and service, with the arrival."""

    marks: Marks
    clock: Callable[[], float]
    now: Callable[[], datetime]
    statuses: Mapping[tuple[str, str], tuple[Status, float]] = field(default_factory=dict)

    def after(self, status: Status) -> StatusTable:
        return replace(self, statuses={**self.statuses, (status.host, status.service): (status, self.clock())})

    def lines(self, width: int, finished: Finished | None = None) -> list[Line]:
        """`finished`: with the hosts that gave no answer."""
        now = self.clock()
        statuses = [_aged(status, now - arrival) for status, arrival in self.statuses.values()]
        return status_lines(statuses, finished, width, self.marks, self.now())


def _aged(status: Status, seconds: float) -> Status:
    return structs.replace(status, uptime=_later(status.uptime, seconds), programs=[
        structs.replace(program, uptime=_later(program.uptime, seconds)) for program in status.programs])


def _later(uptime: float | None, seconds: float) -> float | None:
    return None if uptime is None else uptime + seconds
