"""The supervised program: bringing it in line with its file, and watching it come up."""

from __future__ import annotations

import time
from typing import Any, Mapping

from .context import ServiceContext
from .errors import HostError
from .locks import reload_lock
from .supervisord import Supervisord, reason


def refresh_group(ctx: ServiceContext, supervisord: Supervisord) -> bool:
    """Bring the active group (stopped now) in line with the configuration file."""
    with reload_lock(ctx.layout):
        added, changed, _ = supervisord.reload()
        if ctx.name in changed:
            supervisord.remove(ctx.name)
        renewed = ctx.name in changed or ctx.name in added
        if renewed:
            supervisord.add(ctx.name)
    return renewed


def stop(ctx: ServiceContext, supervisord: Supervisord, timeout: float) -> None:
    """supervisord kills what does not end within its stopwaitsecs; whoever waits for that is told."""
    supervisord.stop(ctx.name, timeout,
                     lambda: ctx.waiting(f"for {ctx.name} to stop (up to {timeout:g} s)"))


def wait_until_up(ctx: ServiceContext, supervisord: Supervisord, startsecs: float) -> None:
    begin, running_since, pid, pause = time.monotonic(), None, None, 0.01
    while True:
        ctx.check()
        info, now = supervisord.info(ctx.name), time.monotonic()
        state = info["statename"]
        pid = pid or info["pid"] or None
        fresh = state == "STOPPED" and pid is None and now - begin < 5
        if (state not in ("STARTING", "RUNNING") and not fresh) or (pid and info["pid"] not in (pid, 0)):
            ctx.say_log()
            raise crashed(ctx, info)
        if state == "RUNNING" and pid == ctx.old_pid:
            raise HostError(f"supervisord did not start a new process (still pid {pid})",
                            f"see on the host: supervisorctl status {ctx.name}")
        if state == "RUNNING":
            running_since = running_since or now
            if now - running_since >= startsecs:
                ctx.pid, ctx.start = pid, info["start"]
                return
        if now - begin > 2 * startsecs + 60:
            raise HostError(f"still {state} after {now - begin:g} s",
                            f"fab logs {ctx.name}, or on the host: supervisorctl status {ctx.name}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def ensure_stopped(ctx: ServiceContext, supervisord: Supervisord, timeout: float) -> None:
    """A group that was added starts by itself (autostart): begin it, so that there is one to stop."""
    try:
        supervisord.start(ctx.name)
    except HostError:
        pass                # it could not start before either
    stop(ctx, supervisord, timeout)


def crashed(ctx: ServiceContext, info: Mapping[str, Any]) -> HostError:
    """supervisord may have started it anew before we looked: that it runs says nothing then."""
    again = info["statename"] in ("STARTING", "RUNNING")
    return HostError("it did not stay up: " + ("it ended, and was started again" if again else describe_state(info)),
                     f"its last lines are above; more: fab logs {ctx.name}")


def describe_state(info: Mapping[str, Any]) -> str:
    """supervisord's own word for the state of the program."""
    detail = reason(info)
    return str(info["statename"]) + (f" ({detail})" if detail else "")
