"""The health check of a program, or of one of its processes."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from ..errors import HostError
from ..program.process import Process, Started
from ..service.context import ServiceContext


def check(ctx: ServiceContext, part: Mapping[str, Any], processes: Sequence[Process], started: Mapping[str, Started],
          socket: str = "") -> None:
    """Try until it passes; the processes must stay those of `started`. `part`: ProgramHealth of protocol.py;
    where it has no check, they must just stay up.

    With a `socket` that other processes share, the only one of `processes` has to answer. Raises HostError.
    """
    def still_up() -> None:
        ctx.check()
        for process in processes:
            process.raise_unless_up(started.get(process.name))

    if part["health"] is None:
        still_up()
        return
    from ..program import health  # it brings http.client and ssl

    try:
        health.wait(part["health"], cwd=ctx.working_folder, env=ctx.with_variables(part["variables"]),
                    subject=f"{part['group']} is " if processes and part["group"] != ctx.name else "",
                    still_up=still_up,
                    on_connect=_taken_by(processes[0], started, socket) if socket else health.accept)
    except HostError:
        for process in processes:
            process.say_last_lines(process.info(), started[process.name].ends if process.name in started else {})
        raise
    still_up()


def await_version_before(ctx: ServiceContext, part: Mapping[str, Any]) -> None:
    """As long as the check may take, and no longer: the version before may not pass it."""
    try:
        check(ctx, part, [], {})
    except HostError as error:
        ctx.warn(f"{part['group']} runs as before, but is not healthy: {error.message}")


def _taken_by(process: Process, started: Mapping[str, Started], socket: str) -> Callable[[Any], None]:
    from ..network import connections

    leader = started[process.name].pid
    name = process.name.partition(":")[2]
    return lambda link: connections.require_taken_by(leader, name, socket, link)
