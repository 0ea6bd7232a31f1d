"""One program of a supervisord as a service of hosts.yaml. Pure."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ..inventory import paths, program_options, urls, values
from ..inventory.secret import Secret
from ..rollout.protocol import Adopted, AdoptedClone, AdoptedProgram
from . import ci_build, options
from .secret_names import looks_secret

FROM_CI = "from .gitlab-ci.yml of the clone: the lines between checkout and supervisorctl"


class Service(Struct, frozen=True, kw_only=True):
    """`settings`: as in hosts.yaml; `run_mode`: its RUN_MODE, or None; `remarks`: what hosts.yaml cannot say."""

    name: str
    settings: dict[str, Any]
    secrets: dict[str, Secret]
    branch: str
    run_mode: str | None
    remarks: tuple[str, ...]


def obstacle(program: AdoptedProgram) -> str:
    """Why a program is none of hosts.yaml's; empty where it can be."""
    if program.problem or program.is_ours:
        return program.problem or "Fabvisor deploys it already"
    if not program.directory:
        return "it has no `directory`"
    return (_clone_obstacle(program) or values.check_service_name(program.name)
            or values.check_command(command(program)))


def _clone_obstacle(program: AdoptedProgram) -> str:
    if program.clone is None:
        return f"{program.directory} is no git clone"
    if program.clone.subdirectory:
        return f"it runs in {program.clone.subdirectory}, a folder of the clone {program.clone.directory}"
    if not program.clone.repo and program.clone.releases:
        return f"no repository with an `origin` lies in {program.clone.directory}"
    if not program.clone.repo:
        return f"the clone {program.clone.directory} has no `origin`"
    return ""


def command(program: AdoptedProgram) -> str:
    """On one line: supervisord splits it at line breaks, too."""
    return " ".join(program.options.get("command", "").split("\n")).strip()


def of_program(program: AdoptedProgram, clone: AdoptedClone, adopted: Adopted, root: str, program_dir: str) -> Service:
    repo, login = urls.split_login(clone.repo)
    secret = {name: value for name, value in program.variables.items() if looks_secret(name, value)}
    named = {name: value for name, value in program.variables.items() if name != "RUN_MODE"}
    usable = {name: value for name, value in named.items()
              if not values.check_variable_name(name) and not values.check_variable_value(value)}
    remarks = [*_hand_work(program, program_dir), *_limits(program)]
    remarks += [f"environment: {values.check_variable_name(name)}" for name in named.keys() - usable.keys()]
    if login:
        remarks.append(f"repo: the password of {urls.without_password(clone.repo)} is left out; use `fetch: client`, a "
                       "deploy key, or ~/.netrc of the host")
    shared = [path for path in clone.shared if not paths.check_shared([path])]
    remarks += [f"shared: {path} of {clone.shared_directory} is left out: Fabvisor looks after a path of that name"
                for path in clone.shared if path not in shared]
    chosen = options.differing(program.options, f"{clone.directory}/logs/{program.name}.log")
    mistakes = {name: program_options.check_option(name, value) for name, value in chosen.items()}
    remarks += [f"program: {name} {wrong}" for name, wrong in mistakes.items() if wrong]
    user = program.options.get("user") or ("root" if adopted.supervisord == "root" != adopted.login else None)
    settings = {
        "repo": repo, "directory": _directory(clone.directory, root, program.name),
        "build": ci_build.commands(clone.ci, clone.branch), "command": command(program),
        "strategy": "releases" if clone.releases else None, "shared": shared,
        "shared_directory": clone.shared_directory if shared else None,
        "program": {**({"user": user} if user else {}),
                    **{name: value for name, value in chosen.items() if not mistakes[name]}},
        "variables": {name: value for name, value in usable.items() if name not in secret},
        "secrets": sorted(usable.keys() & secret.keys())}
    return Service(name=program.name, settings={key: value for key, value in settings.items() if value},
                   secrets={name: Secret(value) for name, value in secret.items() if name in usable},
                   branch=clone.branch, run_mode=program.variables.get("RUN_MODE"), remarks=tuple(remarks))


def _directory(directory: str, root: str, name: str) -> str | None:
    """Below root where it lies there; None for the one that a service has anyway."""
    below = os.path.relpath(directory, root)
    if below.startswith(".."):
        return directory
    return None if below == f"micro/{name}" else below


def _hand_work(program: AdoptedProgram, program_dir: str) -> Iterator[str]:
    """What a person does before the first deploy, in the words in which a deploy would ask for it."""
    own = os.path.join(program_dir, program.name + os.path.splitext(program.path)[1])
    if program.group != program.name:
        yield f"it is {program.group}:{program.name}: take it out of `programs` of [group:{program.group}] first"
    if program.path != own:
        yield (f"before the first deploy, move [program:{program.name}] from {program.path}:{program.line} to {own}, "
               f"with each %(here)s in it written out as {os.path.dirname(program.path)}")


def _limits(program: AdoptedProgram) -> Iterator[str]:
    numprocs, name = program.options.get("numprocs", "1"), program.options.get("process_name")
    if numprocs.strip() != "1":
        yield f"numprocs={numprocs}: write it beside `command`; the number of each process is in PROCESS_NUM"
    if name and name not in ("%(program_name)s", program.name):
        yield f"process_name={name}: a service's process has its name"
