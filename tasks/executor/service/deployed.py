"""The services that were deployed here, by the program files that our deploys leave."""

from __future__ import annotations

import os
from typing import Container

from ..disk import files
from ..layout import Layout
from ..protocol import PROGRAM_HEADER, Orphan, ServiceSettings
from ..state import history, program_owner
from ..supervisor.supervisord import Supervisord
from ..supervisor.supervisord_conf import Configuration, programs_in, written
from . import facts


def services(layout: Layout, conf: Configuration) -> list[str]:
    """Their names: of each, supervisord reads a file that we wrote. Those of another state folder belong to another
    hosts.yaml."""
    paths = {section.path for section in conf.definitions if section.is_ours}
    names = sorted(os.path.splitext(os.path.basename(path))[0] for path in paths)
    states = {name: program_owner.state_folder(layout, name) for name in names}
    return [name for name, state in states.items() if not state or files.is_same_path(state, layout.state)]


def orphans(layout: Layout, conf: Configuration, named: Container[str], supervisord: Supervisord) -> list[Orphan]:
    """Those that are not `named` in hosts.yaml, and those of which only their history and perhaps a clone are left."""
    names = sorted({*services(layout, conf), *_with_history(layout)})
    return [_orphan(layout, name, supervisord) for name in names if name not in named]


def directory(layout: Layout, service: str) -> str:
    """The directory of a service; its programs may run in a release of it, and there in a subdirectory."""
    committed = history.newest_committed(layout, service)
    folder = written(program_owner.own_text(layout, service), "directory").replace("%%", "%")
    if not folder:
        return str(committed.get("directory") or "")            # `fab remove` writes it down
    if committed.get("subdirectory"):
        folder = folder[:-len(committed["subdirectory"]) - 1]
    return os.path.dirname(folder) if committed.get("strategy") == "releases" else folder


def as_deployed(layout: Layout, service: ServiceSettings) -> ServiceSettings:
    """The service where the last deploy left it: hosts.yaml may name another directory since then."""
    text = layout.access.program_text(service["name"])
    if _is_where_hosts_yaml_says(layout, service, text):
        return service
    there = directory(layout, service["name"]) if not text or text.startswith(PROGRAM_HEADER) else ""
    if not there or files.is_same_path(there, layout.below_root(service["directory"])):
        return service
    committed = history.newest_committed(layout, service["name"])
    return {**service, "directory": there, "subdirectory": committed.get("subdirectory") or ""}


def _is_where_hosts_yaml_says(layout: Layout, service: ServiceSettings, text: str) -> bool:
    """Whether a program file surely runs the service in its directory."""
    return written(text, "directory") in [
        layout.below_root(os.path.join(service["directory"], current, service["subdirectory"]))
        for current in ("", "current")]


def _with_history(layout: Layout) -> list[str]:
    names = os.listdir(layout.state) if os.path.isdir(layout.state) else []
    return [name for name in names if os.path.exists(layout.history_file(name))]


def _orphan(layout: Layout, name: str, supervisord: Supervisord) -> Orphan:
    groups = programs_in(program_owner.own_text(layout, name))
    committed = history.newest_committed(layout, name)
    return {"name": name, "directory": directory(layout, name), "strategy": committed.get("strategy") or "in_place",
            "programs": facts.process_states(supervisord, {group: [group] for group in groups})}
