"""The programs of one clone as a service of hosts.yaml, on one host. Pure."""

from __future__ import annotations

import os.path
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from ..inventory import urls
from ..inventory.rules import paths
from ..inventory.secret import Secret
from ..rollout.protocol import Adopted, AdoptedClone, AdoptedProgram
from . import ci_build, hand_work
from . import program as adopted_program
from .members import Members, Programs
from .secret_names import shown

FROM_CI = "from .gitlab-ci.yml of the clone: the lines between checkout and supervisorctl"


class Service(Struct, frozen=True, kw_only=True):
    """`settings`: as in hosts.yaml; `secrets`: their values, which are no settings; `run_mode`: its RUN_MODE, or None;
    `remarks`: what hosts.yaml cannot say."""

    name: str
    settings: dict[str, Any]
    secrets: dict[str, Secret]
    branch: str
    run_mode: str | None
    remarks: tuple[str, ...]


class Place(Struct, frozen=True, kw_only=True):
    """Where a host has its services and their program files; both absolute. `ending`: of a program file."""

    root: str
    program_dir: str
    ending: str


def of_members(members: Members, host: str, adopted: Adopted, place: Place) -> Service:
    programs = members.programs[host]
    secret = members.secrets()
    clone = programs[0].clone
    own = os.path.join(place.program_dir, members.name + place.ending)
    assert clone is not None                            # those without one are not adopted
    repo, login = urls.split_login(clone.repo)
    shared = [path for path in clone.shared if not paths.check_shared([path])]
    settings = {
        "repo": repo, "directory": _directory(clone.directory, place.root, members.name),
        "subdirectory": clone.subdirectory,
        "build": _build(clone),
        **_of_programs(members, programs, clone, adopted),
        "strategy": "releases" if clone.releases else None, "shared": shared,
        "shared_directory": clone.shared_directory if shared else None,
        "secrets": {name: name for name in _values(programs, secret)}}
    return Service(name=members.name, settings=_without_empty(settings),
                   secrets={name: Secret(value) for name, value in _values(programs, secret).items()},
                   branch=clone.branch, run_mode=programs[0].variables.get("RUN_MODE"),
                   remarks=tuple(dict.fromkeys([
                       *_remarks_on_clone(clone, shared, bool(login)), *_remarks_on_build(clone),
                       *(line if members.is_single else f"{program.name}: {line}" for program in programs
                         for line in _remarks(program, members, clone, own)),
                       *hand_work.of_file(own, members, adopted),
                       *_remarks_on_secrets(programs, secret), *_remarks_on_run_modes(programs)])))


def _of_programs(members: Members, programs: Programs, clone: AdoptedClone, adopted: Adopted) -> dict[str, Any]:
    """`command` and what goes with it; or `programs`, and the variables that all of them share."""
    named: dict[str, dict[str, Any]] = {}
    secret = members.secrets()
    shared = members.shared_variables()
    user = next(filter(None, (adopted_program.user(program, adopted) for program in programs)), None)
    for program in programs:
        variables = {name: value for name, value in adopted_program.variables(program).items() if name not in secret}
        named[members.names[program.name]] = {
            **adopted_program.settings(program, members.group(program), f"{clone.directory}/logs",
                                       _folder(clone), user),
            "variables": {name: value for name, value in variables.items()
                          if members.is_single or name not in shared}}
    if members.is_single:
        return next(iter(named.values()))
    return {"programs": {name: _without_empty(settings) for name, settings in named.items()},
            "variables": {name: value for name, value in adopted_program.variables(programs[0]).items()
                          if name in shared and name not in secret}}


def _build(clone: AdoptedClone) -> list[str]:
    """The lines ran at the top of the clone; a build begins in the subdirectory."""
    lines = ci_build.commands(clone.ci, clone.branch)
    up = "/".join(".." for part in clone.subdirectory.split("/"))
    return [f"cd {up}", *lines] if lines and clone.subdirectory else lines


def _values(programs: Programs, secret: set[str]) -> dict[str, str]:
    """Of the secrets; a program that names one first gives the value."""
    values: dict[str, str] = {}
    for program in programs:
        for name, value in sorted(adopted_program.variables(program).items()):
            if name in secret:
                values.setdefault(name, value)
    return values


def _without_empty(settings: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value}


def _directory(directory: str, root: str, name: str) -> str | None:
    """Below root where it lies there; None for the one that a service has anyway."""
    below = os.path.relpath(directory, root)
    if below.startswith(".."):
        return directory
    return None if below == f"micro/{name}" else below


def _folder(clone: AdoptedClone) -> str:
    """Where its programs run, but for those that go elsewhere."""
    return os.path.join(clone.directory, "current" if clone.releases else "", clone.subdirectory).rstrip("/")


def _remarks_on_clone(clone: AdoptedClone, shared: list[str], has_login: bool) -> Iterator[str]:
    if has_login:
        yield (f"repo: the password of {urls.without_password(clone.repo)} is left out; use `fetch: client`, a "
               "deploy key, or ~/.netrc of the host")
    yield from (f"shared: {path} of {clone.shared_directory} is left out: Fabvisor looks after a path of that name"
                for path in clone.shared if path not in shared)


def _remarks_on_build(clone: AdoptedClone) -> Iterator[str]:
    """A release begins with the files of its commit alone."""
    if clone.releases and not _build(clone):
        yield "build: what the other tool ran in each new release, such as composer install, is not known: write it"


def _remarks(program: AdoptedProgram, members: Members, clone: AdoptedClone, own: str) -> Iterator[str]:
    """On one program; its name stands before them. `own`: the program file of the service."""
    yield from hand_work.of_program(program, members.group(program), own)
    yield from adopted_program.remarks(program, members.group(program), f"{clone.directory}/logs")


def _remarks_on_secrets(programs: Programs, secret: set[str]) -> Iterator[str]:
    """All programs of a service have the same secrets."""
    for name in sorted(secret):
        having = [program for program in programs if name in adopted_program.variables(program)]
        if len({adopted_program.variables(program)[name] for program in having}) > 1:
            yield (f"secrets: {name} has several values in {', '.join(each.name for each in having)}; a service has "
                   f"one, here that of {having[0].name}")
        elif having and len(having) < len(programs):
            yield f"secrets: {name} was known to {', '.join(each.name for each in having)} alone; now to all programs"


def _remarks_on_run_modes(programs: Programs) -> Iterator[str]:
    modes = [shown("RUN_MODE", program.variables.get("RUN_MODE") or "not set") for program in programs]
    yield from (f"RUN_MODE: it was {mode} for {program.name}; an environment has one"
                for program, mode in zip(programs, modes, strict=True) if mode != modes[0])
