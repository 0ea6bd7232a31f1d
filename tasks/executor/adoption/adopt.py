"""The verb `adopt`: tells what a supervisord keeps running, and from which clones. Changes nothing."""

from __future__ import annotations

import os
from typing import Any, Mapping

from ..disk import files
from ..errors import NotReady
from ..layout import Layout
from ..link import Link
from ..protocol import AdoptedProgram
from ..supervisor import program_sections, supervisord_search
from ..supervisor.program_sections import Section
from ..supervisor.supervisord_conf import SupervisordConf
from ..system import processes
from ..system.accounts import login_name, user_name
from . import adopted_clone, adopted_folder


def adopt(link: Link, hello: dict[str, Any], layout: Layout, env: dict[str, str]) -> None:
    """Send all programs of the supervisord that `hello` names, or of the one in the usual places."""
    conf = SupervisordConf(supervisord_search.configuration(hello["root"], hello["supervisord_conf"]), env)
    configuration = conf.configuration()
    if configuration.unreadable:
        raise NotReady("supervisord cannot read its configuration:\n" + "\n".join(configuration.unreadable),
                       "correct that on the host, then try again")
    for problem in configuration.hidden:
        link.answer({"event": "notice", "level": "warning", "message": f"{problem}: no program of it is adopted"})
    pid = supervisord_search.process(conf)
    uid = supervisord_search.owner(pid, conf)
    definitions = configuration.definitions
    environ = supervisord_search.environment(pid, conf, env, program_sections.variable_names(definitions))
    path = environ.get("PATH")
    of_supervisord = {"PATH": path} if path and path != env.get("PATH") else {}
    stands_in = processes.cwd(pid) if pid is not None else ""
    programs = [_program(section._replace(variables={**of_supervisord, **section.variables}), stands_in, env)
                for section in program_sections.programs(definitions, environ)]
    program_dirs = supervisord_search.program_folders(configuration.patterns, conf)
    folders = [conf.folder, *program_dirs, *(each["clone"]["directory"] for each in programs if each["clone"])]
    link.answer({
        "event": "adopted", "supervisord_conf": conf.path,
        "program_dirs": program_dirs, "login": login_name(), "home": os.path.expanduser("~"),
        "supervisord": None if uid is None else user_name(uid), "has_path": path is not None,
        "writable": _writable(folders), "programs": programs})


def _program(section: Section, supervisord: str, env: Mapping[str, str]) -> AdoptedProgram:
    """`supervisord`: the folder that it stands in, empty where nobody can tell."""
    definition, options = section.definition, {**section.options}
    if options.get("user", "").isdecimal():
        options["user"] = user_name(int(options["user"]))
    directory, clone = adopted_folder.find(options, supervisord, env)
    if directory and directory == supervisord:
        options["directory"] = directory            # it has one, unsaid
    return {"name": definition.name, "group": section.group, "path": definition.path, "line": definition.line,
            "link": os.path.realpath(definition.path) if os.path.islink(definition.path) else "",
            "is_ours": definition.is_ours, "options": options, "variables": section.variables,
            "expanded": section.expanded, "directory": directory,
            "problem": section.problem or adopted_clone.problem(directory, env), "clone": clone}


def _writable(folders: list[str]) -> list[str]:
    """Of these folders and those above them, the ones that the login user can write in, or make."""
    above = {folder for path in folders for folder in _upwards(path)}
    return sorted(folder for folder in above if os.access(
        folder if os.path.isdir(folder) else files.existing_parent(folder), os.W_OK | os.X_OK))


def _upwards(path: str) -> list[str]:
    folders = [path]
    while folders[-1] != os.path.dirname(folders[-1]):
        folders.append(os.path.dirname(folders[-1]))
    return folders
