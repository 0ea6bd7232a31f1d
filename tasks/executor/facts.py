"""What is so on this host now. Looking changes nothing but supervisord's idea of its configuration files."""

from __future__ import annotations

import os
from typing import Any, Mapping

from . import files, git, history, processes
from .errors import HostError, NotReady
from .layout import Layout
from .protocol import CloneState, ProgramState, ReleaseState, ServiceFacts
from .releases import Releases, commit_of
from .supervisord import BadConfiguration, Supervisord, reason
from .supervisord_conf import SupervisordConf, sections

SHORT = ("deploy", "at", "by", "command", "branch", "from", "to", "result", "was_running")


def directory_of(layout: Layout, service: Mapping[str, Any]) -> str:
    return layout.below_root(service["directory"])


def of_service(layout: Layout, service: Mapping[str, Any], clone: git.Clone,
               supervisord: Supervisord) -> ServiceFacts:
    """Everything the client plans by; `supervisord` may be down, then the state is unknown."""
    name = service["name"]
    lines = history.known(layout, name)
    committed = history.last_committed(lines)
    program = _program(supervisord, name)
    releases = Releases(layout, name, clone)
    live = releases.live()
    state = releases.live_tree().state()
    contents = [] if clone.exists() else _contents(clone.directory)
    text = files.read_bytes(layout.program_file(name))
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
        "standing": _standing(clone, lines) if live else None,
        "current": releases.current(),
        "releases": _releases(releases),
        "program_file": None if text is None else text.decode("utf-8", "replace"),
        "program_path": layout.program_file(name),
        "env_path": layout.env_file(name),
        "env_sha256": files.digest(layout.env_file(name)),
        "program": program,
        "started_from": _started_from(releases, clone, state, program, committed),
        "committed": committed,
        "history": [_short(line) for line in lines],
        "log": os.path.join(clone.directory, "logs", name + ".log"),
    }


def edited(state: git.State, lines: list[dict[str, Any]], release: str | None) -> list[str]:
    """Edited by a person. What the last good build of that release (None: of the clone itself) changed does not count.
    """
    committed = history.last_committed(line for line in lines if line.get("release") == release)
    left = committed.get("left") or {}
    known = left if committed.get("to") == state.commit else {}
    return [line for line, digest in state.edits.items() if digest is None or known.get(line) != digest]


def unloaded(layout: Layout, name: str, program: Mapping[str, Any]) -> bool:
    """The program file was written after the running program was started (supervisord tells whole seconds)."""
    if program["state"] != "RUNNING":
        return False
    try:
        return bool(os.stat(layout.program_file(name)).st_mtime > program["start"] + 1)
    except OSError:
        return False


def ready(layout: Layout, services: list[Mapping[str, Any]], conf: SupervisordConf,
          supervisord: Supervisord) -> list[HostError]:
    """What stands in the way of a change; [] when nothing does."""
    found: list[HostError] = []
    try:
        git.require_git(conf.env)
        removed = _reload(layout, services, supervisord)
        for service in services:
            found += _process_problems(service["name"], removed, layout, supervisord)
    except HostError as error:
        found.append(error)
    for service in services:
        found += _service_problems(layout, service, conf)
    return found


def obstacles(layout: Layout, service: Mapping[str, Any], conf: SupervisordConf,
              supervisord: Supervisord) -> list[HostError]:
    """As ready(), for whoever only looks: what can be told without supervisord reading its files again."""
    try:
        found = _process_problems(service["name"], [], layout, supervisord)
    except HostError as error:
        found = [error]
    return found + _service_problems(layout, service, conf)


def _reload(layout: Layout, services: list[Mapping[str, Any]], supervisord: Supervisord) -> list[str]:
    """The groups that are active but in no file any more.

    Another program's broken file stops every change on the host: it is found here, before anything is touched.
    """
    for service in services:
        directory = directory_of(layout, service)
        if os.path.exists(layout.program_file(service["name"])) and os.path.isdir(directory):
            files.ensure_dir(os.path.join(directory, "logs"))
    try:
        return supervisord.reload()[2]
    except BadConfiguration as error:
        raise NotReady("supervisord cannot read its configuration: " + error.message, error.hint) from None


def _process_problems(name: str, removed: list[str], layout: Layout, supervisord: Supervisord) -> list[HostError]:
    """What runs under the service's name, but could not be brought back as it is."""
    others = sorted(set(supervisord.processes(name)) - {f"{name}:{name}"})
    if others:
        names = ", ".join(others)
        return [NotReady(f"supervisord has the processes {names}; a service is one process, {name}",
                         "take numprocs, process_name or [group:...] out of its file, then: supervisorctl update")]
    if name in removed:
        return [NotReady(f"{name} is known to supervisord, but in no configuration file any more",
                         f"put its section back, into {layout.program_file(name)}")]
    return []


def _service_problems(layout: Layout, service: Mapping[str, Any], conf: SupervisordConf) -> list[HostError]:
    name, own = service["name"], layout.program_file(service["name"])
    found: list[HostError] = []
    elsewhere = conf.elsewhere(name, own)
    if elsewhere:
        found.append(NotReady(f"{elsewhere[0]}:{elsewhere[1]} already defines [program:{name}]",
                              f"move that section to {own}: from then on Fabvisor writes that file"))
    if not conf.includes(own):
        pattern = os.path.join(os.path.relpath(layout.program_dir, conf.folder), "*.conf")
        found.append(NotReady(f"{conf.path} does not include {own}",
                              f"add to it: [include] files = {pattern}, then: supervisorctl update"))
    others = [section for section in sections((files.read_bytes(own) or b"").decode("utf-8", "replace"))
              if section != "program:" + name]
    if others:
        found.append(NotReady(f"{own} also holds [{others[0]}]", "move that section to a file of its own"))
    return found


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
    """The commit that the running process was started from: what we recorded of it; else the release that it stands
    in, or the clone's HEAD at its start."""
    if program["state"] != "RUNNING" or state.commit is None:
        return None
    if committed.get("pid") == program["pid"] and committed.get("start") == program["start"]:
        return committed.get("to")
    stands = processes.cwd(program["pid"])
    release = releases.holding(stands)
    if release:
        return commit_of(release)
    in_clone = not releases.live() or stands == os.path.realpath(clone.directory)
    return (clone.head_at(program["start"]) if in_clone else None) or state.commit


def _standing(clone: git.Clone, lines: list[dict[str, Any]]) -> CloneState:
    state = clone.state()
    return {"commit": state.commit, "branch": state.branch, "edited": edited(state, lines, None)}


def _releases(releases: Releases) -> list[ReleaseState]:
    in_use = releases.in_use()
    return [{"name": name, "digest": releases.completion(name).get("digest"), "in_use": name in in_use}
            for name in releases.names()]


def _contents(directory: str) -> list[str]:
    return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


def _kept(service: Mapping[str, Any]) -> set[str]:
    """What may lie in a directory before the first deploy: logs, and what is shared."""
    return {"logs", *(path.split("/")[0] for path in service["shared"])}


def _short(line: dict[str, Any]) -> dict[str, Any]:
    return {key: line.get(key) for key in SHORT}
