"""The programs of a service under the names that they had before Fabvisor, such as `web` for what is `shop-web` now.
Whoever starts ours beside them has each twice, and two schedulers do every job twice."""

from __future__ import annotations

import os
import re
from typing import Any, Mapping

from .disk import files
from .disk.containment import is_inside, is_named_inside
from .errors import HostError, NotReady
from .layout import Layout
from .quoting import for_sh
from .state import program_owner
from .supervisor.supervisord import Supervisord
from .supervisor.supervisord_conf import PROGRAM_KINDS, Configuration, Definition
from .system import processes

Service = Mapping[str, Any]
NUMBER = re.compile(r"[-_][0-9]+$")        # of one of several processes, behind the name of its program


def sections(layout: Layout, service: Service, conf: Configuration) -> list[Definition]:
    """Those in a file that somebody wrote: they bear the name of a program, and belong to the same directory."""
    now = _names_now(service)
    return [each for each in _written_by_hand(layout, service, conf) if each.name in now]


def problem(layout: Layout, service: Service, found: Definition, conf: Configuration) -> HostError:
    """Of one of these sections."""
    of_group = next((each for each in conf.definitions if found.name in each.programs), None)
    out = f", and {found.name} out of [group:{of_group.name}] in {of_group}" if of_group else ""
    return NotReady(f"{found} defines [{found.kind}:{found.name}], which is {_names_now(service)[found.name]} here: it"
                    " would run twice", f"take that section away{out}; then: {layout.access.supervisorctl} update "
                    f"{for_sh(of_group.name if of_group else found.name)}")


def with_other_names(layout: Layout, service: Service, conf: Configuration) -> list[HostError]:
    """A word on those whose names say nothing: they may be helpers, or the same program once more."""
    names = {program["group"] for program in service["programs"]} | _names_now(service).keys()
    return [HostError(f"{found} defines [{found.kind}:{found.name}] in the directory of {service['name']}, and"
                      " hosts.yaml does not name it", "where it is a program of that service, it runs twice: take that"
                      f" section away; then on the host: {layout.access.supervisorctl} update {for_sh(found.name)}")
            for found in _written_by_hand(layout, service, conf) if found.name not in names]


def of_other_services(layout: Layout, service: Service, conf: Configuration) -> list[HostError]:
    """Programs that we deployed to the same directory under another name: the service was renamed, or another
    environment has the directory, too. Each deploy would bring its own commit there."""
    name, directory = service["name"], layout.below_root(service["directory"])
    others = {each.path: each for each in conf.definitions if each.is_ours and not _is_of(layout, service, each)
              and any(is_named_inside(path, directory) for path in each.paths)}
    return [NotReady(f"{found} has the program {found.name}, which runs in the directory of {name}: each deploy would"
                     " change the files of both", f"give {name} a `directory` of its own; or, where it was renamed: fab"
                     f" remove {os.path.splitext(os.path.basename(path))[0]}") for path, found in others.items()]


def _is_of(layout: Layout, service: Service, found: Definition) -> bool:
    """Whether a section that we wrote is of the service: perhaps where `program_dir` was before."""
    return (files.is_same_path(found.path, layout.program_file(service["name"]))
            or found.name in [program["group"] for program in service["programs"]]
            or program_owner.is_of(found, layout, service["name"]))


def running(layout: Layout, service: Service, conf: Configuration, supervisord: Supervisord) -> list[HostError]:
    """Before the first deploy, the processes of sections that are gone, also of a [group:x]: supervisord keeps them
    until somebody tells it to update."""
    groups, directory = {program["group"] for program in service["programs"]}, layout.below_root(service["directory"])
    names = groups | _names_now(service).keys()
    known = groups | {each.name for each in conf.definitions}
    is_first = not any(each.is_ours and each.name in groups for each in conf.definitions)
    by_group: dict[str, list[str]] = {}
    for info in supervisord.all_processes() if is_first else []:
        group, name, pid = info["group"], info["name"], info["pid"]
        if group not in known and {name, NUMBER.sub("", name)} & names and _may_stand_in(directory, pid):
            by_group.setdefault(group, []).append(f"{group}:{name}")
    return [NotReady(f"supervisord still runs {', '.join(names)}, which no file defines any more: beside"
                     f" {service['name']} it would run twice", f"{layout.access.supervisorctl} update {for_sh(group)}")
            for group, names in by_group.items()]


def _written_by_hand(layout: Layout, service: Service, conf: Configuration) -> list[Definition]:
    """Those that belong to the directory of the service."""
    directory = layout.below_root(service["directory"])
    return [each for each in conf.definitions if each.kind in PROGRAM_KINDS and not each.is_ours
            and any(is_named_inside(path, directory) for path in each.paths)]


def _names_now(service: Service) -> dict[str, str]:
    """supervisord's names of its programs, by their own names, where these are not the same."""
    beginning = service["name"] + "-"
    groups = [program["group"] for program in service["programs"]]
    return {group[len(beginning):]: group for group in groups if group.startswith(beginning)}


def _may_stand_in(directory: str, pid: int) -> bool:
    """Where another user's process stands, nobody may know; one without a directory stands in /."""
    folder = processes.cwd(pid)
    return pid > 0 and (folder in ("", os.sep) or is_inside(folder, directory))
