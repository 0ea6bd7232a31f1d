"""Checks of our services: what a deploy would be refused for, and what earlier ones have left."""

from __future__ import annotations

from typing import Iterator

from .. import earlier_programs, earlier_supervisord, git, readiness
from ..errors import HostError
from ..protocol import INTERRUPTED, ServiceSettings
from ..service import deployed, facts
from ..service.context import ServiceContext
from ..state import journal
from .host import ExaminedHost, Finding, failed, ok, warning


def obstacles(host: ExaminedHost) -> Iterator[Finding]:
    """The reasons to refuse a deploy that are known here. The client has others, by the facts, and says where there are
    none."""
    host.layout.require_root()
    git.require_git(host.env)
    due = journal.to_undo(host.layout)
    for service in host.services:
        problems = readiness.visible_problems(host.layout, service, host.conf, host.supervisord)
        clone = ServiceContext(host.layout, service, host.env, "", check=host.check).clone
        try:
            known = facts.of_service(host.layout, service, clone, host.supervisord)
            known["due"] = [left.deploy for left in due if service["name"] in left.services]
            host.facts[service["name"]] = known
        except HostError as error:          # such as a damaged clone: the other services are looked at all the same
            problems += [error] if error.message not in (known.message for known in problems) else []
        yield from (failed(problem.message, problem.hint) for problem in problems)


def orphans(host: ExaminedHost) -> Iterator[Finding]:
    """Programs of ours that hosts.yaml no longer names, and such that run twice, or may."""
    named = host.settings["named"]
    names = [name for name in deployed.services(host.layout, host.conf) if name not in named]
    for name in names:
        yield warning(f"{name} was deployed here, and hosts.yaml does not name it any more",
                      f"name it again, or: fab remove {name} --host {host.settings['host']}")
    left = [(service["name"], group) for service in host.services for group in _left(host, service)]
    for name, group in left:
        yield warning(f"{group} was deployed here, and hosts.yaml does not name it here any more", f"fab deploy {name}")
    groups = [program["group"] for service in host.services for program in service["programs"]]
    twice = earlier_supervisord.left_behind(host.layout, groups, host.supervisord)
    twice += [error for service in host.services
              for error in earlier_programs.with_other_names(host.layout, service, host.conf)]
    yield from (warning(error.message, error.hint) for error in twice)
    if not names and not left and not twice:
        yield ok("hosts.yaml names all that was deployed here")


def _left(host: ExaminedHost, service: ServiceSettings) -> list[str]:
    return facts.unnamed(service, host.layout.access.program_text(service["name"]))


def leftovers(host: ExaminedHost) -> Iterator[Finding]:
    """Deploys that were cut off, and are still to be undone."""
    left = journal.to_undo(host.layout)
    for interrupted in left:
        yield warning(INTERRUPTED.format(deploy=interrupted.deploy, by=interrupted.head.get("by")),
                      f"fab recover {','.join(sorted(interrupted.services))}")
    if not left:
        yield ok("no deploy was interrupted")
