"""One process of a program, as supervisord and its logs tell it."""

from __future__ import annotations

from typing import Any, Callable, Container, Mapping, NamedTuple

from ..errors import HostError
from ..logs import process_logs
from ..logs.logfile import NO_FILE
from ..logs.tail import last_lines
from ..service.context import ServiceContext
from ..supervisor.supervisord import Supervisord, reason
from ..system import leftovers
from . import interpreter

LOG_LINES = 20                      # of each log

Say = Callable[[str], None]


class Before(NamedTuple):
    """A process right before it is started anew. `pid`: None when it did not run; `ends`: of its logs."""

    pid: int | None
    ends: process_logs.Ends


class Started(NamedTuple):
    """The process that was started and stayed up; or `ended` as it should, a program that runs once. `start`: when, in
    seconds since 1970 by supervisord's clock; `exitcodes`: with which it may still end."""

    pid: int
    start: int
    ends: process_logs.Ends
    ended: bool = False
    exitcodes: Container[int] = ()

    def is_well(self, info: Mapping[str, Any]) -> bool:
        """Whether it still runs, or has ended as it should."""
        if info["statename"] == "EXITED" and info["start"] == self.start and info["exitstatus"] in self.exitcodes:
            return True
        return self.ended or (info["statename"] == "RUNNING" and info["pid"] == self.pid)


class Process:
    """A process of a program, by supervisord's full name of it. What it wrote before it failed goes to `say`."""

    def __init__(self, ctx: ServiceContext, supervisord: Supervisord, name: str, say: Say) -> None:
        self.name = name
        self._ctx = ctx
        self._say = say
        self._supervisord = supervisord
        self._label = ctx.label(name.partition(":")[0])
        self._subject = "it" if name == f"{ctx.name}:{ctx.name}" else name.partition(":")[2]

    def raise_unless_up(self, started: Started | None) -> None:
        """Raise HostError unless that process runs, or has ended as it should."""
        info = self._supervisord.info(self.name)
        if started is None or not started.is_well(info):
            raise self.crashed(info, started.ends if started else {})

    def say_last_lines(self, info: Mapping[str, Any], ends: process_logs.Ends) -> str:
        """Say the last lines of its logs since they ended there. Returns where they are to be found, for people."""
        configs = self._supervisord.configurations(self.name.partition(":")[0])
        logs = process_logs.of_process(info, configs)
        uses_sudo = bool(self._ctx.layout.access.prefix)
        hindrances = list(filter(None, [process_logs.hindrance(log, uses_sudo) for log in logs]))
        lines = [line for log in logs for line in self._say_lines(log, ends)]
        if lines:
            directory = next((config.get("directory") for config in configs), None) or self._ctx.directory
            where = "; but ".join(["its last lines are above", *hindrances]) + f"; more: fab logs {self._label}"
            return "; ".join(filter(None, [interpreter.missing(lines, directory), where]))
        silent = [f"it wrote nothing to {log.path}" for log in logs if not process_logs.hindrance(log, uses_sudo)]
        return "; ".join([*hindrances, *silent, "run its command on the host by hand",
                          f"what it wrote before: fab logs {self._label}"])

    def _say_lines(self, log: process_logs.ProcessLog, ends: process_logs.Ends) -> list[str]:
        lines = last_lines(log.path, LOG_LINES, self._ctx.mask, ends.get(log.path, NO_FILE))
        for line in lines:
            self._say(log.mark + line)
        return lines

    def info(self) -> dict[str, Any]:
        return self._supervisord.info(self.name)

    def crashed(self, info: Mapping[str, Any], ends: process_logs.Ends, *, is_new: bool = True) -> HostError:
        """supervisord may have started it anew before we looked: then RUNNING says nothing. What a new process leaves
        running may be its daemon."""
        again = info["statename"] in ("STARTING", "RUNNING")
        state = "it ended, and was started again" if again else describe_state(info)
        where = self.say_last_lines(info, ends)
        left = left_running(self._ctx, self._supervisord, self.name.partition(":")[0])
        if left and (info["exitstatus"] or not is_new):         # the parent of a daemon ends with 0
            return HostError(f"{self._subject} did not stay up: {state}; it left running {leftovers.in_words(left)}",
                             where)
        if left:                                # supervisord does not tell how it ended, where it ended too quickly
            return HostError(f"{self._subject} did not stay up: {state}; but it left running"
                             f" {leftovers.in_words(left)}, which supervisord does not know",
                             f"{where}; a program of supervisord stays in the foreground: where it does not, take the"
                             " option that says so (--daemon, -d, &) out of its `command`")
        return HostError(f"{self._subject} did not stay up: {state}", where)

    def still(self, state: str, seconds: float) -> HostError:
        subject = "" if self._subject == "it" else f"{self._subject} is "
        return HostError(f"{subject}still {state} after {seconds:g} s",
                         f"fab logs {self._label}, or on the host: {self.supervisorctl} status {self.name}")

    @property
    def supervisorctl(self) -> str:
        return self._ctx.layout.access.supervisorctl


def left_running(ctx: ServiceContext, supervisord: Supervisord, group: str) -> list[leftovers.Leftover]:
    """The processes of a program that are not below those that supervisord knows."""
    def look() -> list[leftovers.Leftover]:
        pids = [info["pid"] for info in supervisord.processes(group)]
        return [process for process in leftovers.leftovers(ctx.layout.access.socket, pids) if process.name == group]

    # Twice: what supervisord starts again meanwhile is in one look only.
    pids = {process.pid for process in look()}
    return [process for process in look() if process.pid in pids] if pids else []


def describe_state(info: Mapping[str, Any]) -> str:
    """The state of a process in supervisord's own words."""
    state = str(info["statename"])
    ended_well = state == "EXITED" and not info.get("spawnerr")         # supervisord describes that by the time of day
    detail = f"exit status {info['exitstatus']}" if ended_well else reason(info)
    given_up = ", after as many starts as its `startretries` allows" if state == "FATAL" else ""
    return state + (f" ({detail})" if detail else "") + given_up
