"""The table of `fab status`: drawn once at the end, or with --watch again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ...rollout.events import Finished, Status
from ..screen import Marks
from ..text.humanize import ago, short, text_lines, uptime, version, who
from ..text.table import Column, Line, Span, name_columns, paragraph, table
from .last_deploy import went_back
from .status_rows import complete, is_well, program_rows, state


class StatusTable(Struct, frozen=True):
    """Immutable: a thread may draw it while the next one is made. `statuses`: by host and service, with the arrival."""

    marks: Marks
    clock: Callable[[], float]
    now: Callable[[], datetime]
    statuses: Mapping[tuple[str, str], tuple[Status, float]] = {}

    def after(self, status: Status) -> StatusTable:
        return replace(self, statuses={**self.statuses, (status.host, status.service): (status, self.clock())})

    def lines(self, width: int, finished: Finished | None = None) -> list[Line]:
        """`finished`: with the hosts that gave no answer."""
        now = self.clock()
        statuses = [_aged(status, now - arrival) for status, arrival in self.statuses.values()]
        return status_lines(statuses, finished, width, self.marks, self.now())


def _aged(status: Status, seconds: float) -> Status:
    return replace(status, uptime=_later(status.uptime, seconds), programs=[
        replace(program, uptime=_later(program.uptime, seconds)) for program in status.programs])


def _later(uptime: float | None, seconds: float) -> float | None:
    return None if uptime is None else uptime + seconds


def status_lines(
    statuses: Sequence[Status], finished: Finished | None, width: int, marks: Marks, now: datetime
) -> list[Line]:
    """One row a service and host, each oddity below it; hosts that gave no answer are rows too."""
    pairs = [(status, row) for status in complete(statuses, finished) for row in program_rows(status)]
    rows = [row for _, row in pairs]
    if not rows:
        return []
    others = [
        Column("state", [(state(row), _state_tone(status, row)) for status, row in pairs]),
        Column("uptime", [_dim_if_none(uptime(row.uptime, marks.none), marks) for row in rows], drop=2),
        Column("commit", [_dim_if_none(version(row.commit, row.source, marks.none), marks) for row in rows]),
        Column("branch", [_dim_if_none(row.branch or marks.none, marks) for row in rows], least=7, drop=1),
        Column("deployed", [(ago(row.deployed_at, now) or marks.none, "dim") for row in rows], drop=3),
        Column("by", [(who(row.deployed_by, marks.none), "dim") for row in rows], least=5, drop=4),
    ]
    names = name_columns([(row.host, row.service, "") for row in rows], width, others)
    head, *body = table([*names, *others], width, marks.cut)
    lines = [head]
    for line, row, following in zip(body, rows, [*rows[1:], None], strict=True):
        lines.append(line)
        for oddity in [] if _says_the_same(following, row) else row.oddities:
            lines += _oddity_lines(oddity, width)
    return lines + _failed_deploys(statuses, width, now)


def _says_the_same(following: Status | None, row: Status) -> bool:
    """Of a whole host, such as one that gave no answer: it stands below the last of its rows alone."""
    return following is not None and (following.host, following.oddities) == (row.host, row.oddities)


def _failed_deploys(statuses: Sequence[Status], width: int, now: datetime) -> list[Line]:
    """Nothing is odd after a deploy that went back; but who looks should know that it is not the newest version."""
    failed = [(status.service, last) for status in statuses if (last := went_back(status.deploys))]
    lines: list[Line] = []
    # Of each service one: hosts may have gone back in different deploys, and the newest counts.
    for service, last in dict(sorted(failed, key=lambda row: (row[0], row[1].at or ""))).items():
        see = f"fab logs {service} --deploy {last.deploy}" if last.deploy else f"fab history {service}"
        lines += paragraph("", f"{service}: the last {last.command or 'deploy'} went back, {ago(last.at, now)}: "
                               f"{short(last.to)} by {who(last.by)}", width) + paragraph("  ", see, width, "dim")
    return lines


def _dim_if_none(text: str, marks: Marks) -> Span:
    return text, "dim" if text == marks.none else ""


def _oddity_lines(oddity: str, width: int) -> list[Line]:
    """The oddity, and below it the last lines of the program's log, if there are any."""
    parts = text_lines(oddity)
    lines = paragraph("  ! ", " ".join(line for line in parts if not line.startswith("| ")), width, "bad")
    for line in parts:
        if line.startswith("| "):
            lines += paragraph("    ", line, width, "dim")
    return lines


def _state_tone(status: Status, row: Status) -> str:
    if row.state.startswith("RUNNING"):
        return "" if row.oddities else "good"
    return "dim" if is_well(status, row) else "bad"
