"""A program under supervisord, as steps stop it, start it and watch it come up."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, NamedTuple

from . import files
from .context import ServiceContext
from .errors import HostError
from .locks import reload_lock
from .supervisord import reason

LOG_LINES = 20
NEVER_UP = 60.0                     # seconds beyond twice `startsecs`
NOT_BEGUN = 5.0                     # seconds in which supervisord may not have begun to start it

Say = Callable[[str], None]


class LogPosition(NamedTuple):
    """The end of a program's log, in bytes, before the program was started anew."""

    path: str
    size: int


class Before(NamedTuple):
    """A program right before it is started anew. `pid`: None when it did not run."""

    pid: int | None
    log: LogPosition


class Started(NamedTuple):
    """The process that was started and stayed up. `start`: when, in seconds since 1970 by supervisord's clock."""

    pid: int
    start: int
    log: LogPosition


class Program:
    """The program of a service. What it wrote before it failed goes to `say`, line by line."""

    def __init__(self, ctx: ServiceContext, say: Say) -> None:
        self.name = ctx.name
        self._ctx = ctx
        self._say = say
        self._supervisord = ctx.supervisord()

    def info(self) -> dict[str, Any]:
        return self._supervisord.info(self.name)

    def before(self, info: Mapping[str, Any]) -> Before:
        path = info.get("stdout_logfile") or self._ctx.log_file
        return Before(info["pid"] or None, LogPosition(path, files.size_of(path)))

    def start(self) -> None:
        self._supervisord.start(self.name)

    def stop(self, timeout: float) -> None:
        """supervisord kills a program that does not end within its stopwaitsecs; users see that we wait for it."""
        self._supervisord.stop(self.name, timeout,
                               lambda: self._ctx.waiting(f"for {self.name} to stop (up to {timeout:g} s)"))

    def ensure_stopped(self, timeout: float) -> None:
        """Stop a group that was just added. It starts by itself (autostart): begin that, so that it can be stopped."""
        try:
            self.start()
        except HostError:
            pass                # it could not start before either
        self.stop(timeout)

    def refresh_group(self) -> bool:
        """Bring the group (stopped now) in line with the configuration file; returns whether it was added anew."""
        with reload_lock(self._ctx.layout):
            added, changed, _ = self._supervisord.reload()
            if self.name in changed:
                self._supervisord.remove(self.name)
            renewed = self.name in changed or self.name in added
            if renewed:
                self._supervisord.add(self.name)
        return renewed

    def changes(self) -> tuple[bool, bool]:
        """Let supervisord read its files; returns (changed, removed): what they say of our group, against what runs."""
        with reload_lock(self._ctx.layout):
            _, changed, removed = self._supervisord.reload()
        return self.name in changed, self.name in removed

    def remove(self) -> None:
        self._supervisord.remove(self.name)

    def wait_until_up(self, startsecs: float, before: Before) -> Started:
        """Wait for RUNNING, then for the same new pid during `startsecs` more. Raises HostError."""
        begin = time.monotonic()
        running_since: float | None = None
        pid: int | None = None
        pause = 0.01
        while True:
            self._ctx.check()
            info, now = self.info(), time.monotonic()
            state = info["statename"]
            pid = pid or info["pid"] or None
            not_begun = state == "STOPPED" and pid is None and now - begin < NOT_BEGUN
            if (state not in ("STARTING", "RUNNING") and not not_begun) or (pid and info["pid"] not in (pid, 0)):
                self.say_log(before.log)
                raise crashed(self.name, info)
            if state == "RUNNING" and pid:
                if pid == before.pid:
                    raise HostError(f"supervisord did not start a new process (still pid {pid})",
                                    f"see on the host: supervisorctl status {self.name}")
                running_since = running_since or now
                if now - running_since >= startsecs:
                    return Started(pid, info["start"], before.log)
            if now - begin > 2 * startsecs + NEVER_UP:
                raise HostError(f"still {state} after {now - begin:g} s",
                                f"fab logs {self.name}, or on the host: supervisorctl status {self.name}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    def raise_unless_up(self, started: Started | None) -> None:
        """Raise HostError unless that process runs."""
        info = self.info()
        if info["statename"] != "RUNNING" or started is None or info["pid"] != started.pid:
            self.say_log(started and started.log)
            raise crashed(self.name, info)

    def say_log(self, log: LogPosition | None) -> None:
        """The last lines that the program wrote since."""
        path, size = log or LogPosition(self._ctx.log_file, 0)
        for line in files.last_lines(path, LOG_LINES, size):
            self._say(line)


def crashed(name: str, info: Mapping[str, Any]) -> HostError:
    """supervisord may have started it anew before we looked: then RUNNING says nothing."""
    again = info["statename"] in ("STARTING", "RUNNING")
    return HostError("it did not stay up: " + ("it ended, and was started again" if again else describe_state(info)),
                     f"its last lines are above; more: fab logs {name}")


def describe_state(info: Mapping[str, Any]) -> str:
    """The state of a program in supervisord's own words."""
    detail = reason(info)
    return str(info["statename"]) + (f" ({detail})" if detail else "")
