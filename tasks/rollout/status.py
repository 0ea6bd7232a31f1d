"""The rows of `fab status`: one service on one host each. A host that cannot be asked is a row, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import Status
from .oddities import disagreement, oddities

if TYPE_CHECKING:
    from ..inventory.model import Target
    from .peer import Peer


def rows(environment: str, peers: list[Peer]) -> list[Status]:
    """In the order host, service."""
    commits = {name: {peer.name: peer.facts[name].commit for peer in peers if name in peer.facts}
               for peer in peers for name in peer.services}
    return [_row(environment, peer, target, commits) for peer in peers for target in peer.targets]


def _row(environment: str, peer: Peer, target: Target, commits: dict[str, dict[str, str | None]]) -> Status:
    name = target.service.name
    facts = peer.facts.get(name)
    if facts is None:
        return _no_answer(environment, peer, target)
    ours = facts.committed if facts.committed.get("to") == facts.commit else {}
    return Status(
        environment=environment, host=peer.name, service=name, state=facts.program.state, pid=facts.program.pid,
        uptime=facts.program.uptime, commit=facts.commit, branch=ours.get("branch") or facts.branch,
        strategy=facts.strategy or target.service.strategy, deployed_by=ours.get("by"), deployed_at=ours.get("at"),
        oddities=[*oddities(name, facts), *disagreement(name, peer.name, commits[name])])


def _no_answer(environment: str, peer: Peer, target: Target) -> Status:
    name, error = target.service.name, peer.error or peer.before
    why = peer.odd.get(name) or ": ".join(filter(None, [peer.trouble, error.hint if error else ""]))
    state = "UNKNOWN" if name in peer.odd else error.outcome if error else "unreachable"
    return Status(environment=environment, host=peer.name, service=name, state=state, pid=None, uptime=None,
                  commit=None, branch=None, strategy=target.service.strategy, deployed_by=None, deployed_at=None,
                  oddities=[why] if why else [])
