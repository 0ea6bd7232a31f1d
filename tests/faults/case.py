"""One case: a deploy of a new version, something that happens to it, and checks of its result."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults import checker
from tests.faults.fleet import LEASE, Fleet
from tests.integration.app import RunningClient, messages
from tests.support.lab import Run

# What strikes, after the deploy has reached its moment; returns what puts the world right again, or None.
Heal = Callable[[], None]
Strike = Callable[["Fleet", RunningClient, str], "Heal | None"]
# When: waits for it; False when the deploy was over before.
Moment = Callable[["Fleet", RunningClient, str], bool]


@dataclass(frozen=True)
class Case:
    """`name` is the fault, `when` its moment; `arm` is what the host's executor is told beforehand."""

    name: str
    when: str
    host: str
    arm: dict[str, object] = field(default_factory=dict)
    strike: Strike = lambda fleet, client, host: None
    wait: Moment = lambda fleet, client, host: True
    files: dict[str, str] = field(default_factory=dict)
    build: str = ""                 # before the usual commands
    options: tuple[str, ...] = ()   # of the deploy
    lease: float = LEASE            # of the deploy, in seconds; the commands behind it have the long one
    apart: bool = False             # it may be right that the hosts differ: some clients want only one of them


@dataclass(frozen=True)
class Verdict:
    """`ended`: old, new or apart, before anybody recovered anything; `code` of the client."""

    case: Case
    code: int
    ended: str
    wrong: list[str]


def try_it(fleet: Fleet, case: Case) -> Verdict:
    old, new = fleet.version, fleet.next_version(case.files, case.build)
    fleet.set_lease(case.lease)
    fleet.disarm()
    if case.arm:
        fleet.arm(case.host, **case.arm)        # type: ignore[arg-type]
    before = {host: checker.processes(fleet, host) for host in fleet.names}
    client = fleet.begin("deploy", "app", *case.options)
    case.wait(fleet, client, case.host)
    heal = case.strike(fleet, client, case.host)
    fleet.release(case.host)
    run = client.end(90)
    unfinished = [host for host in fleet.names if checker.unfinished(fleet.root(host), fleet.app.name)]
    lies = _lies(fleet, run, old, new) if heal is None and not case.apart else []
    if heal:
        heal()
    fleet.settle()
    fleet.set_lease(LEASE)
    unreached = _unreached(fleet, run, before) if case.name.startswith("client") else []
    untold = _untold(fleet) if fleet.hooks else []
    wrong = [*lies, *_order(run), *unreached, *untold, *_recovered(fleet, run, unfinished, old, new, case)]
    ended = _word(fleet, old, new)
    wrong += [*_next(fleet, new), *fleet.complaints]
    fleet.complaints.clear()
    return Verdict(case, run.code, ended, wrong)


def _lies(fleet: Fleet, run: Run, old: str, new: str) -> list[str]:
    """The statements on the screen that are not true of the hosts."""
    if run.code < 0 or not run.events or run.events[-1]["event"] != "finished":
        return [] if run.code < 0 else [f"the client ended with {run.code} and no last word: {run.err[-500:]}"]
    wrong = [f"{host} says: {services['app']['why']}" for host, services in run.finished["hosts"].items()
             if "a bug:" in (services["app"]["why"] or "")]
    for host, services in run.finished["hosts"].items():
        outcome = services["app"]["outcome"]
        as_it_was = dict.fromkeys(("restored", "not_reached", "refused", "unreachable"), old)
        expected = {"committed": new, **as_it_was}.get(outcome)
        if expected and run.code != 3:
            found, odd = checker.version(fleet, host)
            wrong += odd or ([] if found == expected else [f"{host} is said to be {outcome}, but runs {found}"])
        if outcome == "unknown" and run.code != 3:
            wrong.append(f"{host} is unknown, and the exit code is {run.code}")
    if run.code == 3:
        named = "".join(event.get("message", "") + str(event.get("host")) for event in run.events)
        wrong += [f"{host} is not named" for host, services in run.finished["hosts"].items()
                  if services["app"]["outcome"] == "unknown" and host not in named]
    return wrong


def _order(run: Run) -> list[str]:
    """A host restarts once the batch before its own is well: a bad version is on one host at most."""
    wrong, well = [], set()
    batches = {host: event["number"] for event in run.of("batch") for host in event["hosts"]}
    for event in run.events:
        if event["event"] == "step_finished" and event["step"] == "health" and event["ok"]:
            well.add(event["host"])
        if event["event"] == "step_started" and event["step"] == "program":
            early = [host for host, number in batches.items() if number < batches.get(event["host"], 0)]
            wrong += [f"{event['host']} restarts before {host} is well" for host in early if host not in well]
    return wrong


def _unreached(fleet: Fleet, run: Run, before: dict[str, dict[str, int]]) -> list[str]:
    """A host keeps its processes where its batch has not begun."""
    begun = {host for event in run.of("batch") for host in event["hosts"]}
    return [f"{host} was restarted, and its batch had not begun" for host in fleet.names
            if host not in begun and checker.processes(fleet, host) != before[host]]


def _untold(fleet: Fleet) -> list[str]:
    """A host that is out of service is named by status, with what helps."""
    rows = {event["host"]: event["oddities"] for event in fleet.fab("status").of("status")}
    return [f"{problem}, and status says: {rows[host]}" for host in fleet.names
            for problem in checker.out_of_service(fleet, host)
            if not any("fab recover" in oddity for oddity in rows[host])]


def _recovered(fleet: Fleet, run: Run, due: list[str], old: str, new: str, case: Case) -> list[str]:
    wrong = []
    if due and run.code not in (3, -signal.SIGKILL, 130, 143):
        wrong.append(f"a journal is left on {due}, and the exit code is {run.code}")
    recovered = fleet.fab("recover", "app")
    if recovered.code:
        wrong.append(f"recover ends with {recovered.code}: {_said(recovered)}")
    versions = set()
    for host in fleet.names:
        found, odd = checker.version(fleet, host)
        versions.add(found)
        wrong += [*odd, *checker.left(fleet, host)]
        if found not in (None, old, new):
            wrong.append(f"{host} is at {found}")
    if versions == {old, new}:
        wrong += _named(fleet)
        if run.code not in (3, -signal.SIGKILL) and not case.apart:
            wrong.append(f"the hosts have diverged, and the exit code is {run.code}")
    return wrong


def _named(fleet: Fleet) -> list[str]:
    status = fleet.fab("status")
    odd = [oddity for event in status.events if event["event"] == "status" for oddity in event["oddities"]]
    return [] if any("another commit" in oddity for oddity in odd) else [f"status does not name the skew: {odd}"]


def _word(fleet: Fleet, old: str, new: str) -> str:
    commits = {checker.traces(fleet, host)["the commit"] for host in fleet.names}
    return {frozenset([old]): "old", frozenset([new]): "new"}.get(frozenset(commits), "apart")       # type: ignore


def _next(fleet: Fleet, new: str) -> list[str]:
    """The next deploy works."""
    fleet.disarm()
    fleet.app.open_all()
    run = fleet.fab("deploy", "app")
    wrong = [f"the next deploy ends with {run.code}: {_said(run)}"] if run.code else []
    for host in fleet.names:
        found, odd = checker.version(fleet, host)
        wrong += [*odd, *checker.left(fleet, host)]
        if found != new:
            wrong.append(f"after the next deploy {host} is at {found}")
    return wrong


def _said(run: Run) -> str:
    return messages(run) + run.err[-300:]
