"""Refuses a deploy for what is on the hosts, before anything is fetched or changed there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..._errors import NotReady
from ...inventory.model import Service, Target
from ...inventory.nearest import first_of
from ...program import files, handwritten
from ..facts import Facts
from ..goal import Key, key
from ..recipe import strategy_of, supervised
from . import placed_files

RUN_MODE = re.compile(r'^environment=RUN_MODE="([^"]*)"', re.MULTILINE)        # in a program file of ours


def refuse(targets: tuple[Target, ...], facts: dict[Key, Facts], *, force: bool, set_aside: bool) -> None:
    """Raise NotReady for all hosts at once. The options are those of Goal."""
    error = next(_of_targets(targets, facts, force=force, set_aside=set_aside), None)
    if error:
        raise error


def of_service(target: Target, facts: Facts) -> list[NotReady]:
    """All that a deploy of this service to this host is refused for, where it has no further options."""
    return list(_of_targets((target,), {key(target): facts}, force=False, set_aside=False))


def is_foreign(facts: Facts) -> bool:
    """Whether the directory holds files that are nobody's: neither a clone, nor releases that can be gone on from."""
    return facts.foreign and not facts.runs_other_release


def belongs_to_other_tool(service: Service, facts: Facts) -> bool:
    """Whether the strategy would put the service among the releases of another tool."""
    return facts.runs_other_release and not strategy_of(service).TAKES_OTHER_RELEASES


def edits(service: Service, facts: Facts) -> list[str]:
    """As lines of `git status`, what a deploy is refused for without --set-aside."""
    return [*dict.fromkeys(line for tree in facts.left_by(service.strategy) for line in tree.edited)]


def of_other_environment(service: Service, facts: Facts) -> str:
    """Where the program runs with another RUN_MODE, in a directory that hosts.yaml does not name; empty where it does
    not. With either of them alone, hosts.yaml was changed."""
    other = other_run_mode(service, facts)
    return f"it runs in {facts.earlier_directory} as {other}" if other and facts.earlier_directory else ""


def other_run_mode(service: Service, facts: Facts) -> str:
    """That of the last deploy, where it is not ours; empty where it is, or nobody knows."""
    written = None if handwritten.is_handwritten(facts.program_file) else RUN_MODE.search(facts.program_file or "")
    return written[1] if written and written[1] != service.run_mode else ""


def losses(service: Service, facts: Facts) -> list[str]:
    """Names in a sentence what a deploy would lose of a handwritten program file; empty where it would lose nothing."""
    new = files.program_file(service, supervised.paths(service, facts))
    lost = handwritten.losses(service, facts.program_path, facts.program_file, new)
    return [handwritten.describe(facts.program_path, lost)] if lost else []


def _of_targets(targets: tuple[Target, ...], facts: dict[Key, Facts], *, force: bool, set_aside: bool
                ) -> Iterator[NotReady]:
    known = [(target, facts[key(target)]) for target in targets]
    yield from _of_directories(known)
    yield from _of_merges(known)
    if not set_aside:
        yield from _of_edits(known)
    yield from placed_files.in_the_way(known)
    if not force and not set_aside:
        yield from placed_files.edited_files(known)
    if not force:
        yield from _of_environments(known)
        yield from _of_losses(known)


def _of_directories(known: list[tuple[Target, Facts]]) -> Iterator[NotReady]:
    others = [_place(target, facts) for target, facts in known if belongs_to_other_tool(target.service, facts)]
    foreign = [_place(target, facts) for target, facts in known if is_foreign(facts)]
    if others:
        yield NotReady("the program runs in a release of another tool, such as Capistrano, below these directories:\n"
                       + "\n".join(others), "write `strategy: releases` at the service in hosts.yaml")
    if foreign:
        yield NotReady("these directories hold files, but no git clone:\n" + "\n".join(foreign),
                       "move them away on the host")


def _of_environments(known: list[tuple[Target, Facts]]) -> Iterator[NotReady]:
    others = [f"{target.host.name}: {other} ({target.service.name})"
              for target, facts in known if (other := of_other_environment(target.service, facts))]
    if others:
        yield NotReady("a program of another environment would be replaced:\n" + "\n".join(others),
                       "give each a `state` of its own, and the service another name in one of them; or, where it is"
                       " one environment that was renamed and moved, add --force")


def _of_merges(known: list[tuple[Target, Facts]]) -> Iterator[NotReady]:
    merges = [(target, facts) for target, facts in known if facts.half_done_merge]
    if merges:
        yield NotReady("\n".join(f"{target.host.name}: {facts.half_done_merge} ({target.service.name})"
                                 for target, facts in merges),
                       "\n".join(dict.fromkeys(facts.merge_remedy for _, facts in merges)))


def _of_edits(known: list[tuple[Target, Facts]]) -> Iterator[NotReady]:
    edited = [f"{target.host.name}: {line.strip()} ({target.service.name})"
              for target, facts in known if not facts.half_done_merge for line in edits(target.service, facts)]
    if edited:
        yield NotReady("files were edited on the host:\n" + "\n".join(first_of(edited)),
                       "commit them elsewhere, or add --set-aside: they are stashed, not lost")


def _of_losses(known: list[tuple[Target, Facts]]) -> Iterator[NotReady]:
    """Program files that somebody wrote by hand, where a deploy would lose some of what they say."""
    lost = [f"{target.host.name}: {loss} ({target.service.name})"
            for target, facts in known for loss in losses(target.service, facts)]
    if lost:
        yield NotReady("program files were written by hand:\n" + "\n".join(lost),
                       "set that in hosts.yaml (`program`, `variables`, `secrets`), or add --force: "
                       "a copy stays as .fabvisor/SERVICE/before-fabvisor.conf")


def _place(target: Target, facts: Facts) -> str:
    return f"{target.host.name}: {facts.directory}"
