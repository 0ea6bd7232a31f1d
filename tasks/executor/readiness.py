"""Whether a service can be changed: all that stands in the way, found before anything is touched."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from . import files, git, program_user
from .errors import HostError, NotReady
from .layout import Layout
from .supervisord import BadConfiguration, Supervisord
from .supervisord_conf import SupervisordConf, sections

Service = Mapping[str, Any]


def problems(layout: Layout, services: Sequence[Service], conf: SupervisordConf,
             supervisord: Supervisord) -> list[HostError]:
    """What stands in the way of a change. supervisord reads its configuration anew, which changes no program."""
    problems: list[HostError] = []
    try:
        git.require_git(conf.env)
        removed = _reload(layout, services, supervisord)
        for service in services:
            problems += _process_problems(service["name"], removed, layout, supervisord)
            problems += program_user.problems(layout, service, supervisord.uid())
    except HostError as error:
        problems.append(error)
    for service in services:
        problems += _file_problems(layout, service, conf)
    return problems


def visible_problems(layout: Layout, service: Service, conf: SupervisordConf,
                     supervisord: Supervisord) -> list[HostError]:
    """As problems(), but supervisord does not read its files: for a command that only looks."""
    try:
        problems = [*_process_problems(service["name"], [], layout, supervisord),
                    *program_user.problems(layout, service, supervisord.uid())]
    except HostError as error:
        problems = [error]
    return problems + _file_problems(layout, service, conf)


def _reload(layout: Layout, services: Sequence[Service], supervisord: Supervisord) -> list[str]:
    """The groups that are active but in no file any more.

    Another program's broken file stops every change on the host: it is found here, before anything is touched.
    """
    for service in services:
        directory = layout.below_root(service["directory"])
        if os.path.exists(layout.program_file(service["name"])) and os.path.isdir(directory):
            files.ensure_dir(os.path.join(directory, "logs"))
    try:
        return supervisord.reload()[2]
    except BadConfiguration as error:
        raise NotReady("supervisord cannot read its configuration: " + error.message, error.hint) from None


def _process_problems(name: str, removed: Sequence[str], layout: Layout, supervisord: Supervisord) -> list[HostError]:
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


def _file_problems(layout: Layout, service: Service, conf: SupervisordConf) -> list[HostError]:
    """What the configuration files say against a program file of ours."""
    name, own = service["name"], layout.program_file(service["name"])
    problems: list[HostError] = []
    elsewhere = conf.elsewhere(name, own)
    if elsewhere:
        problems.append(NotReady(f"{elsewhere[0]}:{elsewhere[1]} already defines [program:{name}]",
                                 f"move that section to {own}: from then on Fabvisor writes that file"))
    if not conf.includes(own):
        pattern = os.path.join(os.path.relpath(layout.program_dir, conf.folder), "*.conf")
        problems.append(NotReady(f"{conf.path} does not include {own}",
                                 f"add to it: [include] files = {pattern}, then: supervisorctl update"))
    others = [section for section in sections((files.read_bytes(own) or b"").decode("utf-8", "replace"))
              if section != "program:" + name]
    if others:
        problems.append(NotReady(f"{own} also holds [{others[0]}]", "move that section to a file of its own"))
    return problems
