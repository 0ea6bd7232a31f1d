"""Checks of the login: its shell, its Python, its PATH, and git with the repositories that it must reach."""

from __future__ import annotations

import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

from .. import git
from ..errors import HostError
from ..protocol import ServiceSettings
from ..system import processes, shell
from ..system.accounts import login_name
from ..system.login_env import LoginShell
from .host import ExaminedHost, Finding, failed, ok, warning

AT_ONCE = 8                         # repositories
TYPE_WITHIN = 10                    # seconds, of a word of the shell


def login(host: ExaminedHost) -> Iterator[Finding]:
    """Who logs in, and whether the login shell tells its environment."""
    shell = LoginShell()
    shell.environment(host.settings["login_timeout"])
    if shell.problem:
        yield warning(f"as {login_name()}, but {shell.problem}", "see on the host what hinders it: bash -lxc true")
    else:
        yield ok(f"as {login_name()}")


def python(host: ExaminedHost) -> Iterator[Finding]:
    yield ok(f"{platform.python_version()}, {sys.executable}")


def path(host: ExaminedHost) -> Iterator[Finding]:
    """Whether PATH of the login leads to the tools of builds, and whether programs that run find the same commands."""
    findings = [*_missing_tools(host), *_lacking_folders(host)]
    yield from findings or [ok(host.env.get("PATH", ""))]


def _missing_tools(host: ExaminedHost) -> Iterator[Finding]:
    """No more than a warning: the commit, a hook or another build may bring the tool."""
    for service, tool in host.settings["tools"].items():
        try:
            shell.run(shell.script([f"type {tool}"]), cwd="/", env=host.env, timeout=TYPE_WITHIN, check=host.check)
        except shell.CommandFailed:
            yield warning(f"the build of {service} begins with {tool}, to which PATH of the login does not lead",
                          "install it there; or extend PATH in ~/.profile on the host, or in `variables`")


def _lacking_folders(host: ExaminedHost) -> Iterator[Finding]:
    login_path = host.env.get("PATH", "")
    for service in host.services:
        name = service["name"]
        known = [processes.variables(pid).get("PATH") for pid in host.pids(name)[:1]]      # not of another user
        paths = [path for path in known if path is not None]
        lacking = [folder for path in paths for folder in _folders(login_path) if folder not in _folders(path)]
        if lacking:
            yield warning(f"{name} runs without {', '.join(lacking)}, which PATH of the login has",
                          f"fab deploy {name}; or, where hosts.yaml sets PATH, write it there")


def _folders(path: str) -> list[str]:
    """Those of PATH that are there."""
    return [folder for folder in dict.fromkeys(path.split(":")) if os.path.isdir(folder)]


def git_program(host: ExaminedHost) -> Iterator[Finding]:
    yield ok(git.require_git(host.env))


def repositories(host: ExaminedHost) -> Iterator[Finding]:
    """Whether the host can read each repository that it fetches from, and finds there what a deploy would bring."""
    git.require_git(host.env)
    by_repo: dict[str, list[ServiceSettings]] = {}
    for service in host.services:
        if service["name"] in host.settings["fetching"]:
            by_repo.setdefault(service["repo"], []).append(service)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda services: _access(host, services), by_repo.values())
    if not by_repo:
        yield ok("fab fetches, and sends the commits: the host needs no access")


def _access(host: ExaminedHost, services: list[ServiceSettings]) -> Finding:
    service = services[0]
    names = ", ".join(each["name"] for each in services)
    directory = host.layout.below_root(service["directory"])
    clone = git.Clone(directory if os.path.isdir(directory) else "/", service["repo"], host.env, host.check,
                      service["login"])
    revision = service["revision"] or "HEAD"
    try:
        commit, _ = clone.remote.resolve(revision)
    except HostError as error:
        return failed(f"{names}: {error.message}", error.hint)
    if commit is None and not git.ABBREVIATED.fullmatch(revision):       # of a commit no server says that it is there
        return failed(f"{names}: no branch or tag {revision!r} in {service['repo']}",
                      "push it, or correct `branch` in hosts.yaml")
    return ok(f"{names}: {service['repo']} can be read")
