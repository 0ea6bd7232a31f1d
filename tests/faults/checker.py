"""The state of a host, read without the tool: files, git, /proc, supervisord's own API."""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.lab import git

if TYPE_CHECKING:
    from tests.faults.fleet import Fleet

SETTLES = 10        # seconds for what was told to stop or start to have done so


def traces(fleet: Fleet, host: str) -> dict[str, str | None]:
    """Which version each trace is of."""
    app = fleet.app
    current = _live(fleet, host)
    return {
        "the commit": _text(current / "source") if _clean(current) else "edited",
        "what was built": _text(current / "built"),
        "the placed file": _version(r"VERSION=app-(\d+)", _text(current / "conf/version")),
        "the names of the placed files": _version(r"only-(\d+)", " ".join(map(str, current.glob("conf/*")))),
        "the program file": _version(r"(?:priority=|beat)(\d+)", _text(app.program_file(host))),
        "the environment file": _version(r"VERSION='?app-(\d+)", _text(app.env_file(host))),
        "the programs": _version(r"(?:_prio=|beat)(\d+)", " ".join(
            f"{info['group']} _prio={info['process_prio']}" for info in fleet.lab[host].rpc.getAllConfigInfo()
            if _is_of(app.name, info["group"]))),
        **_traces_of_processes(fleet, host),
    }


def _traces_of_processes(fleet: Fleet, host: str) -> dict[str, str | None]:
    traces: dict[str, str | None] = {}
    pids = processes(fleet, host)
    for name in fleet.processes:
        pid = next((pid for process, pid in pids.items() if re.sub(r"(?<=beat)\d+", "", process) == name and pid), None)
        traces[name] = _text(Path(f"/proc/{pid}/cmdline")).split("\0")[0] if pid else None
        traces[f"the environment of {name}"] = _version(
            r"VERSION=app-(\d+)", _text(Path(f"/proc/{pid}/environ"))) if pid else None
    return traces


def processes(fleet: Fleet, host: str) -> dict[str, int]:
    """Of each process of the service that supervisord knows, by its name."""
    return {info["name"]: info["pid"] for info in fleet.lab[host].rpc.getAllProcessInfo()
            if _is_of(fleet.app.name, info["group"])}


def _is_of(service: str, group: str) -> bool:
    return group == service or group.startswith(service + "-")


def version(fleet: Fleet, host: str) -> tuple[str | None, list[str]]:
    """(the one version that this host is of, what is wrong). It gets a moment for a process to become what it is."""
    deadline = time.monotonic() + SETTLES
    while True:
        found = traces(fleet, host)
        wrong = [] if len(set(found.values())) == 1 else [f"{host} is in between: {found}"]
        wrong += strays(fleet, host)
        if not wrong or time.monotonic() > deadline:
            return (found["the commit"] if not wrong else None), wrong
        time.sleep(0.1)


def strays(fleet: Fleet, host: str) -> list[str]:
    """Processes of logins, of steps, and of the service beside those that supervisord knows."""
    directory = fleet.lab[host].directory(fleet.app.name)
    all_there = _environments()
    there = {*executors(fleet, host, all_there), *steps(fleet.root(host), all_there),
             *of_service(fleet.app.gate, host, all_there), *_standing_in(directory)}
    extra = sorted(there - set(processes(fleet, host).values()))
    return [f"{host}: stray process {pid}: {_text(Path(f'/proc/{pid}/cmdline'))!r}" for pid in extra]


def left(fleet: Fleet, host: str) -> list[str]:
    """What a deploy that is over may not leave, whatever version it left."""
    return [*leftovers(fleet, host), *history(fleet, host), *out_of_service(fleet, host)]


def leftovers(fleet: Fleet, host: str) -> list[str]:
    found = [f"{host}: left behind: {path}" for path in fleet.lab[host].leftovers()]
    if not lock_is_free(fleet.root(host), fleet.app.name):
        found.append(f"{host}: the lock is held")
    return found


def out_of_service(fleet: Fleet, host: str) -> list[str]:
    """The load balancers that send it no requests."""
    marks = [*fleet.app.gate.glob(f"out-{host}*"), *(fleet.root(host) / ".fabvisor/app").glob("drained")]
    return [f"{host} is out of service: {mark.name}" for mark in marks]


def history(fleet: Fleet, host: str) -> list[str]:
    """The last committed line is of what is there. A full disk or a power cut may have torn one."""
    path = fleet.root(host) / ".fabvisor" / fleet.app.name / "history.jsonl"
    lines = [line for text in _text(path).splitlines() if (line := _whole(text)).get("result") == "committed"]
    head = git(_live(fleet, host), "rev-parse", "HEAD")
    return [f"{host}: the history says {lines[-1]['to']}"] if lines and lines[-1]["to"] != head else []


def _whole(text: str) -> dict[str, str]:
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def unfinished(root: Path, service: str) -> bool:
    """A journal says that something is to be undone: its deploy is not committed."""
    path = root / ".fabvisor" / service / "history.jsonl"
    lines = [_whole(text) for text in _text(path).splitlines()]
    committed = {line["deploy"] for line in lines if line.get("result") == "committed"}
    return any(journal.stem not in committed for journal in (root / ".fabvisor/journal").glob("*.json"))


def lock_is_free(root: Path, service: str) -> bool:
    path = root / ".fabvisor" / service / "lock"
    if not path.exists():
        return True
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


Environments = dict[int, bytes]         # by pid; a null byte before, between and behind the variables


def steps(root: Path, among: Environments | None = None) -> set[int]:
    """By the mark that the steps of a deploy carry."""
    return _with_environment(rb"FABVISOR_DEPLOY=[^\0]*@" + re.escape(os.fsencode(root)), among)


def executors(fleet: Fleet, host: str, among: Environments | None = None) -> set[int]:
    """What was started by a login: nothing else has this home."""
    return _with_environment(rb"HOME=" + re.escape(os.fsencode(fleet.lab[host].sshd.home)), among)


def of_service(gate: Path, host: str, among: Environments | None = None) -> set[int]:
    """By the service's own variables: its program, and whatever a build of it started."""
    gates = _with_environment(rb"GATE=" + re.escape(os.fsencode(gate)), among)
    return gates & _with_environment(rb"HOST=" + host.encode(), among)


def _live(fleet: Fleet, host: str) -> Path:
    """The folder of the version that is to run."""
    directory = fleet.lab[host].directory(fleet.app.name)
    return directory / "current" if fleet.strategy == "releases" else directory


def _standing_in(folder: Path) -> set[int]:
    """Even with no variable left, a process has a current folder."""
    pids = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError):
            if f"{os.readlink(f'/proc/{name}/cwd')}/".startswith(f"{folder}/"):
                pids.add(int(name))
    return pids


def _environments() -> Environments:
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            found[int(name)] = b"\0" + file.read() + b"\0"
    return found


def _with_environment(variable: bytes, among: Environments | None) -> set[int]:
    """Those that have a variable which the pattern matches; of the processes that there are now unless given."""
    whole = re.compile(rb"\0" + variable + rb"\0")
    return {pid for pid, text in (_environments() if among is None else among).items() if whole.search(text)}


def _version(pattern: str, text: str) -> str | None:
    """The version whose number the pattern finds; all of them where they differ."""
    return " ".join(sorted({f"app-{number}" for number in re.findall(pattern, text)})) or None


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _clean(folder: Path) -> bool:
    return folder.exists() and git(folder, "status", "--porcelain", "--untracked-files=no") == ""


