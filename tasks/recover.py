"""fab recover: finish what an interrupted deploy left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import Command, command

if TYPE_CHECKING:
    from .rollout.events import Finished, Result
    from .rollout.fleet import Peer

# An executor that is on its way back may have to build the old version again.
PATIENCE = 1800.0


@command(positional=["service"], help={"service": "a name, a comma list, or `all`"})
def recover(run: Command, service: str) -> Finished:
    """Finish what an interrupted deploy left; waits while a host is still going back by itself.

    Example: fab recover monitor
    """
    fleet = run.fleet(run.targets(service))
    from msgspec.structs import replace

    from .rollout.coordinator import Coordinator
    from .rollout.goal import key
    from .rollout.planner import same_version

    coordinator = Coordinator(run.order, fleet, run.report, while_restoring=PATIENCE)
    finished = coordinator.roll_out(lambda targets, facts, goals: {
        key(target): same_version(facts[key(target)], []) for target in targets})
    hosts = {peer.name: _recovered(peer, finished.hosts[peer.name]) for peer in coordinator.peers}
    outcomes = {result.outcome for results in hosts.values() for result in results.values()}
    outcome = outcomes.pop() if len(outcomes) == 1 else "mixed" if finished.exit_code == 0 else finished.outcome
    return replace(finished, hosts=hosts, outcome=outcome)


def _recovered(peer: Peer, results: dict[str, Result]) -> dict[str, Result]:
    """What was found unfinished is restored or committed now, which is what was asked for."""
    from msgspec.structs import replace

    return {name: replace(result, outcome=peer.recovered.get(name, result.outcome)) for name, result in results.items()}
