"""The services that were deployed to hosts, and that hosts.yaml does not name there any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._errors import SelectionError
from ...inventory import nearest
from ...inventory.model import Program, Service, Target
from . import query

if TYPE_CHECKING:
    from ...inventory.model import Environment, Host
    from ..events import Listener
    from ..protocol import Orphan


def find(names: list[str], hosts: tuple[Host, ...], environment: Environment, named: query.Named,
         report: Listener) -> tuple[Target, ...]:
    """The services of these names that were deployed to these hosts and that hosts.yaml does not name there.

    Raises SelectionError where no host has one of them, and the error of a host that cannot answer.
    """
    peers = query.orphans(hosts, report, named)
    errors = [peer.error for peer in peers if peer.error]
    if errors:
        raise errors[0]
    targets = tuple(_target(peer.host, orphan, environment) for peer in peers for orphan in peer.orphans
                    if orphan.name in names)
    missing = [name for name in names if name not in {target.service.name for target in targets}]
    if missing:
        known = sorted({target.service.name for target in environment.targets})
        raise SelectionError(f"there is no service {missing[0]!r} in {environment.source}"
                             f"{nearest.did_you_mean(missing[0], known)}; none of that name was deployed to "
                             + nearest.listed(sorted(host.name for host in hosts)),
                             f"services in {environment.name}: {nearest.listed(known)}")
    return targets


def _target(host: Host, orphan: Orphan, environment: Environment) -> Target:
    """A service as far as its host knows it."""
    programs = tuple(Program(name=group, group=group, command="") for group in orphan.programs)
    return Target(host=host, service=Service(
        name=orphan.name, repo="", directory=orphan.directory, strategy=orphan.strategy, programs=programs,
        run_mode=environment.run_mode, environment=environment.name, host=host.name))
