"""The process table, read from /proc. The sandbox of the client reads it by this module, too."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import Container, Iterator

from ..disk.containment import is_inside

TAG = "FABVISOR_DEPLOY"
KILL_EVERY = 0.02                   # seconds
PATIENCE = 10                       # seconds until what a deploy left behind counts as not to be ended
LOOKS = 3                           # until a process that shows no environment counts as one that has none
MOST_READ = 64 * 2**10              # bytes at a time
KERNEL_THREAD = 0x200000            # a flag of proc(5); it has no environment


def stat(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat from the state on (proc(5)); None for a process that is gone or a zombie."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return None if not fields or fields[0] in (b"Z", b"X") else fields


def children(pid: int) -> list[int]:
    """Those that it started itself, and that are there."""
    if not os.path.exists("/proc/thread-self/children"):        # a kernel without CONFIG_PROC_CHILDREN
        return [each for each in all_pids() if (stat(each) or [b"", b""])[1] == b"%d" % pid]
    lists = (_read(os.path.join(thread, "children")) for thread in _threads(pid))
    return [each for each in map(int, b" ".join(lists).split()) if stat(each)]


def family(pid: int) -> list[int]:
    """The process and all below it. Its own list of children is asked for: a host may have thousands of processes."""
    found = [pid] if stat(pid) else []
    for each in found:
        found += children(each)
    return found


def group(pid: int) -> int | None:
    """The pid of the leader of its process group. None when it is gone."""
    fields = stat(pid)
    return None if fields is None else int(fields[2])


def start_time(pid: int) -> int | None:
    """In clock ticks since boot: with the pid it names one process until the next boot. None when it is gone."""
    fields = stat(pid)
    return None if fields is None else int(fields[19])


def alive(pid: object, start: object) -> bool:
    return isinstance(pid, int) and start is not None and start_time(pid) == start


def all_pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def has_variable(pid: int, name: str, value: str) -> bool:
    """Whether the environment that the process was started with has this variable, as far as we may know."""
    return os.fsencode(f"{name}={value}") in _environ(pid)


def with_variable(name: str) -> Iterator[int]:
    """Those that were started with this variable, as far as we may know. No other variable is decoded: a host has
    hundreds of processes, with a hundred variables each."""
    start = b"\0" + os.fsencode(name) + b"="
    return (pid for pid in all_pids() if start in b"\0" + _read(f"/proc/{pid}/environ"))


def variables(pid: int) -> dict[str, str]:
    """The environment that the process was started with; {} where we may not know it."""
    pairs = (os.fsdecode(pair).partition("=") for pair in _environ(pid))
    return {name: value for name, _, value in pairs if name}


def command_line(pid: int) -> list[str]:
    """Its words; [] where there is no such process."""
    return os.fsdecode(_read(f"/proc/{pid}/cmdline")).split("\0")[:-1]


def _threads(pid: int) -> list[str]:
    try:
        return [f"/proc/{pid}/task/{thread}" for thread in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _read(path: str) -> bytes:
    """Empty where the process is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)      # half the time of open(), and a look reads hundreds
    except OSError:
        return b""
    try:
        return b"".join(iter(lambda: os.read(fd, MOST_READ), b""))
    except OSError:
        return b""
    finally:
        os.close(fd)


def _environ(pid: int) -> list[bytes]:
    return _read(f"/proc/{pid}/environ").split(b"\0")


def command_name(pid: int) -> str:
    """The name of its program, at most 15 characters; empty when that cannot be told."""
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def cwd(pid: object) -> str:
    """Its current folder; empty when that cannot be told."""
    return _link(f"{pid}/cwd")


def paths_in_use() -> list[str]:
    """The current folders and the executables of all processes, as far as we may know."""
    return [_link(f"{pid}/{name}") for pid in all_pids() for name in ("cwd", "exe")]


def working_in(directory: str, name: str, others: Container[int]) -> bool:
    """Whether a process of that name has its current folder there or below; or may have it, for it is of one of these
    other users (uids), and we may not know."""
    for pid in all_pids():
        if command_name(pid) == name:
            folder = cwd(pid)
            if is_inside(folder, directory) or (not folder and stat(pid) and user(pid) in others):
                return True
    return False


def user(pid: object) -> int | None:
    """The uid of that process; None when it is gone."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def umask() -> int:
    """Ours. umask(2) only tells it by a change, which other threads would see."""
    found = re.search(rb"^Umask:\s*([0-7]+)$", _read("/proc/self/status"), re.MULTILINE)
    return int(found[1], 8) if found else 0o022


def end_group(pid: int) -> None:
    """SIGKILL to the whole process group that `pid` leads or led."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def end_tagged(tag: str) -> None:
    """End whatever the steps of a deploy left behind, even what moved to a session of its own.

    Steps carry the deploy's tag in their environment; supervisord's children do not. After a while it gives up:
    another user's process cannot be ended.
    """
    deadline = time.monotonic() + PATIENCE
    variable = os.fsencode(f"{TAG}={tag}")
    unknown: dict[int, int] = {}        # by pid, in how many looks running
    while True:
        pids, seen, unknown = [], unknown, {}
        for pid in all_pids():
            environ = _read(f"/proc/{pid}/environ")
            if variable in environ and variable in environ.split(b"\0") and pid != os.getpid() and stat(pid):
                pids.append(pid)
            elif not environ and _is_of_ours(pid):      # for a moment, while it starts a program; or it has none
                unknown[pid] = seen.get(pid, 0) + 1
        if (not pids and all(looks >= LOOKS for looks in unknown.values())) or time.monotonic() > deadline:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        time.sleep(KILL_EVERY)


def _is_of_ours(pid: int) -> bool:
    """Whether we may know its environment, and it is no thread of the kernel, which has none."""
    fields = stat(pid)
    return fields is not None and not int(fields[6]) & KERNEL_THREAD and _opens(f"/proc/{pid}/environ")


def _opens(path: str) -> bool:
    """access(2) knows its mode alone: root may be refused that of a process with more rights, such as a container's
    first."""
    try:
        os.close(os.open(path, os.O_RDONLY))
        return True
    except OSError:
        return False


def _link(name: str) -> str:
    try:
        return os.readlink("/proc/" + name)
    except OSError:
        return ""
