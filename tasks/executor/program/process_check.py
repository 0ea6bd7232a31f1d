"""Compares a process that was started with its program file: its user, and the variables that it has."""

from __future__ import annotations

import shlex
import time
from typing import Mapping

from .. import masking, program_user
from ..disk import files
from ..errors import HostError
from ..supervisor.supervisord_conf import of_process
from ..system import processes
from ..system.accounts import user_name

CHANGES_USER_WITHIN = 2.0           # seconds: a child of root's supervisord does so right after it was forked
# The words of a `command=` of ours: sh, -c, its script, the environment file, the program's name (where the script
# shifts it away), then the program itself.
SCRIPT = 2
ENV_FILE = 3
SHELL = ["/bin/sh", "-c"]
READS = '. "$0" && '
SHIFTS = " shift "


def check(pid: int, group: str, written: Mapping[str, str], path: str) -> None:
    """Raise HostError where the process is not what the program file at `path` says. `written`: the program's options.
    """
    _check_user(pid, group, written.get("user"), path)
    lacking = lacks(pid, written["command"])
    if lacking:
        raise HostError(f"{group} runs without variables that its environment file has: {', '.join(lacking)}",
                        f"see on the host which it has: tr '\\0' '\\n' < /proc/{pid}/environ")


def _check_user(pid: int, group: str, user: str | None, path: str) -> None:
    """A program that begins as root may change its user by itself."""
    wanted = program_user.uids_in(f"user={user}")
    deadline = time.monotonic() + CHANGES_USER_WITHIN
    while wanted not in ([], [program_user.ROOT]) and processes.user(pid) not in (None, *wanted):
        if time.monotonic() > deadline:
            actual = user_name(processes.user(pid) or 0)
            raise HostError(f"{group} runs as {actual}, and {path} says {user}",
                            f"see on the host who else starts it: ps -fp {pid}")
        time.sleep(0.01)


def lacks(pid: int, command: str) -> list[str]:
    """The names of variables that its environment file has, and the process has not.

    Only of a process that our sh itself became: a program that starts another one may give it what it likes (env -i).
    None of a process whose environment we may not read.
    """
    words = shlex.split(of_process(command, processes.variables(pid).get("PROCESS_NUM", "0")))
    if words[:SCRIPT] != SHELL or not words[SCRIPT].startswith(READS):
        return []
    is_named = SHIFTS in words[SCRIPT]
    program = words[ENV_FILE + 1] + ":" if is_named else ""
    argv = words[ENV_FILE + 1 + is_named:]
    before = processes.command_line(pid)
    variables = processes.variables(pid)
    after = processes.command_line(pid)
    # An interpreter that a script names stands before it; our own sh is not the program yet.
    if not variables or not before == after != words or after[-len(argv):] != argv:
        return []
    values = masking.values(files.read_text(words[ENV_FILE]))
    names = {name[len(program):] if is_named and name.startswith(program) else name for name in values}
    return sorted(name for name in names if ":" not in name and name not in variables)
