"""Brings processes that did not run back to the state that they were in, without their command.

supervisord starts by itself what it is given anew (autostart), and a process is EXITED only once it has run. So for a
moment the environment file, which the shell of each process reads before its command, ends with a gate. There a process
that was stopped sleeps until it is stopped, and one that had ended ends with its exit status.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Iterator, Mapping, Sequence

from ..disk import env_file, file_rights, files
from ..errors import HostError
from ..protocol import PROGRAM_HEADER, IdleProcess
from ..quoting import for_sh
from ..service.context import ServiceContext
from .program import Infos, Program, only

GATE = b"# For a moment Fabvisor keeps these processes from running.\n"
SLEEP = 'PATH="$PATH:/usr/bin:/bin" exec sleep 600'
KILLED = "kill -KILL $$"
FAILED = ("BACKOFF", "FATAL")       # without a process: supervisord could not keep it up
WITHIN = 30.0                       # seconds in which a process gets to the gate, also on an overloaded host
POLL = 0.01                         # seconds


def of(was: Mapping[str, Any], infos: Infos) -> Sequence[IdleProcess]:
    """Those of a ProgramWas of protocol.py; a journal of an old version has none, and says that they were stopped."""
    ran = [process["name"] for process in was["processes"]]
    others = [info["name"] for info in infos.values() if info["name"] not in ran]
    idle: Sequence[IdleProcess] = was["idle"] if "idle" in was else [
        {"name": name, "state": "STOPPED", "start": None, "exit_status": None} for name in others]
    return idle


def are_as_before(group: str, idle: Sequence[IdleProcess], infos: Infos) -> bool:
    return all(_is_as_before(process, infos.get(f"{group}:{process['name']}", {})) for process in idle)


@contextlib.contextmanager
def gate(ctx: ServiceContext, group: str, idle: Sequence[IdleProcess], startsecs: float) -> Iterator[bool]:
    """Keep their commands from running meanwhile. Yields False where it cannot: a program file that is not ours reads
    no environment file, and a full disk must not keep the undo from ending."""
    program, before = ctx.layout.access.program_file(ctx.name), files.read_bytes(ctx.layout.env_file(ctx.name))
    if not idle or program is None or not program.data.startswith(PROGRAM_HEADER.encode()):
        yield False
        return
    usual = (before or b"").partition(GATE)[0]      # a power cut may have left one, and a person may have removed all
    gated = usual + GATE + _cases(group, idle, startsecs).encode()
    is_shut = False
    with contextlib.suppress(OSError):
        env_file.write(ctx.layout, ctx.name, gated, file_rights.of_program_file(program.data))
        is_shut = True
    try:
        yield is_shut
    finally:
        if usual:
            files.shorten(ctx.layout.env_file(ctx.name), len(usual))
        else:
            files.remove(ctx.layout.env_file(ctx.name))


def bring_back(ctx: ServiceContext, program: Program, was: Mapping[str, Any], idle: Sequence[IdleProcess], *,
               renewed: bool, gated: bool) -> None:
    """Bring them back, where their group was `renewed` or they are in another state. One that supervisord could not
    keep up is left to it again."""
    infos = program.infos()
    for process in idle:
        name = f"{program.group}:{process['name']}"
        info = infos.get(name, {})
        if not info or (_is_as_before(process, info) and not renewed):
            continue
        if process["state"] in FAILED:
            _begin(program, name)
        elif gated or renewed:
            _begin(program, name)
            ends = gated and process["state"] == "EXITED"
            if gated:
                _wait(ctx, program, name, was["startsecs"] if ends else 0, ends)
            if not ends:
                program.stop(was["patience"], only(program.infos(), [name]))


def _begin(program: Program, name: str) -> None:
    with contextlib.suppress(HostError):        # it could not start before either
        program.start([name])


def _is_as_before(process: IdleProcess, info: Mapping[str, Any]) -> bool:
    """The start is told in whole seconds: the new version may have begun and ended in the one of before."""
    if process["state"] != "EXITED" or info.get("statename") != "EXITED":
        return info.get("statename") == process["state"]
    status = -1 if process["exit_status"] is None else process["exit_status"]
    return (info["start"], info["exitstatus"]) == (process["start"], status)


def _cases(group: str, idle: Sequence[IdleProcess], startsecs: float) -> str:
    """Nobody is kept from running once this process, which would open the gate, has died."""
    cases = [f"{for_sh(process['name'])}) {_ending(process, startsecs)} ;;\n" for process in idle
             if process["state"] not in FAILED]
    return (f"if [ -d /proc/{os.getpid()} ] && [ \"$SUPERVISOR_GROUP_NAME\" = {for_sh(group)} ]; then\n"
            f'case "$SUPERVISOR_PROCESS_NAME" in\n{"".join(cases)}esac\nfi\n')


def _ending(process: IdleProcess, startsecs: float) -> str:
    if process["state"] != "EXITED":
        return SLEEP
    stays = f"sleep {startsecs + 1:g}; " if startsecs else ""       # else it would have ended too quickly
    return stays + (KILLED if process["exit_status"] is None else f"exit {process['exit_status']}")


def _wait(ctx: ServiceContext, program: Program, name: str, seconds: float, ends: bool) -> None:
    """Until it has ended, or else sleeps at the gate: a signal that it gets before may be lost."""
    deadline = time.monotonic() + seconds + WITHIN
    while time.monotonic() < deadline:
        info = program.infos().get(name, {})
        if info.get("statename") in ("EXITED", *FAILED) or (not ends and _comm(info.get("pid", 0)) == "sleep"):
            return
        ctx.check()
        time.sleep(POLL)


def _comm(pid: int) -> str:
    return files.read_text(f"/proc/{pid}/comm").strip() if pid else ""
