"""A program under supervisord, as steps stop it, start it and watch it come up: a group of one process or several."""

from __future__ import annotations

import os
import time
from typing import Any, Container, Iterable, Mapping, Sequence

from ..logs import process_logs
from ..network import sockets
from ..service.context import ServiceContext
from ..state.locks import reload_lock
from ..system import leftovers
from . import process_check
from .process import Before, Process, Say, Started, left_running
from .startup import Startup
from .written_program import WrittenProgram

FIRST_PAUSE, SHORTEST_PAUSE, LONGEST_PAUSE = 0.004, 0.001, 0.1     # seconds between two looks
STOPS_WITHIN = 10                   # seconds: supervisord's default of stopwaitsecs
Infos = Mapping[str, Mapping[str, Any]]             # what supervisord says of processes, by their full names


class Program:
    """`group`: supervisord's name of the program. Processes go by their full names, GROUP:NAME. `infos`: of all of
    them, as infos() told it; supervisord answers with all processes of the host each time."""

    def __init__(self, ctx: ServiceContext, group: str, say: Say) -> None:
        self.group = group
        self._ctx = ctx
        self._say = say
        self._supervisord = ctx.supervisord()
        self.written = WrittenProgram(ctx, group)

    def infos(self) -> dict[str, dict[str, Any]]:
        """What supervisord knows of each process; {} when it does not know the program."""
        return {f"{info['group']}:{info['name']}": info for info in self._supervisord.processes(self.group)}

    def processes(self, names: Sequence[str] = ()) -> list[Process]:
        """Those of these names; all of the program unless given. One that is not there yet will bear its name."""
        names = names or list(self.infos()) or [f"{self.group}:{self.group}"]
        return [Process(self._ctx, self._supervisord, name, self._say) for name in names]

    def before(self, infos: Infos) -> dict[str, Before]:
        """Of each process that is there, or will be by the configuration that supervisord read last."""
        configs = self._supervisord.configurations(self.group)
        ends = process_logs.ends([*infos.values(), *configs])
        names = [*infos, *(f"{self.group}:{config['name']}" for config in configs)]
        return {name: Before(infos.get(name, {}).get("pid") or None, ends) for name in names}

    def start(self, names: Sequence[str]) -> None:
        for process in self.processes(names):
            self._supervisord.start(process.name)

    def start_rest(self) -> None:
        """Start what has not begun by itself (autostart) since the group was added. A quick one may have ended already:
        it is not to run twice."""
        for name, info in self.infos().items():
            if not info["start"]:
                self._supervisord.start(name)

    def signal(self, name: str, signal: str) -> None:
        self._supervisord.signal(name, signal)

    def stop(self, timeout: float, infos: Infos) -> None:
        """Stop these processes, as they are now. supervisord kills what does not end within its stopwaitsecs; users see
        that we wait for it. What lives on in the process groups is ended, too: only the leader of each got the signal
        to stop."""
        try:
            states = {name: info["statename"] for name, info in infos.items()}
            self._supervisord.stop(states, timeout, lambda: self._ctx.waiting(
                f"for {self.group} to stop (up to {self._stop_limit(timeout):g} s)"))
        finally:                    # of those that ended, also where others did not: nobody would know their pids later
            self._end(leftovers.in_groups(info["pid"] for info in infos.values()))
        self._remove_socket_files()

    def _end(self, left: list[leftovers.Leftover]) -> None:
        """Users see that we wait for it, and what belongs to another user."""
        others = leftovers.end(left, lambda: self._ctx.waiting(
            f"for what {self.group} left running to end (up to {leftovers.ENDS_WITHIN:g} s)"))
        if others:
            pids = " ".join(str(process.pid) for process in others)
            self._ctx.warn(f"{self.group} was stopped, but it left running {leftovers.in_words(others)}, which another"
                           f" user started; end it on the host: sudo kill {pids}")

    def _stop_limit(self, timeout: float) -> float:
        """Seconds until supervisord kills it: by the program file of before, with which it was started. Of a program
        without one supervisord says it, but for an old one (before 4.0): `timeout` then."""
        before = self.written.options_before()
        if before is not None:
            return float(before.get("stopwaitsecs", STOPS_WITHIN))
        return max((float(read["stopwaitsecs"]) for read in self._supervisord.configurations(self.group)
                    if "stopwaitsecs" in read), default=timeout)

    def refresh_group(self, infos: Infos, renew: bool) -> bool:
        """Bring the group (stopped now) in line with the configuration file; returns whether it was added anew, as with
        `renew` in any case."""
        with reload_lock(self._ctx.layout):
            added, changed, _ = self._supervisord.reload()
            is_changed = (self.group in changed or self.written.logs_elsewhere(infos)
                          or (renew and self.group not in added))
            if is_changed:
                self._remove_group()
            renewed = is_changed or self.group in added
            if renewed:
                self._supervisord.add(self.group)
            self.written.require_read(self._supervisord)
        return renewed

    def changes(self, infos: Infos) -> tuple[bool, bool]:
        """Let supervisord read its files; returns (changed, removed): what they say of our group, against what runs."""
        with reload_lock(self._ctx.layout):
            _, changed, removed = self._supervisord.reload()
        return self.group in changed or self.written.logs_elsewhere(infos), self.group in removed

    def keeps_group(self, infos: Infos) -> bool:
        """Whether supervisord can restart single processes of the group: its configuration did not change."""
        changed, removed = self.changes(infos)
        return bool(infos) and not changed and not removed

    def remove(self) -> None:
        """Remove the group, which is stopped, if it is there."""
        if self.infos():
            self._remove_group()

    def _remove_group(self) -> None:
        self._supervisord.remove(self.group)
        self._remove_socket_files()

    def _remove_socket_files(self) -> None:
        """supervisord closes the socket on which it listened for the group, and leaves its file."""
        for address in self.written.sockets():
            if address.startswith("unix://"):
                sockets.remove_closed(address[len("unix://"):].replace("%%", "%"))

    def end_leftovers(self) -> None:
        """End what this deploy's version left running, once it is stopped: it may hold the port. Older ones stay."""
        backup = self._ctx.layout.backup(self._ctx.name, self._ctx.deploy)
        if os.path.isdir(backup):
            begun = os.stat(backup).st_mtime
            self._end([process for process in left_running(self._ctx, self._supervisord, self.group)
                       if process.since >= begun])

    def wait_until_up(self, startsecs: float, before: Mapping[str, Before], exitcodes: Container[int] | None = None,
                      names: Sequence[str] = ()) -> dict[str, Started]:
        """Wait for each process to be RUNNING, then for the same new pid during `startsecs` more. Raises HostError."""
        infos = {} if names else self.infos()
        startups = [Startup(process, startsecs, before.get(process.name), exitcodes)
                    for process in self.processes(names or list(infos))]
        started: dict[str, Started] = {}
        pause = FIRST_PAUSE
        while True:
            self._ctx.check()
            for startup in startups:
                name = startup.process.name
                up = None if name in started else startup.look(infos.get(name) or startup.process.info())
                if up:
                    started[name] = up
            infos = {}                      # from now on supervisord is asked for each
            if len(started) == len(startups):
                return started
            soonest = min(startup.seconds_left() for startup in startups if startup.process.name not in started)
            time.sleep(max(min(pause, soonest), SHORTEST_PAUSE))
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def check_processes(self, started: Iterable[Started]) -> None:
        """Raise HostError where a process is not what the program file says. One that has ended is not looked at."""
        written = self.written.options()
        for process in started:
            if written and not process.ended:
                process_check.check(process.pid, self.group, written, self.written.path)


def only(infos: Infos, names: Container[str]) -> Infos:
    return {name: info for name, info in infos.items() if name in names}


def are_running(infos: Infos) -> bool:
    return all(info["statename"] == "RUNNING" for info in infos.values())
