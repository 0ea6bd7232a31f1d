"""The current state of a service on this host. Looking changes nothing."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from .. import git, masking, program_user
from ..disk import files
from ..disk.containment import is_inside
from ..errors import HostError
from ..layout import Layout
from ..protocol import PROGRAM_HEADER, CloneState, ProcessState, ReleaseState, ServiceFacts
from ..quoting import for_sh
from ..state import history
from ..supervisor.supervisord import Supervisord, reason
from ..supervisor.supervisord_conf import programs_in
from ..system import processes
from ..system.accounts import login_name, user_name
from .releases import Releases

SHORT = ("deploy", "at", "by", "command", "branch", "from", "to", "result", "was_running", "source")
BOOT_ID = "/proc/sys/kernel/random/boot_id"     # random(4)
Programs = Dict[str, List[ProcessState]]       # by group


def of_service(layout: Layout, service: Mapping[str, Any], clone: git.Clone,
               supervisord: Supervisord) -> ServiceFacts:
    """Everything that the client plans by. Where supervisord is down, the state is UNKNOWN."""
    name = service["name"]
    lines = list(history.known(layout, name))
    committed = history.last_committed(lines)
    file = layout.access.program_file(name)
    program_file = None if file is None else file.data.decode("utf-8", "replace")
    programs = process_states(supervisord, _planned(service, program_file))
    running = [process for processes in programs.values() for process in processes if process["state"] == "RUNNING"]
    releases = Releases(layout, name, clone)
    live = releases.live()
    state = releases.live_tree().state()
    contents = [] if clone.exists() else _contents(clone.directory)
    return {
        "directory": clone.directory,
        "directory_exists": os.path.isdir(clone.directory),
        "clone": clone.exists(),
        "foreign": bool(set(contents) - _kept(service)),
        "contents": contents,
        "commit": state.commit,
        "subtree": _subtree(service, clone, state.commit),
        "branch": state.branch if state.commit else None,
        "edited": list(map(state.describe, edited(state, lines, live))),
        "files": releases.placed_states(live, service["files"]),
        "strategy": "releases" if live else "in_place" if state.commit else None,
        "clone_state": _clone_state(releases, clone, service["files"], lines) if live else None,
        "current": releases.current(),
        "current_target": releases.target(),
        "releases": _releases(releases),
        "program_file": program_file,
        "program_path": layout.program_file(name),
        "written_directory": releases.written_directory(),
        "env_path": layout.env_file(name),
        "env_sha256": files.digest(layout.env_file(name)),
        "login_path": _login_path(layout, name),
        "programs": programs,
        "started_from": _started_from(releases, clone, state, running, lines),
        "committed": committed,
        "history": [_short(line) for line in lines],
        "logs": os.path.join(clone.directory, "logs"),
        "machine": os.uname().machine,
        "program_folder": folder_of_machine(layout.program_dir),
        "default_user": None if is_down(programs) else _default_user(supervisord),
        "login": login_name(),
        "drained_by": _drained_by(layout, name),
        "handwritten": _use_of_handwritten(layout, name),
    }


def _subtree(service: Mapping[str, Any], clone: git.Clone, commit: str | None) -> str | None:
    folder = service.get("subdirectory")
    return clone.commits.subtree(commit, folder) if folder and commit else None


def edited(state: git.State, lines: Iterable[dict[str, Any]], release: str | None) -> list[str]:
    """The edits that a person made: those that the last committed build did not make. `lines` of the history, which are
    read where there are edits; `release`: None for the clone."""
    if not state.edits:
        return []
    committed = history.last_committed(line for line in lines if line.get("release") == release)
    left = committed.get("left") or {}
    known = left if committed.get("to") == state.commit else {}
    return [line for line, digest in state.edits.items() if not _is_known(known, line, digest)]


def _is_known(known: Mapping[str, str | None], line: str, digest: str | None) -> bool:
    """Older lines of the history have no digest of a deletion."""
    if line not in known or digest is None:
        return False
    return known[line] == digest or (known[line] is None and digest == git.DELETED)


def unloaded(layout: Layout, name: str, programs: Programs) -> bool:
    """Whether the program file was written after a running process was started (supervisord knows whole seconds)."""
    starts = [process["start"] or 0 for processes in programs.values() for process in processes
              if process["state"] == "RUNNING"]
    file = layout.access.program_file(name)
    return file is not None and bool(starts) and file.written > min(starts) + 1


def _user_of(pid: int) -> str | None:
    """Whose process it is, where that is not the user who logs in."""
    uid = processes.user(pid)
    return None if uid in (None, os.geteuid()) else user_name(uid or 0)


def _default_user(supervisord: Supervisord) -> str | None:
    uid = supervisord.uid()
    user = program_user.default(uid)
    return None if user == uid else user_name(user)


def is_down(programs: Programs) -> bool:
    """Whether supervisord did not answer."""
    return any(process["state"] == "UNKNOWN" for processes in programs.values() for process in processes)


def process_states(supervisord: Supervisord, planned: Mapping[str, Sequence[str]]) -> Programs:
    """By group the processes that supervisord knows; `planned`: by group the names of those that shall be there."""
    try:
        infos = supervisord.processes(*planned)
        return {group: [_process(info) for info in infos if info["group"] == group]
                or [_no_process(name, "absent") for name in names] for group, names in planned.items()}
    except HostError as error:
        return unknown(planned, error.message, error.hint)


def unknown(planned: Mapping[str, Sequence[str]], why: str = "", hint: str = "") -> Programs:
    """As process_states(), where supervisord is down."""
    return {group: [_no_process(name, "UNKNOWN", why, hint) for name in names] for group, names in planned.items()}


def _login_path(layout: Layout, service: str) -> str | None:
    """PATH of the login, which programs get; where the login shell does not tell it now, the one that they have."""
    if layout.is_login_known:
        return layout.env.get("PATH", os.defpath)
    return masking.values(files.read_text(layout.env_file(service))).get("PATH")


def _planned(service: Mapping[str, Any], program_file: str | None) -> dict[str, list[str]]:
    """The programs that hosts.yaml names, and those of our program file: by group the names of their processes."""
    named = {program["group"]: program["processes"] for program in service["programs"]}
    return {**{group: [group] for group in _written(program_file)}, **named}


def unnamed(service: Mapping[str, Any], program_file: str | None) -> list[str]:
    """The programs of our program file that hosts.yaml does not name, or on other hosts only."""
    named = {program["group"] for program in service["programs"]}
    return [group for group in _written(program_file) if group not in named]


def _written(program_file: str | None) -> list[str]:
    is_ours = program_file is not None and program_file.startswith(PROGRAM_HEADER)
    return programs_in(program_file or "") if is_ours else []


def _process(info: Mapping[str, Any]) -> ProcessState:
    return {"name": info["name"], "state": info["statename"], "pid": info["pid"] or None, "start": info.get("start"),
            "now": info.get("now"), "why": reason(info), "hint": "", "log": info.get("stdout_logfile"),
            "error_log": info.get("stderr_logfile"), "user": _user_of(info["pid"]) if info["pid"] else None,
            "exit_status": _exit_status(info)}


def _exit_status(info: Mapping[str, Any]) -> int | None:
    status = info.get("exitstatus", -1)
    return status if info["statename"] == "EXITED" and status >= 0 else None


def _no_process(name: str, state: str, why: str = "", hint: str = "") -> ProcessState:
    return {"name": name, "state": state, "pid": None, "start": None, "now": None, "why": why, "hint": hint,
            "log": None, "error_log": None, "user": None, "exit_status": None}


def _started_from(releases: Releases, clone: git.Clone, state: git.State, running: Sequence[ProcessState],
                  lines: Sequence[Mapping[str, Any]]) -> str | None:
    """The commit that the running processes were started from; where they differ, one that is not the disk's."""
    commits = [_commit_of(releases, clone, state, process, lines) for process in running] if state.commit else []
    return next((commit for commit in commits if commit != state.commit), next(iter(commits), None))


def _commit_of(releases: Releases, clone: git.Clone, state: git.State, process: ProcessState,
               lines: Sequence[Mapping[str, Any]]) -> Any:
    """What the history says of a process; else the release that its current folder is in, or the clone's HEAD at its
    start."""
    for line in reversed(lines):
        identity = line.get("processes", {}).get(process["name"], [line.get("pid"), line.get("start")])
        if line.get("result") == "committed" and identity == [process["pid"], process["start"]]:
            return line.get("to")
    cwd = processes.cwd(process["pid"])
    release = releases.holding(cwd)
    if release:
        return releases.commit(release)
    in_clone = not releases.live() or is_inside(cwd, clone.directory)
    return (clone.head_at(process["start"] or 0) if in_clone else None) or state.commit


def _use_of_handwritten(layout: Layout, name: str) -> str | None:
    """The command that runs the program by the file that the first deploy kept; None where it kept none. It may hold
    secrets, and nobody knows any more who could read it."""
    kept = layout.handwritten(name)
    access = layout.access
    if not os.path.exists(kept):
        return None
    return (f"{access.prefix}install -m 600 {for_sh(kept)} {for_sh(layout.program_file(name))} && "
            f"{access.supervisorctl} update")


def folder_of_machine(path: str) -> str:
    """The same for each name of a folder, and of its machine; empty where it is not there, or shut, and where the
    kernel does not say which boot this is, as in gVisor: copies of a machine have the same numbers."""
    try:
        status = os.stat(path)
        boot = files.read_bytes(BOOT_ID)
    except OSError:
        return ""
    return f"{boot.decode().strip()}:{status.st_dev}:{status.st_ino}" if boot else ""


def _drained_by(layout: Layout, name: str) -> str | None:
    mark = files.read_bytes(layout.drained(name))
    return None if mark is None else mark.decode("utf-8", "replace").strip()


def _clone_state(releases: Releases, clone: git.Clone, named: Sequence[str], lines: list[dict[str, Any]]) -> CloneState:
    """The state of the clone itself, where the program runs in a release."""
    state = clone.state()
    edits = edited(state, lines, None)
    return {"commit": state.commit, "branch": state.branch, "edited": list(map(state.describe, edits)),
            "files": releases.placed_states(None, named)}


def _releases(releases: Releases) -> list[ReleaseState]:
    in_use = releases.in_use()
    ours: list[ReleaseState] = [
        {"name": name, "digest": releases.completion(name).get("digest"), "in_use": name in in_use, "commit": None}
        for name in releases.names()]
    others: list[ReleaseState] = [
        {"name": name, "digest": None, "in_use": name in in_use, "commit": releases.commit(name) or ""}
        for name in releases.others()]
    return ours + others


def _contents(directory: str) -> list[str]:
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def _kept(service: Mapping[str, Any]) -> set[str]:
    """The names that may be in a directory before the first deploy: logs, and shared paths."""
    return {"logs", *(path.split("/")[0] for path in service["shared"])}


def _short(line: dict[str, Any]) -> dict[str, Any]:
    return {key: line.get(key) for key in SHORT}
