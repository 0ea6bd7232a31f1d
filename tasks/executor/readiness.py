"""Checks whether a service can be changed, before anything is changed, and lists all obstacles."""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from . import configuration_check, directory_access, earlier_programs, earlier_supervisord, program_user
from .disk import files, read_only
from .errors import HostError, NotReady
from .layout import Layout
from .logs import log_folder
from .network import port_holders, sockets
from .quoting import for_sh
from .state import earlier_state, history, program_owner
from .supervisor.supervisord import Supervisord
from .supervisor.supervisord_conf import PROGRAM_KINDS, USE_SUDO, Configuration, Definition
from .system.accounts import login_name, user_name

Service = Mapping[str, Any]


def problems(layout: Layout, settings: Mapping[str, Any], supervisord: Supervisord) -> list[HostError]:
    """The obstacles to a deploy. supervisord reads its configuration anew, which changes no program."""
    services = settings["services"]
    problems: list[HostError] = []
    conf = layout.access.configuration()
    try:
        removed = configuration_check.removed_groups(layout, services, conf, supervisord)
        for service in services:
            problems += _program_problems(service, removed, layout, conf, supervisord)
            if not settings["keeps_version"]:
                problems += earlier_programs.of_other_services(layout, service, conf)
            problems += port_holders.problems(layout, service, settings, supervisord)
    except HostError as error:
        problems.append(error)
    for service in services:
        problems += _file_problems(layout, service, conf)
    return problems


def visible_problems(layout: Layout, service: Service, conf: Configuration,
                     supervisord: Supervisord) -> list[HostError]:
    """As problems(), but supervisord does not read its files (configuration_check): for a command that only looks.

    What a file defines that nobody can read is not known, and a program of it is not one that no file defines.
    """
    try:
        defined = {definition.name for definition in conf.definitions}
        undefined = set() if conf.unreadable else {*_groups(service)} - defined
        removed = sorted({info["group"] for info in supervisord.processes(*undefined)})
        problems = _program_problems(service, removed, layout, conf, supervisord)
        problems += earlier_programs.of_other_services(layout, service, conf)
    except HostError as error:
        problems = [error]
    return problems + _file_problems(layout, service, conf)


def _program_problems(service: Service, removed: Sequence[str], layout: Layout, conf: Configuration,
                      supervisord: Supervisord) -> list[HostError]:
    """What stands in the way of its programs. `removed`: groups that run, and that no file defines any more."""
    return [*_process_problems(service, removed, layout, supervisord),
            *earlier_programs.running(layout, service, conf, supervisord),
            *program_user.problems(layout, service, supervisord.uid()),
            *log_folder.problems(service, layout, supervisord.uid()),
            *sockets.problems(layout, service, supervisord)]


def _process_problems(service: Service, removed: Sequence[str], layout: Layout,
                      supervisord: Supervisord) -> list[HostError]:
    """Processes that run under the name of a program, but that an undo could not bring back."""
    problems: list[HostError] = []
    groups = _groups(service)
    infos = supervisord.processes(*groups)
    defined = {(info["group"], info["name"]) for info in supervisord.configurations(*groups)} if infos else set()
    for group in groups:
        others = [f"{group}:{info['name']}" for info in infos
                  if info["group"] == group and (group, info["name"]) not in defined]
        if group in removed:
            problems.append(NotReady(f"{group} is known to supervisord, but in no configuration file any more",
                                     f"put its section back, into {layout.program_file(service['name'])}; or stop it:"
                                     f" {layout.access.supervisorctl} update {for_sh(group)}"))
        elif others:
            problems.append(NotReady(f"supervisord has the processes {', '.join(others)}, which no configuration file"
                                     " defines any more",
                                     f"see what they are, then: {layout.access.supervisorctl} update {for_sh(group)}"))
    return problems


def _groups(service: Service) -> list[str]:
    return [program["group"] for program in service["programs"]]


def _file_problems(layout: Layout, service: Service, conf: Configuration) -> list[HostError]:
    """The obstacles in the configuration files to a program file of ours."""
    name = service["name"]
    own, directory = layout.program_file(name), layout.below_root(service["directory"])
    problems = [*directory_access.problems(directory), *_folder_problems(layout),
                *earlier_state.problems(layout, service), *history.problems(layout, name),
                *earlier_supervisord.running(layout, service, _groups(service)), *_link_problems(layout, service)]
    earlier = earlier_programs.sections(layout, service, conf)
    problems += [earlier_programs.problem(layout, service, each, conf) for each in earlier]
    for definition in conf.definitions:
        is_own = files.is_same_path(definition.path, own)
        if is_own and not definition.is_ours and definition.name not in _groups(service) and definition not in earlier:
            problems.append(NotReady(f"{own} also holds [{definition.kind}:{definition.name}]",
                                     "move that section to a file of its own"))
        for group in _groups(service):
            problems += _definition_problems(definition, group, layout, name)
    if not conf.includes(own):
        problems.append(NotReady(f"{conf.path} does not include {own}", _include_hint(layout, own, conf)))
    return problems


def _definition_problems(definition: Definition, name: str, layout: Layout, service: str) -> list[HostError]:
    """`name`: of the program."""
    own, section = layout.program_file(service), f"[{definition.kind}:{definition.name}]"
    if name in definition.programs:
        return [NotReady(f"{definition}: {section} takes in {name}, which is {definition.name}:{name} then",
                         f"take {name} out of its `programs`, then: {layout.access.supervisorctl} update")]
    if definition.name != name:
        return []
    if definition.kind not in PROGRAM_KINDS:
        return [NotReady(f"{definition} defines {section}, and {name} is a program here",
                         f"take that section away, or give {name} another name in hosts.yaml")]
    if files.is_same_path(definition.path, own):
        return []
    if definition.is_ours:
        return [program_owner.section_problem(definition, layout, service)]
    return [NotReady(f"{definition} already defines {section}",
                     f"move that section to {own}, with each %(here)s in it written out as "
                     f"{os.path.dirname(definition.path)}: from then on Fabvisor writes that file")]


def _include_hint(layout: Layout, own: str, conf: Configuration) -> str:
    """Never a second [include]: it would override the first."""
    pattern = os.path.join(os.path.relpath(layout.program_dir, conf.folder), "*" + os.path.splitext(own)[1])
    line = conf.include_line
    change = (f"add two lines to it: [include] and files = {pattern}" if line is None
              else f"add {pattern} to `files` of its [include], line {line}")
    return f"{change}; then: {layout.access.supervisorctl} update"


def _folder_problems(layout: Layout) -> list[HostError]:
    """The folder of the program files, where we may not write, or nobody can."""
    is_read_only = read_only.problem(files.existing_parent(os.path.join(layout.program_dir, "")))
    if is_read_only:
        return [is_read_only]
    folder = layout.access.closed_folder()
    if folder is None:
        return []
    owner, login = user_name(os.stat(folder).st_uid), login_name()
    return [NotReady(f"program files go to {layout.program_dir}, but {folder} belongs to {owner}, and {login}, who logs"
                     " in, cannot write there", USE_SUDO)]


def _link_problems(layout: Layout, service: Service) -> list[HostError]:
    """Links at names that we and supervisord write to. `logs` may be a link, but of the login user or of root."""
    problems: list[HostError] = []
    own = layout.program_file(service["name"])
    program_file = layout.access.program_file(service["name"])
    if program_file and program_file.link:
        problems.append(NotReady(f"{own} is a link to {program_file.link}, and a deploy would replace it",
                                 f"put the file itself there: {layout.access.prefix}cp --remove-destination"
                                 f" {for_sh(os.path.realpath(own))} {for_sh(own)}"))
    if os.path.isdir(own):
        problems.append(NotReady(f"{own} is a folder, where the program file belongs",
                                 f"see what is in it, then move it away: {layout.access.prefix}mv {for_sh(own)}"
                                 f" {for_sh(own + '.aside')}"))
    logs = os.path.join(layout.below_root(service["directory"]), "logs")
    if os.path.islink(logs) and os.lstat(logs).st_uid not in (0, os.geteuid()):
        problems.append(NotReady(f"{logs} is a link that {user_name(os.lstat(logs).st_uid)} made,"
                                 f" to {os.readlink(logs)}", f"see where it leads, then remove it: rm {for_sh(logs)}"))
    return problems
