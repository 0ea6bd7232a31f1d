"""fab recover: finish what an interrupted deploy left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import Command, command

if TYPE_CHECKING:
    from .rollout.events import Finished, Result
    from .rollout.peer import Peer

# Seconds. An executor that is on its way back may have to build the old version again.
RESTORING_WITHIN = 1800.0


@command(positional=["service"], help={
    "service": "a name, a comma list, or `all`",
    "accept": "undo nothing: keep what is on the hosts now",
})
def recover(run: Command, service: str, accept: bool = False) -> Finished:
    """Finish an interrupted deploy; waits while a host still restores the version before by itself.

    Example: fab recover monitor
    """
    targets = run.targets(service)
    fleet = run.fleet(targets)
    from msgspec.structs import replace

    from .rollout.coordinator import Coordinator
    from .rollout.goal import key
    from .rollout.planner import same_version

    coordinator = Coordinator(
        run.deployment(targets, unfinished="accept" if accept else "undo"), fleet, run.report,
        lambda targets, facts, goals: {key(target): same_version(facts[key(target)], []) for target in targets},
        while_restoring=RESTORING_WITHIN)
    finished = coordinator.roll_out()
    hosts = {peer.name: _recovered(peer, finished.hosts[peer.name]) for peer in coordinator.peers}
    outcomes = {result.outcome for results in hosts.values() for result in results.values()}
    outcome = outcomes.pop() if len(outcomes) == 1 else "mixed" if finished.exit_code == 0 else finished.outcome
    return replace(finished, hosts=hosts, outcome=outcome)


def _recovered(peer: Peer, results: dict[str, Result]) -> dict[str, Result]:
    """An interrupted deploy is restored or committed now; that is the outcome of this command."""
    from msgspec.structs import replace

    ended = {name: result for name, result in peer.recovered.items() if result in ("committed", "restored")}
    return {name: replace(result, outcome=ended.get(name, result.outcome)) for name, result in results.items()}
