"""A program under supervisord, as steps stop it, start it and watch it come up."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Callable, Container, Mapping, NamedTuple

from . import files, leftovers
from .context import ServiceContext
from .errors import HostError
from .locks import reload_lock
from .protocol import PROGRAM_HEADER
from .supervisord import reason
from .supervisord_conf import options

LOG_LINES = 20
NEVER_UP = 60.0                     # seconds beyond twice `startsecs`
ONE_SHOT = 1.0                      # seconds in which a program that may end is watched
NOT_BEGUN = 5.0                     # seconds in which supervisord may not have begun to start it

# A log file of supervisord's own, for AUTO (supervisor/options.py `get_autochildlog_name`).
AUTOMATIC_LOG = re.compile(r"-{channel}---.*\.log$".replace("{channel}", "(stdout|stderr)"))

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
    """The process that was started and stayed up; or `ended` as it should, a program that runs once. `start`: when, in
    seconds since 1970 by supervisord's clock."""

    pid: int
    start: int
    log: LogPosition
    ended: bool = False


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
            is_changed = self.name in changed or self._logs_elsewhere()
            if is_changed:
                self._supervisord.remove(self.name)
            renewed = is_changed or self.name in added
            if renewed:
                self._supervisord.add(self.name)
            self._compare()
        return renewed

    def changes(self) -> tuple[bool, bool]:
        """Let supervisord read its files; returns (changed, removed): what they say of our group, against what runs."""
        with reload_lock(self._ctx.layout):
            _, changed, removed = self._supervisord.reload()
        return self.name in changed or self._logs_elsewhere(), self.name in removed

    def _logs_elsewhere(self) -> bool:
        """Whether the program file says AUTO for a log where the program has another one, or the other way round:
        supervisord takes AUTO for equal to anything (supervisor/options.py `ProcessConfig.__eq__`)."""
        info, written = self.info(), self._written()
        if info["statename"] == "absent" or written is None:
            return False
        for channel in ("stdout", "stderr"):
            log = written.get(f"{channel}_logfile", "AUTO").upper()
            if channel == "stderr" and written.get("redirect_stderr", "false").lower() in ("true", "yes", "on", "1"):
                log = "NONE"
            if (log == "AUTO") != bool(AUTOMATIC_LOG.search(info.get(f"{channel}_logfile") or "")):
                return True
        return False

    def _written(self) -> dict[str, str] | None:
        return options(self._program_file(), self.name)

    def _program_file(self) -> str:
        file = self._ctx.layout.access.program_file(self.name)
        return file.data.decode("utf-8", "replace") if file else ""

    def _compare(self) -> None:
        """Raise HostError where supervisord does not have what the program file, if it is one of ours, says."""
        path, text = self._ctx.layout.program_file(self.name), self._program_file()
        written, read = options(text, self.name), self._supervisord.configurations(self.name)
        if not text.startswith(PROGRAM_HEADER) or written is None:
            return
        if not read:
            raise HostError(f"supervisord does not read {path}", f"see on the host whether it may: ls -l {path}")
        differing = [option for option in ("command", "directory")
                     if any(info.get(option, "") not in ("", written[option].replace("%%", "%")) for info in read)]
        if differing:
            raise HostError(f"supervisord runs {self.name} with another {' and '.join(differing)} than {path} says",
                            f"see on the host what else defines it: grep -rn {self.name} {os.path.dirname(path)}")

    def remove(self) -> None:
        self._supervisord.remove(self.name)

    def wait_until_up(self, startsecs: float, before: Before, exitcodes: Container[int] | None = None) -> Started:
        """Wait for RUNNING, then for the same new pid during `startsecs` more. Raises HostError.

        `exitcodes`: of a program that may end at once; it is watched for a second, and judged by them.
        """
        if exitcodes is not None:
            startsecs = max(startsecs, ONE_SHOT)
        begin = time.monotonic()
        running_since: float | None = None
        pid: int | None = None
        pause = 0.01
        while True:
            self._ctx.check()
            info, now = self.info(), time.monotonic()
            state = info["statename"]
            pid = pid or info["pid"] or None
            if exitcodes is not None and state == "EXITED" and info["exitstatus"] in exitcodes:
                return Started(pid or 0, info["start"], before.log, ended=True)
            not_begun = state == "STOPPED" and pid is None and now - begin < NOT_BEGUN
            if (state not in ("STARTING", "RUNNING") and not not_begun) or (pid and info["pid"] not in (pid, 0)):
                raise self._crashed(info, before.log)
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
        if started is not None and started.ended:
            return
        if info["statename"] != "RUNNING" or started is None or info["pid"] != started.pid:
            raise self._crashed(info, started and started.log)

    def say_log(self, log: LogPosition | None) -> bool:
        """Say the last lines that the program wrote since; returns whether there were any."""
        path, size = log or LogPosition(self._ctx.log_file, 0)
        lines = files.last_lines(path, LOG_LINES, size)
        for line in lines:
            self._say(line)
        return bool(lines)

    def leftovers(self, info: Mapping[str, Any]) -> list[leftovers.Leftover]:
        """Its processes that are not below the one that supervisord knows."""
        left = leftovers.leftovers(self._ctx.layout.access.socket, [info["pid"]])
        return [process for process in left if process.name == self.name]

    def end_leftovers(self) -> None:
        """End what this deploy's version left running, once it is stopped: it may hold the port. Older ones stay."""
        backup = self._ctx.layout.backup(self.name, self._ctx.deploy)
        if os.path.isdir(backup):
            begun = os.stat(backup).st_mtime
            leftovers.end([process for process in self.leftovers(self.info()) if process.since >= begun])

    def _crashed(self, info: Mapping[str, Any], log: LogPosition | None) -> HostError:
        """supervisord may have started it anew before we looked: then RUNNING says nothing."""
        again = info["statename"] in ("STARTING", "RUNNING")
        state = "it ended, and was started again" if again else describe_state(info)
        path = info.get("stdout_logfile") or ""
        has_lines = self.say_log(log if log and log.path == path else LogPosition(path, 0)) if path else False
        left = self.leftovers(info)
        if left:
            return HostError(f"it did not stay up: {state}; but it left running {leftovers.in_words(left)}, which "
                             "supervisord does not know: it sends itself to the background",
                             "a program of supervisord stays in the foreground: take the option that says otherwise "
                             "(--daemon, -d, &) out of its `command`")
        return HostError("it did not stay up: " + state,
                         f"its last lines are above; more: fab logs {self.name}" if has_lines
                         else f"{_no_lines(info)}; what it wrote before: fab logs {self.name}")


def _no_lines(info: Mapping[str, Any]) -> str:
    """Where to look when the program's log has no line of this start."""
    out, err = info.get("stdout_logfile") or "", info.get("stderr_logfile") or ""
    if out.startswith("/dev/"):
        why = f"its output goes to {out}, which cannot be read again"
    else:
        why = f"it wrote nothing to {out}" if out else "its output goes to no file (`stdout_logfile` or syslog)"
    return why + (f"; read {err} on the host" if err else "; run its command on the host by hand")


def describe_state(info: Mapping[str, Any]) -> str:
    """The state of a program in supervisord's own words."""
    detail = reason(info)
    return str(info["statename"]) + (f" ({detail})" if detail else "")
