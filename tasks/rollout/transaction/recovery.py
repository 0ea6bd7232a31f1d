"""Finishes interrupted deploys, and reports how each of them ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..goal import key
from ..peers import results
from ..plan.planner import same_version
from ..recipe import hooks
from .coordinator import Coordinator

if TYPE_CHECKING:
    from ..events import Finished, Listener, Result
    from ..goal import Deployment
    from ..peers.fleet import Fleet
    from ..peers.peer import Peer

# Seconds. An executor that is on its way back may have to build the old version again.
RESTORING_WITHIN = 1800.0


def recover(deployment: Deployment, fleet: Fleet, report: Listener) -> Finished:
    """Waits while a host still restores the version before by itself."""
    coordinator = Coordinator(
        deployment, fleet, report,
        lambda targets, facts, goals: {key(target): same_version(target.service, facts[key(target)],
                                                            hooks.owed(target.service, facts[key(target)]))
                                       for target in targets},
        while_restoring=RESTORING_WITHIN)
    finished = coordinator.roll_out()
    hosts = {peer.name: _recovered(peer, finished.hosts[peer.name]) for peer in coordinator.peers}
    outcomes = results.outcomes(hosts)
    outcome = outcomes.pop() if len(outcomes) == 1 else "mixed" if finished.exit_code == 0 else finished.outcome
    return replace(finished, hosts=hosts, outcome=outcome)


def _recovered(peer: Peer, by_service: dict[str, Result]) -> dict[str, Result]:
    """An interrupted deploy is restored or committed now; that is the outcome of this command."""
    ended = {name: result for name, result in peer.recovered.items() if result in ("committed", "restored")}
    return {name: replace(result, outcome=ended.get(name, result.outcome)) for name, result in by_service.items()}
