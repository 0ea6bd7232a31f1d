"""Whose the program of a service is: two environments or teams may have a service of one name under one supervisord.

Each deploy would replace the other's program. A program file of ours names the state folder that it was deployed with;
a copy of that folder, for hosts.yaml may name another one now, has the same history."""

from __future__ import annotations

import contextlib
import os
import shlex
from typing import Any, Container, Iterable, Mapping

from ..disk import files
from ..disk.containment import is_named_inside
from ..errors import HostError, NotReady
from ..layout import Layout
from ..protocol import PROGRAM_HEADER
from ..quoting import for_sh
from ..supervisor.supervisord_conf import Definition, written
from ..system.accounts import user_name
from . import history

ENV_FILE = 3                        # its place among the words of a `command=` of ours
OTHER_NAME = "give {} another name in one of the two, or a supervisord of its own"


def problems(layout: Layout, service: Mapping[str, Any]) -> list[HostError]:
    """Why no command may touch the program of a service: it is another's."""
    name = service["name"]
    folder = other_state(layout, name)
    found = f"{layout.program_file(name)} is of another environment or team"
    if folder and not files.is_own(os.path.join(folder, name)):
        owner = _owner(folder)
        return [NotReady(f"{found}: {owner} deploys it, with its history in {folder}",
                         f"{OTHER_NAME.format(name)}; or let {owner} remove it first: fab remove {name}")]
    if not folder or _runs_in(layout, service):
        return []
    is_first = not os.path.exists(layout.history_file(name))
    moved = f"; or, where it is the same and `root` was another: {copy(folder, layout)}" if is_first else ""
    return [NotReady(f"{found}: its history is in {folder}",
                     f"{OTHER_NAME.format(name)}; or remove it there first: fab remove {name}{moved}")]


def section_problem(definition: Definition, layout: Layout, service: str) -> HostError:
    """Why a section that we wrote elsewhere keeps us from writing it for this service."""
    folder, own, name = os.path.dirname(definition.path), layout.program_file(service), definition.name
    found = f"{definition} already defines [{definition.kind}:{name}]"
    if is_of(definition, layout, service):
        return NotReady(f"{found}: `program_dir` was {folder} before",
                        f"on the host: {layout.access.prefix}mv {for_sh(definition.path)} {for_sh(own)};"
                        f" or write in hosts.yaml: program_dir: {folder}")
    other = os.path.dirname(env_file(definition.command))
    if files.is_same_path(os.path.dirname(other), layout.state):
        return NotReady(f"{found}: the service {os.path.basename(other)} has it",
                        f"fab remove {os.path.basename(other)}; or give {service} another name")
    return NotReady(f"{found}: another environment deploys to this supervisord", OTHER_NAME.format(name))


def programs_of_others(definitions: Iterable[Definition], layout: Layout, service: str, groups: Container[str]
                       ) -> list[Definition]:
    """The sections of these groups that we wrote for a service of another name: the program `web` of `shop` is shop-web
    for supervisord, as is a service of that name."""
    return [each for each in definitions if each.is_ours and each.name in groups
            and not files.is_same_path(each.path, layout.program_file(service)) and not is_of(each, layout, service)]


def is_of(definition: Definition, layout: Layout, service: str) -> bool:
    """Whether a section that we wrote elsewhere is of this service: then it reads the same environment file."""
    return files.is_same_path(env_file(definition.command), layout.env_file(service))


def other_state(layout: Layout, service: str) -> str:
    """The state folder that the program was deployed with, where that is another than ours and not a copy; empty where
    the program is ours, also because the folder was moved to where ours is now."""
    text = layout.access.program_text(service)
    if layout.env_file(service) in text:        # as a rule; splitting the command takes longer
        return ""
    folder = state_folder(layout, service)
    is_ours = (not folder or files.is_same_path(folder, layout.state) or _is_gone(os.path.join(folder, service))
               or _is_copied(layout, folder, service))
    return "" if is_ours else folder


def own_text(layout: Layout, service: str) -> str:
    """That of the service's program file; empty where there is none, or it is another's."""
    return "" if other_state(layout, service) else layout.access.program_text(service)


def copy(folder: str, layout: Layout) -> str:
    """How to take along what an earlier state folder holds."""
    return f"on the host: mkdir -p {for_sh(layout.state)} && cp -a {for_sh(folder)}/. {for_sh(layout.state)}/"


def state_folder(layout: Layout, service: str) -> str:
    """The one that our program file of the service names; empty where it names none."""
    text = layout.access.program_text(service)
    is_ours = text.startswith(PROGRAM_HEADER)
    return os.path.dirname(os.path.dirname(env_file(written(text, "command")))) if is_ours else ""


def env_file(command: str) -> str:
    """The environment file that a `command` of a program file of ours reads; empty where it reads none."""
    with contextlib.suppress(ValueError, IndexError):
        return shlex.split(command)[ENV_FILE].replace("%%", "%")
    return ""


def _runs_in(layout: Layout, service: Mapping[str, Any]) -> bool:
    """Whether the program runs where hosts.yaml says, or below: then `state` alone was changed."""
    directory = written(layout.access.program_text(service["name"]), "directory").replace("%%", "%")
    return is_named_inside(directory, layout.below_root(service["directory"]))


def _is_gone(path: str) -> bool:
    """Not so where a folder above it is closed to us."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        pass
    return False


def _is_copied(layout: Layout, folder: str, service: str) -> bool:
    """Whether what was deployed with that folder is known here, too."""
    if not files.is_own(os.path.join(folder, service)):
        return False
    newest = history.newest_committed(Layout(dict(layout.settings, state=folder), layout.env), service)
    return bool(newest) and history.find(layout, service, newest["deploy"]) is not None


def _owner(folder: str) -> str:
    """Of a folder that may be closed to us: then of the lowest one above it that we see."""
    return user_name(os.stat(files.existing_parent(os.path.join(folder, ""))).st_uid)
