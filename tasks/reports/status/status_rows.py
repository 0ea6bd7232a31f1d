"""The rows of a table of states: a row for each program, also of hosts that gave no answer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from ...rollout.events import Finished, ProgramStatus, Result, Status
from ..text.humanize import label
from ..text.verdict import SETTLED, results


def complete(statuses: Sequence[Status], finished: Finished | None) -> list[Status]:
    """By host and service, with those that `finished` alone knows."""
    silent = _silent(statuses, finished) if finished else []
    return sorted([*statuses, *silent], key=lambda row: (row.host, row.service))


def program_rows(status: Status) -> list[Status]:
    """A row for each program of a service; the oddities stand below the last one."""
    rows = [structs.replace(status, service=_label(status, program),
                            state=_counted(program.state, program), pid=program.pid, uptime=program.uptime,
                            oddities=[]) for program in status.programs] or [status]
    return [*rows[:-1], structs.replace(rows[-1], oddities=status.oddities)]


def is_well(status: Status, row: Status) -> bool:
    """Whether a row of this status is as it should be: `none` is where no program of the service runs, and that a
    program has ended is right where nothing is odd."""
    return row.state.startswith("RUNNING") or row.state == "none" or (
        row.state.startswith("EXITED") and not status.oddities)


def _label(status: Status, program: ProgramStatus) -> str:
    """A service with `command` is one program that bears its name."""
    is_alone = len(status.programs) == 1 and program.program == status.service
    return label(status.service, [] if is_alone else [program.program])


def state(row: Status) -> str:
    return f"{row.state} as {row.user}" if row.user else row.state


def _counted(state: str, program: ProgramStatus) -> str:
    """RUNNING 2/2: so many of its processes run; nobody can tell where supervisord is down."""
    if state == "UNKNOWN":
        return state
    running = sum(process.state == "RUNNING" for process in program.processes)
    return f"{state} {running}/{len(program.processes)}" if len(program.processes) > 1 else state


def _silent(statuses: Sequence[Status], finished: Finished) -> list[Status]:
    answered = {(row.host, row.service) for row in statuses}
    return [_no_answer(host, service, result) for host, service, result in results(finished)
            if (host, service) not in answered and result.outcome not in SETTLED]


def _no_answer(host: str, service: str, result: Result) -> Status:
    return Status(
        environment="", host=host, service=service, state=result.outcome, pid=None, uptime=None, commit=None,
        branch=None, strategy="", deployed_by=None, deployed_at=None, oddities=[result.why] if result.why else [])
