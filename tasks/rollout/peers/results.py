"""The result of a command: outcomes and exit codes. Pure."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..events import BACK, Finished, Result

if TYPE_CHECKING:
    from ..._errors import FabvisorError
    from ..facts import Facts
    from ..steps import Plan
    from .peer import Peer

SIGNALS = (128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGHUP)
PRECEDENCE = (3, *SIGNALS, 2, 75, 1, 0)
Hosts = dict[str, dict[str, Result]]            # by host, then service


def worst(codes: list[int]) -> int:
    """The exit code that counts when several apply."""
    return min(codes, key=PRECEDENCE.index, default=0)


def worst_error(errors: Iterable[FabvisorError]) -> FabvisorError:
    """The one that counts, of one or more."""
    return min(errors, key=lambda error: PRECEDENCE.index(error.exit_code))


def outcomes(hosts: Hosts) -> set[str]:
    return {result.outcome for results in hosts.values() for result in results.values()}


def of_hosts(command: str, hosts: Hosts, code: int) -> Finished:
    return Finished(command=command, outcome=of_fleet(outcomes(hosts), code), exit_code=code, hosts=hosts)


def finished(command: str, peers: list[Peer], tried: dict[str, str], why: str, code: int) -> Finished:
    """`tried`: commits by service; `why`: what ended the command, for a host that did nothing wrong itself."""
    hosts = _by_host(peers, lambda peer, name: _result(peer, name, tried.get(name), why))
    ends = outcomes(hosts)
    if "unknown" in ends or ("committed" in ends and ends & BACK):
        code = 3
    return of_hosts(command, hosts, code)


def cut_short(command: str, peers: list[Peer]) -> Finished:
    """The end of a command whose client failed while hosts had plans. Exit code 1 only where each of these hosts
    has said that it went back; else 3."""
    hosts = _by_host(peers, _as_last_heard)
    code = 1 if all(peer.ending == "restored" for peer in peers if peer.has_plan) else 3
    return of_hosts(command, hosts, code)


def read(command: str, peers: list[Peer]) -> Finished:
    """The end of a command that only reads."""
    code = worst([peer.error.exit_code for peer in peers if peer.error])
    return of_hosts(command, _by_host(peers, _looked_at), code)


def dry_run_result(command: str, peers: list[Peer], refused: bool) -> Finished:
    """The end of a dry run that nothing stopped. `refused`: whether a deploy would be, for what the plans show."""
    hosts = {peer.name: {name: _expected(plan, peer.facts[name]) for name, plan in peer.plans.items()}
             for peer in peers}
    return Finished(command=command, outcome="pending" if "pending" in outcomes(hosts) else "unchanged",
                    exit_code=2 if refused else 0, hosts=hosts)


def of_fleet(outcomes: set[str], code: int) -> str:
    """One word for all hosts."""
    if "unknown" in outcomes:
        return "unknown"
    if "committed" in outcomes:
        return "mixed" if outcomes - {"committed", "unchanged"} else "committed"
    if outcomes & BACK:
        return "restored"
    for outcome in ("unreachable", "refused"):
        if outcome in outcomes:
            return outcome
    return "unchanged" if code == 0 else "refused"


def _by_host(peers: list[Peer], result: Callable[[Peer, str], Result]) -> Hosts:
    return {peer.name: {target.service.name: replace(result(peer, target.service.name),
                                                     programs=target.service.named_programs or UNSET)
                        for target in peer.targets} for peer in peers}


def _result(peer: Peer, service: str, tried: str | None, why: str) -> Result:
    facts = peer.facts.get(service)
    plan = peer.plans.get(service)
    was = facts.commit if facts else peer.heads.get(service)
    tried = plan.tried if plan else tried
    outcome = _outcome(peer, service)
    now = peer.now.get(service, was) if outcome == "committed" or outcome in BACK else was
    if outcome == "unknown":
        now = peer.now.get(service)
    reason = None if outcome in ("committed", "unchanged") else peer.why or peer.trouble or why or None
    return Result(was=was, tried=tried, now=now, outcome=outcome, why=reason, source=_source(plan, facts))


def _as_last_heard(peer: Peer, service: str) -> Result:
    plan = peer.plans[service]
    if not peer.has_plan or not plan.steps:
        return Result(was=plan.was, tried=plan.tried, now=plan.was, outcome="unchanged")
    if peer.ending:
        return Result(was=plan.was, tried=plan.tried, now=peer.now.get(service), outcome=peer.ending,
                      why=peer.why or None, source=_source(plan))
    why = "it was told to commit, and its answer was not heard" if peer.commit_sent \
        else "it was not told to commit: it goes back by itself"
    return Result(was=plan.was, tried=plan.tried, now=None, outcome="unknown",
                  why=f"{why}: fab status --host {peer.name}")


def _expected(plan: Plan, facts: Facts) -> Result:
    return Result(was=plan.was, tried=plan.tried, now=plan.was,
                  outcome="pending" if plan.steps or facts.due else "unchanged", source=_source(plan))


def _source(plan: Plan | None, facts: Facts | None = None) -> str | UnsetType:
    """The commit that a client built from; where nothing changes, by what is there."""
    planned = plan.record.get("source") if plan else None
    there = facts.committed.get("source") if facts and plan and not plan.steps else None
    return planned or there or UNSET


def _outcome(peer: Peer, service: str) -> str:
    if peer.has_plan and peer.plans[service].steps:
        is_unreached = peer.ending == "restored" and not peer.is_reached
        return "not_reached" if is_unreached else peer.ending or "unknown"
    if peer.error is not None:
        return _without_plan(peer.error)
    return "unchanged" if service in peer.plans else "refused"


def _without_plan(error: FabvisorError) -> str:
    """The outcome of a host on which nothing was begun."""
    return error.outcome if error.outcome in ("unreachable", "unknown") else "refused"


def _looked_at(peer: Peer, service: str) -> Result:
    commit = peer.facts[service].commit if service in peer.facts else None
    if peer.error:
        return Result(was=commit, now=commit, outcome=_without_plan(peer.error), why=peer.trouble)
    return Result(was=commit, now=commit, outcome="unchanged")
