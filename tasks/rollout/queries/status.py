"""The rows of `fab status`: one service on one host each. Pure.

A host that does not answer is a row, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..events import PastDeploy, ProcessStatus, ProgramStatus, Status
from ..facts import Facts, HistoryLine, worst
from . import oddities

if TYPE_CHECKING:
    from ...inventory.model import Program, Target
    from ..peers.peer import Peer
    from ..protocol import Orphan


def rows(environment: str, peers: list[Peer]) -> list[Status]:
    """In the order host, service."""
    commits: dict[str, dict[str, str | None]] = {}
    lowest: dict[str, Facts] = {}
    for peer in peers:
        for name, facts in peer.facts.items():
            if facts.commit:
                lowest.setdefault(name, facts)
            first = lowest.get(name, facts)
            agrees = facts.has_subtree(first.subtree)
            commits.setdefault(name, {})[peer.name] = first.commit if agrees else facts.commit
    return [row for peer in peers for row in (
        *(_row(environment, peer, target, commits) for target in peer.targets),
        *(_orphan(environment, peer.name, orphan) for orphan in peer.orphans if orphan.programs))]


def _orphan(environment: str, host: str, orphan: Orphan) -> Status:
    process = orphan.process
    return Status(environment=environment, host=host, service=orphan.name, state=process.state, pid=process.pid,
                  uptime=process.uptime, commit=None, branch=None, strategy=orphan.strategy, deployed_by=None,
                  deployed_at=None,
                  oddities=[f"hosts.yaml does not name it here any more: fab remove {orphan.name} --host {host}"])


def _row(environment: str, peer: Peer, target: Target, commits: dict[str, dict[str, str | None]]) -> Status:
    name = target.service.name
    facts = peer.facts.get(name)
    if facts is None:
        return _no_answer(environment, peer, target)
    process = worst(facts.of(target.service.programs))
    committed = facts.committed if facts.committed.get("to") == facts.commit else {}
    return Status(
        environment=environment, host=peer.name, service=name, state=process.state, pid=process.pid,
        uptime=process.uptime, commit=facts.commit, branch=committed.get("branch") or facts.branch,
        strategy=facts.strategy or target.service.strategy,
        deployed_by=facts.deployed_by if committed else None, deployed_at=facts.deployed_at if committed else None,
        oddities=[*oddities.of_service(target.service, facts), *oddities.handwritten(target.service, facts),
                  *oddities.disagreement(name, peer.name, commits[name])],
        user=process.user, source=committed.get("source"),
        programs=[_program_status(program, facts) for program in target.service.programs],
        deploys=[_past_deploy(line) for line in facts.history])


def _program_status(program: Program, facts: Facts) -> ProgramStatus:
    processes = facts.processes(program.group)
    process = worst(processes)
    return ProgramStatus(
        program=program.name, state=process.state, pid=process.pid, uptime=process.uptime,
        processes=[ProcessStatus(name=each.name, state=each.state, pid=each.pid) for each in processes])


def _past_deploy(line: HistoryLine) -> PastDeploy:
    return PastDeploy(deploy=line["deploy"], at=line["at"], by=line["by"], command=line["command"],
                      from_=line["from"], to=line["to"], result=line["result"], source=line["source"])


def _no_answer(environment: str, peer: Peer, target: Target) -> Status:
    name = target.service.name
    error = peer.error or peer.before
    why = peer.odd.get(name) or ": ".join(filter(None, [peer.trouble, error.hint if error else ""]))
    outcome = error.outcome if error and name not in peer.odd else ""
    state = outcome if outcome in ("refused", "unreachable") else "UNKNOWN"
    return Status(environment=environment, host=peer.name, service=name, state=state, pid=None, uptime=None,
                  commit=None, branch=None, strategy=target.service.strategy, deployed_by=None, deployed_at=None,
                  oddities=[why or "the host sent nothing about it"])
