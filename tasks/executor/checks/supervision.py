"""Checks of supervisord: whether it answers, and whether its configuration is whole."""

from __future__ import annotations

from typing import Iterator

from .. import configuration_check
from ..quoting import for_sh
from ..supervisor.supervisord_conf import PROGRAM_KINDS, Definition
from ..system.accounts import user_name
from .host import ExaminedHost, Finding, failed, ok


def sudo(host: ExaminedHost) -> Iterator[Finding]:
    """Whether the login user may start the helper. Raises NotReady."""
    if host.layout.settings.get("sudo"):
        host.layout.access.require()
        yield ok("works")
    else:
        yield ok("not used")


def daemon(host: ExaminedHost) -> Iterator[Finding]:
    """Its version, user, socket and configuration. Raises NotReady or Down."""
    supervisord = host.supervisord
    access = host.layout.access
    yield ok(f"{supervisord.version()}, of {user_name(supervisord.uid())}, socket {access.socket}, {host.conf.path}")


def sections(host: ExaminedHost) -> Iterator[Finding]:
    """Files that supervisord cannot read, and programs that are defined twice: of these it runs the last one."""
    supervisorctl = host.layout.access.supervisorctl
    problems = _problems(host)
    for problem in problems:
        yield failed(problem, f"correct it, then on the host: {supervisorctl} reread")
    first: dict[tuple[str, str], Definition] = {}
    doubles = [(first[key], section) for section in host.conf.definitions
               if first.setdefault(key := _thing(section), section) is not section]
    for earlier, section in doubles:
        yield failed(f"[{section.kind}:{section.name}] is in {earlier} and in {section}",
                     f"take one of them away, then on the host: {supervisorctl} update {for_sh(section.name)}")
    if not problems and not doubles:
        yield ok(f"{len(first)} in the files of supervisord, none of them twice")


def _problems(host: ExaminedHost) -> list[str]:
    """In supervisord's own words; where it does not answer, what we see ourselves."""
    told = configuration_check.problems(host.layout, host.services, host.conf, host.supervisord)
    return ([error.message for error in told]
            or [f"supervisord cannot read its configuration: {problem}" for problem in host.conf.problems])


def _thing(section: Definition) -> tuple[str, str]:
    """What it defines: a program is one with a socket or without."""
    return PROGRAM_KINDS[0] if section.kind in PROGRAM_KINDS else section.kind, section.name
