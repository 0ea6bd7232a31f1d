"""The current state of a service on this host. Looking changes nothing."""

from __future__ import annotations

import os
from typing import Any, Mapping

from . import files, git, history, processes, program_user
from .accounts import user_name
from .errors import HostError
from .layout import Layout
from .protocol import CloneState, ProgramState, ReleaseState, ServiceFacts
from .releases import Releases, commit_of
from .supervisord import Supervisord, reason

SHORT = ("deploy", "at", "by", "command", "branch", "from", "to", "result", "was_running", "source")


def of_service(layout: Layout, service: Mapping[str, Any], clone: git.Clone,
               supervisord: Supervisord) -> ServiceFacts:
    """Everything that the client plans by. Where supervisord is down, the state is UNKNOWN."""
    name = service["name"]
    lines = history.known(layout, name)
    committed = history.last_committed(lines)
    program = _program(supervisord, name)
    releases = Releases(layout, name, clone)
    live = releases.live()
    state = releases.live_tree().state()
    contents = [] if clone.exists() else _contents(clone.directory)
    program_file = layout.access.program_file(name)
    return {
        "directory": clone.directory,
        "directory_exists": os.path.isdir(clone.directory),
        "clone": clone.exists(),
        "foreign": bool(set(contents) - _kept(service)),
        "contents": contents,
        "commit": state.commit,
        "branch": state.branch if state.commit else None,
        "edited": edited(state, lines, live),
        "strategy": "releases" if live else "in_place" if state.commit else None,
        "standing": _clone_state(clone, lines) if live else None,
        "current": releases.current(),
        "releases": _releases(releases),
        "program_file": None if program_file is None else program_file.data.decode("utf-8", "replace"),
        "program_path": layout.program_file(name),
        "env_path": layout.env_file(name),
        "env_sha256": files.digest(layout.env_file(name)),
        "program": program,
        "started_from": _started_from(releases, clone, state, program, committed),
        "committed": committed,
        "history": [_short(line) for line in lines],
        "log": os.path.join(clone.directory, "logs", name + ".log"),
        "machine": os.uname().machine,
        "default_user": _default_user(supervisord) if program["state"] != "UNKNOWN" else None,
    }


def edited(state: git.State, lines: list[dict[str, Any]], release: str | None) -> list[str]:
    """The edits that a person made: those that the last committed build did not make. `release`: None for the clone."""
    committed = history.last_committed(line for line in lines if line.get("release") == release)
    left = committed.get("left") or {}
    known = left if committed.get("to") == state.commit else {}
    return [line for line, digest in state.edits.items() if not _is_known(known, line, digest)]


def _is_known(known: Mapping[str, str | None], line: str, digest: str | None) -> bool:
    """Older lines of the history have no digest of a deletion."""
    if line not in known or digest is None:
        return False
    return known[line] == digest or (known[line] is None and digest == git.DELETED)


def unloaded(layout: Layout, name: str, program: Mapping[str, Any]) -> bool:
    """Whether the program file was written after the running program was started (supervisord knows whole seconds)."""
    if program["state"] != "RUNNING":
        return False
    file = layout.access.program_file(name)
    return file is not None and bool(file.written > program["start"] + 1)


def _default_user(supervisord: Supervisord) -> str | None:
    uid = supervisord.uid()
    user = program_user.default(uid)
    return None if user == uid else user_name(user)


def _program(supervisord: Supervisord, name: str) -> ProgramState:
    try:
        info = supervisord.info(name)
    except HostError as error:
        return {"state": "UNKNOWN", "pid": None, "start": None, "now": None, "why": error.message,
                "hint": error.hint}
    return {"state": info["statename"], "pid": info["pid"] or None, "start": info.get("start"),
            "now": info.get("now"), "why": reason(info), "hint": "",
            "log": info.get("stdout_logfile")}


def _started_from(releases: Releases, clone: git.Clone, state: git.State, program: Mapping[str, Any],
                  committed: Mapping[str, Any]) -> Any:
    """The commit that the running process was started from: what the history says of it; else the release that its
    current folder is in, or the clone's HEAD at its start."""
    if program["state"] != "RUNNING" or state.commit is None:
        return None
    if committed.get("pid") == program["pid"] and committed.get("start") == program["start"]:
        return committed.get("to")
    cwd = processes.cwd(program["pid"])
    release = releases.holding(cwd)
    if release:
        return commit_of(release)
    in_clone = not releases.live() or cwd == os.path.realpath(clone.directory)
    return (clone.head_at(program["start"]) if in_clone else None) or state.commit


def _clone_state(clone: git.Clone, lines: list[dict[str, Any]]) -> CloneState:
    """The state of the clone itself, where the program runs in a release."""
    state = clone.state()
    return {"commit": state.commit, "branch": state.branch, "edited": edited(state, lines, None)}


def _releases(releases: Releases) -> list[ReleaseState]:
    in_use = releases.in_use()
    return [{"name": name, "digest": releases.completion(name).get("digest"), "in_use": name in in_use}
            for name in releases.names()]


def _contents(directory: str) -> list[str]:
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def _kept(service: Mapping[str, Any]) -> set[str]:
    """The names that may be in a directory before the first deploy: logs, and shared paths."""
    return {"logs", *(path.split("/")[0] for path in service["shared"])}


def _short(line: dict[str, Any]) -> dict[str, Any]:
    return {key: line.get(key) for key in SHORT}
