"""The releases in which programs were started that a signal has brought to a newer one since. Such a program may go
back to that folder: gunicorn does at each HUP, before it follows `current`."""

from __future__ import annotations

import time

from ..state import history
from ..supervisor import supervisord_conf
from .context import ServiceContext


def names(ctx: ServiceContext) -> set[str]:
    """Those that may have been current at the start of a process that runs: of the last commit before it, and of the
    next one, whose deploy may have started it. None of a process that the newest deploy started."""
    lines = [line for line in history.known(ctx.layout, ctx.name) if line.get("result") == "committed"]
    times = [str(line.get("at")) for line in lines]
    nexts = [next((at for at, when in enumerate(times) if when > start), len(times)) for start in _starts(ctx)]
    return {str(line.get("release")) for at in nexts if at < len(times) - 1 for line in lines[max(at - 1, 0):at + 1]}


def _starts(ctx: ServiceContext) -> list[str]:
    """Of the processes that run now, as the history has times."""
    file = ctx.layout.access.program_file(ctx.name)
    groups = supervisord_conf.programs_in(file.data.decode("utf-8", "replace")) if file else []
    starts = [info["start"] for info in ctx.supervisord().processes(*groups) if info["pid"]]
    return [time.strftime(history.TIME, time.gmtime(start)) for start in starts]
