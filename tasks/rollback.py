"""fab rollback: to the version before the one that runs, by the hosts' own histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import Command, command
from ._errors import Mistake

if TYPE_CHECKING:
    from .inventory.model import Target
    from .rollout.events import Finished
    from .rollout.facts import Facts, HistoryLine
    from .rollout.goal import Goal, Goals, Key, Planner
    from .rollout.steps import Plan


@command(
    positional=["service"],
    help={
        "service": "a name, a comma list, or `all`",
        "to": "a commit, branch or tag, instead of the version before",
        "fetch": "client: fab fetches, and sends hosts what they lack; host: each host; hosts.yaml's unless given",
        "force": "roll back though that version already runs",
        "set_aside": "stash files that were edited on the host, instead of refusing",
        "wait": "seconds to wait for a lock that somebody else holds",
        "yes": "do not ask, although the environment says `confirm: true`",
        "junit": "write a JUnit report to this file: a test case for each host and service",
        "dotenv": "write DEPLOY_URL and DEPLOY_REVISION to this file",
    },
)
def rollback(
    run: Command, service: str, to: str = "", fetch: str = "", force: bool = False, set_aside: bool = False,
    wait: str = "0", yes: bool = False, junit: str = "", dotenv: str = "",
) -> Finished:
    """Go back to the newest version before this one that was committed; repeat it to go back further.

    Example: fab rollback monitor --env production
    """
    run.write_reports(junit=junit, dotenv=dotenv)
    wanted = run.revision("to", to) if to else None
    timeout = run.seconds("wait", wait)
    targets = run.fetched_by(run.targets_with_secrets(service), fetch)
    confirm = run.agreement(yes)
    fleet = run.fleet(targets, confirm)
    from .deploy import recipe
    from .rollout.coordinator import Coordinator
    from .rollout.planner import deploy_planner

    planner = deploy_planner(recipe, force=force, set_aside=set_aside)
    return Coordinator(run.deployment(targets, wanted, "replace"), fleet, run.report,
                       planner if wanted else _to_previous(planner), wait=timeout,
                       sources=run.sources(targets)).roll_out(confirm)


def previous(history: list[HistoryLine], now: str | None) -> str | None:
    """The commit to go back to. A rollback drops the versions that it skips, so that the next one goes further."""
    pile: list[str] = []
    for line in history:
        commit = line["to"]
        if line["result"] != "committed" or commit is None:
            continue
        if not pile and line["was_running"] and line["from"]:
            pile.append(line["from"])                   # what ran before the first deploy was good enough to run
        if line["command"] == "rollback" and commit in pile:
            while pile[-1] != commit:
                pile.pop()
        elif pile[-1:] != [commit]:
            pile.append(commit)
    if pile[-1:] == [now]:
        pile.pop()
    return pile[-1] if pile else None


def _to_previous(planner: Planner) -> Planner:
    def plan(targets: tuple[Target, ...], facts: dict[Key, Facts], goals: Goals) -> dict[Key, Plan]:
        names = sorted({target.service.name for target in targets})
        return planner(targets, facts, {name: _goal(name, facts) for name in names})

    return plan


def _goal(service: str, facts: dict[Key, Facts]) -> Goal:
    """The version before, which must be the same on all hosts. Raises Mistake when it is not."""
    from .rollout.goal import Goal

    by_host = {host: previous(known.history, known.commit) for (host, name), known in facts.items() if name == service}
    commits = set(by_host.values())
    if commits == {None}:
        raise Mistake(f"{service}: no earlier version in the history of any host", "choose one with --to REVISION")
    if len(commits) > 1:
        raise Mistake(f"{service}: the hosts were at different versions before:\n"
                      + "\n".join(f"{host}: {commit or 'none'}" for host, commit in sorted(by_host.items())),
                      "choose one for all with --to REVISION")
    commit = str(commits.pop())
    lines = [line for known in facts.values() for line in known.history if line["to"] == commit]
    branch = next((line["branch"] for line in lines), None)
    return Goal(commit=commit, revision=commit, branch=branch)
