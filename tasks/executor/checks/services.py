"""Checks of our services: what a deploy would be refused for, and what earlier ones have left."""

from __future__ import annotations

from typing import Iterator

from .. import deployed, journal, readiness
from ..protocol import INTERRUPTED
from .host import ExaminedHost, Finding, failed, ok, warning


def obstacles(host: ExaminedHost) -> Iterator[Finding]:
    """The reasons to refuse a deploy."""
    found = False
    for service in host.services:
        for problem in readiness.visible_problems(host.layout, service, host.conf, host.supervisord):
            found = True
            yield failed(problem.message, problem.hint)
    if not found:
        yield ok("nothing hinders a deploy of " + ", ".join(service["name"] for service in host.services))


def orphans(host: ExaminedHost) -> Iterator[Finding]:
    """Programs of ours that hosts.yaml no longer names."""
    named = host.settings["named"]
    names = [name for name in deployed.services(host.layout, host.conf) if name not in named]
    for name in names:
        yield warning(f"{name} was deployed here, and hosts.yaml does not name it any more",
                      f"name it again, or: fab remove {name}")
    if not names:
        yield ok("hosts.yaml names all that was deployed here")


def leftovers(host: ExaminedHost) -> Iterator[Finding]:
    """Deploys that were cut off, and are still to be undone."""
    left = journal.to_undo(host.layout)
    for interrupted in left:
        yield warning(INTERRUPTED.format(deploy=interrupted.deploy, by=interrupted.head.get("by")),
                      f"fab recover {','.join(sorted(interrupted.services))}")
    if not left:
        yield ok("no deploy was interrupted")
