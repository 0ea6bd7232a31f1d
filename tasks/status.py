"""fab status: what runs where, and everything about it that is odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks._command import Command, command

if TYPE_CHECKING:
    from tasks.inventory.model import Target
    from tasks.rollout.events import Finished, Status
    from tasks.rollout.facts import Facts
    from tasks.rollout.fleet import Peer


@command(help={"service": "only these services: a name or a comma list"})
def status(run: Command, service: str = "all") -> Finished:
    """Show state, uptime, commit and every oddity of all services on all hosts.

    Example: fab status --env production --service monitor
    """
    from msgspec.structs import replace

    from tasks.rollout import reading, results

    peers = reading.read(run.targets(service), run.report, "status")
    rows = [row(run.environment.name, peer, target, peers) for peer in peers for target in peer.targets]
    for one in rows:
        run.report.on(one)
    finished = results.read("status", peers)
    odd = any(one.oddities for one in rows)
    return replace(finished, exit_code=results.worst([finished.exit_code, 1 if odd else 0]))


def row(environment: str, peer: Peer, target: Target, peers: list[Peer]) -> Status:
    """One service on one host; a host that cannot be asked is a row too."""
    from tasks.rollout.events import Status

    name = target.service.name
    facts = peer.facts.get(name)
    if facts is None:
        why = peer.odd.get(name) or "; ".join(filter(None, [peer.trouble, peer.error.hint if peer.error else ""]))
        state = "UNKNOWN" if name in peer.odd else peer.error.outcome if peer.error else "unreachable"
        return Status(environment=environment, host=peer.name, service=name, state=state, pid=None, uptime=None,
                      commit=None, branch=None, strategy=target.service.strategy, deployed_by=None, deployed_at=None,
                      oddities=[why])
    ours = facts.committed if facts.committed.get("to") == facts.commit else {}
    return Status(
        environment=environment, host=peer.name, service=name, state=facts.program.state, pid=facts.program.pid,
        uptime=facts.program.uptime, commit=facts.commit, branch=ours.get("branch") or facts.branch,
        strategy=target.service.strategy, deployed_by=ours.get("by"), deployed_at=ours.get("at"),
        oddities=[*oddities(facts), *disagreement(name, facts, peer, peers)])


def oddities(facts: Facts) -> list[str]:
    """What a person should know about one service on one host; each with its remedy where there is one."""
    from tasks.program.files import digest

    if facts.holder:
        holder = facts.holder
        return [f"{holder.get('command')} in progress by {holder.get('by')} since {holder.get('since')}"]
    written = facts.committed.get("program_sha256")
    found = [
        (not facts.clone, "not deployed yet: fab deploy"),
        (bool(facts.edited), "edited files: " + ", ".join(facts.edited)),
        (facts.clone and facts.program.state != "RUNNING", _not_running(facts)),
        (facts.started_from not in (None, facts.commit),
         f"runs {(facts.started_from or '')[:8]}, on disk is {(facts.commit or '')[:8]}: fab deploy, or fab restart"),
        (bool(facts.due), "an interrupted deploy is to be undone: fab recover"),
        (bool(facts.elsewhere), "also defined in {}:{}".format(*(facts.elsewhere or ["", ""]))),
        (bool(written and facts.program_file is not None and digest(facts.program_file) != written),
         f"the program file was changed by hand: {facts.program_path}"),
    ]
    return [words for so, words in found if so]


def _not_running(facts: Facts) -> str:
    program = facts.program
    # Of a stopped program supervisord only tells the time, in its own way.
    why = f" ({program.why})" if program.why and program.state != "STOPPED" else ""
    return f"not running: {program.state}{why}" + (f"; {program.hint}" if program.hint else "")


def disagreement(service: str, facts: Facts, peer: Peer, peers: list[Peer]) -> list[str]:
    """This host has another commit than the lowest-named one that answered."""
    first = next(other for other in peers if service in other.facts)
    other = first.facts[service].commit
    if facts.commit == other:
        return []
    return [f"another commit than on {first.name} ({(other or 'none')[:8]}): fab deploy"]
