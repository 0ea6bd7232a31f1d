"""Restarts the processes of a program one after the other, where they share a socket on which supervisord listens."""

from __future__ import annotations

from typing import Any, Container, Mapping, Sequence

from ..program.process import Started
from ..program.program import Infos, Program, only
from ..service.context import ServiceContext
from . import health

Part = Mapping[str, Any]


def restart(ctx: ServiceContext, program: Program, part: Part, infos: Infos) -> dict[str, Started]:
    """Restart these processes. Each passes `verify` and `health` of `part` before the next stops; the others serve
    meanwhile. The first are those that do not run. `part`: ProgramRestart of protocol.py. Raises HostError."""
    count = len(program.infos())
    started: dict[str, Started] = {}
    for name in sorted(infos, key=lambda name: infos[name]["statename"] == "RUNNING"):      # stable
        started.update(replace(program, name, part["patience"], part["verify"]["startsecs"],
                               part["verify"]["exitcodes"]))
        if "health" in part:
            shared = part["socket"] if count > 1 else ""
            health.check(ctx, part["health"], program.processes([name]), started, shared)
    return started


def bring_back(program: Program, was: Part, names: Sequence[str]) -> None:
    """The same on the way back, for the processes of these names; nobody asks whether they are healthy. `was`:
    ProgramWas of protocol.py."""
    for name in names:
        replace(program, name, was["patience"], was["startsecs"], program.written.exit_codes())


def replace(program: Program, name: str, patience: float, startsecs: float, exitcodes: Container[int] | None
            ) -> dict[str, Started]:
    """Stop that process, start it, and see that it stays up."""
    infos = program.infos()
    before = program.before(infos)
    program.stop(patience, only(infos, [name]))
    program.start([name])
    started = program.wait_until_up(startsecs, before, exitcodes, [name])
    program.check_processes(started.values())
    return started
