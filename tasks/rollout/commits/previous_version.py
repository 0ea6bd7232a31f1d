"""The version that a rollback leads to, by the histories of the hosts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..._errors import Mistake, NotReady
from ...program import quoting
from ..goal import Goal

if TYPE_CHECKING:
    from ...inventory.model import Target
    from ..facts import Facts, HistoryLine
    from ..goal import Goals, Key, Planner
    from ..steps import Plan


def planner_for(planner: Planner) -> Planner:
    """A planner whose goal is, of each service, the version before the one that runs."""
    def plan(targets: tuple[Target, ...], facts: dict[Key, Facts], goals: Goals) -> dict[Key, Plan]:
        names = sorted({target.service.name for target in targets})
        return planner(targets, facts, {name: _goal(name, facts) for name in names})

    return plan


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


def _goal(service: str, facts: dict[Key, Facts]) -> Goal:
    """The version before, which must be the same on all hosts; a new host, and one that it was removed from, goes where
    the others go. Raises Mistake when it is not the same."""
    here = {host: known for (host, name), known in facts.items() if name == service}
    by_host = {host: _previous(known) for host, known in _leading(here).items()}
    commits = {commit for host, commit in by_host.items() if commit or not _is_new(here[host])}
    if not any(commits):
        raise _no_earlier(service, here)
    if len(commits) > 1:
        raise Mistake(f"{service}: the hosts were at different versions before:\n"
                      + "\n".join(f"{host}: {commit or 'none'}" for host, commit in sorted(by_host.items())),
                      "choose one for all with --to REVISION")
    commit = str(commits.pop())
    lines = [line for known in facts.values() for line in known.history if line["to"] == commit]
    branch = next((line["branch"] for line in lines), None)
    source = source_of(commit, (known.history for known in here.values()))
    return Goal(commit=commit, revision=commit, branch=branch, source=source, is_previous=True)


def _leading(facts: dict[str, Facts]) -> dict[str, Facts]:
    """The hosts that say where to go: where the service was removed, only if it was removed from all of them."""
    return {host: known for host, known in facts.items() if not known.is_removed} or facts


def _previous(facts: Facts) -> str | None:
    """After a removal nothing runs: the version before is the one that was removed."""
    elsewhere = facts.committed.get("to") if facts.earlier_directory else None
    return previous(facts.history, None if facts.is_removed else facts.commit or elsewhere)


def _is_new(facts: Facts) -> bool:
    """Whether no version but the one that runs was ever deployed there, as on a host that was added."""
    return {line["to"] for line in facts.history if line["result"] == "committed"} <= {facts.commit}


def _no_earlier(service: str, facts: dict[str, Facts]) -> Mistake:
    """`facts`: by host. What ran before the first deploy is named with the command that brings it back."""
    if all(known.commit is None and not known.history for known in facts.values()):
        return Mistake(f"{service}: it was never deployed here", f"fab deploy {service}")
    message = f"{service}: no earlier version in the history of any host"
    links = {host: command for host, known in facts.items() if (command := _link_of_other_tool(known))}
    if links:
        commands = [f"{host}: {command}" for host, command in sorted(links.items())]
        return Mistake("\n".join([f"{message}; another tool made the release before, and it does not name its commit:",
                                  *commands]),
                       "choose a version with --to REVISION; or type these commands on the hosts, then: "
                       f"fab restart {service}")
    handwritten = {host: known.handwritten for host, known in facts.items() if known.handwritten}
    if not handwritten:
        return Mistake(message, f"fab history {service} lists what ran; choose one with --to REVISION")
    commands = [f"{host}: {command}" for host, command in sorted(handwritten.items())]
    return Mistake("\n".join([f"{message}; the program file of before the first deploy was kept:", *commands]),
                   "choose a version with --to REVISION; or type these commands on the hosts, to go back to that file")


def _link_of_other_tool(facts: Facts) -> str:
    """The command that lets `current` name the newest release of another tool that names no commit; or nothing."""
    names = [release.name for release in facts.releases if release.commit == ""]
    if not names or facts.runs_other_release:
        return ""
    release = quoting.for_sh(f"{facts.directory}/releases/{names[-1]}")
    return f"ln -sfn {release} {quoting.for_sh(facts.directory + '/current')}"


def commit_of(service: str, abbreviation: str, histories: Iterable[list[HistoryLine]]) -> str:
    """The commit of that name that was deployed. Raises NotReady where there is none, Mistake where there are
    several."""
    commits = {line["to"] for history in histories for line in history
               if line["to"] and line["to"].startswith(abbreviation.lower())}
    hint = f"fab history {service} lists what ran"
    if len(commits) > 1:
        raise Mistake(f"{service}: {abbreviation} is the beginning of {' and '.join(sorted(commits))}", hint)
    if not commits:
        raise NotReady(f"{service}: no branch, tag or commit {abbreviation} on this machine, nor in the history of a"
                       " host", hint)
    return str(commits.pop())


def source_of(commit: str, histories: Iterable[list[HistoryLine]]) -> str | None:
    """The commit that it was built from by a client; None for a commit that hosts build."""
    lines = (line for history in histories for line in history if line["to"] == commit)
    return next((line["source"] for line in lines if line.get("source")), None)
