"""Reloads a program by a signal, in place of a restart: its processes stay, and take the new version by themselves."""

from __future__ import annotations

import time
from typing import Any, Mapping

from ..errors import HostError
from ..program.process import Process, Started
from ..program.program import Program
from ..service.context import ServiceContext
from ..system import processes
from . import health

SHOWN_WITHIN = 30.0                 # seconds until a new child has to be there
STAYS_FOR = 1.0                     # seconds at least: with `startsecs: 0`, a bad child is seen for a moment
POLL = 0.05                         # seconds


def signal(ctx: ServiceContext, program: Program, part: Mapping[str, Any]) -> dict[str, Started]:
    """Send `signal` of `part` to each process, one after the other. Each must stay up, and show the new version: by a
    new child that stays, or by the `body` that its health check expects. Raises HostError."""
    started: dict[str, Started] = {}
    is_shown_by_body = bool(part.get("health", {}).get("health", {}).get("body"))
    whole = program.processes()
    for process in whole:
        started[process.name] = _signal(ctx, program, process, part, is_shown_by_body)
        if "health" in part:
            health.check(ctx, part["health"], [process], started, part.get("socket", "") if len(whole) > 1 else "")
    return started


def _signal(ctx: ServiceContext, program: Program, process: Process, part: Mapping[str, Any], is_shown_by_body: bool
            ) -> Started:
    stays_for = max(part["verify"]["startsecs"], STAYS_FOR)
    info = process.info()
    ends = program.before(program.infos())[process.name].ends
    pid = info["pid"]
    begin = time.monotonic()
    old = _children(pid)
    first_seen: dict[tuple[int, int | None], float] = {}
    program.signal(process.name, part["signal"])
    while True:
        ctx.check()
        now = time.monotonic()
        info = process.info()
        if info["statename"] != "RUNNING" or info["pid"] != pid:
            raise process.crashed(info, ends, is_new=False)
        first_seen = {child: first_seen.get(child, now) for child in _children(pid) - old
                      if not _is_in_old_release(ctx, child[0])}
        is_shown = is_shown_by_body or any(now - since >= stays_for for since in first_seen.values())
        if is_shown and now - begin >= stays_for:
            return Started(pid, info["start"], ends)
        if now - begin > SHOWN_WITHIN + stays_for:
            raise HostError(f"{part['signal']} brought no new process of {process.name.partition(':')[2]} that stays"
                            f" up within {now - begin:.0f} s: nothing shows that it took the new version",
                            "let its health check expect `body: \"${REVISION}\"`, or take `reload` out of hosts.yaml")
        time.sleep(POLL)


def _is_in_old_release(ctx: ServiceContext, pid: int) -> bool:
    """A child is forked in the folder of its parent, which the link `current` has left."""
    return ctx.releases.holding(processes.cwd(pid)) not in (None, ctx.releases.live())


def _children(pid: int) -> set[tuple[int, int | None]]:
    """With their starts: a pid alone may come again."""
    return {(child, processes.start_time(child)) for child in processes.children(pid)}
