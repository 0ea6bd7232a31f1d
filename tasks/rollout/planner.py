"""Plans from facts and goals: what has to be done where. Pure."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from .._errors import NotReady
from ..inventory.model import Program, Service, Target
from ..program import files, handwritten
from . import placed_files
from .facts import Facts, worst
from .goal import Goal, Goals, Key, Planner, Recipe, key
from .recipe import hooks, restarts, strategy_of, supervised
from .steps import Plan, Step


def deploy_planner(recipe: Recipe, *, force: bool = False, set_aside: bool = False,
                   keeps_files: bool = False) -> Planner:
    """A planner that brings every target to the goal of its service; one that is there already gets no steps. The
    options are those of Goal."""

    make = unchecked_planner(recipe, force=force, set_aside=set_aside, keeps_files=keeps_files)

    def plan(targets: tuple[Target, ...], facts: dict[Key, Facts], goals: Goals) -> dict[Key, Plan]:
        refuse_obstacles(targets, facts, set_aside)
        placed_files.refuse_obstacles(targets, facts)
        if not force and not set_aside:
            placed_files.refuse_edited(targets, facts)
        if not force:
            refuse_losses(targets, facts)
        return make(targets, facts, goals)

    return plan


def unchecked_planner(recipe: Recipe, **options: bool) -> Planner:
    """As deploy_planner(), but what a deploy would be refused for is planned, too: for a command that only shows it."""

    def plan(targets: tuple[Target, ...], facts: dict[Key, Facts], goals: Goals) -> dict[Key, Plan]:
        goals = {name: replace(goal, **options) for name, goal in goals.items()}
        lowest = _lowest(targets, facts, goals)
        return {key(target): _plan(recipe, hooks.of_host(target.service, key(target) in lowest), facts[key(target)],
                                   goals[target.service.name])
                for target in targets}

    return plan


def refuse_obstacles(targets: tuple[Target, ...], facts: dict[Key, Facts], set_aside: bool) -> None:
    """Edited files, and directories that cannot be deployed to: listed by host, nothing changed."""
    _refuse_directories(targets, facts)
    edited = [f"{host}: {line.strip()} ({service})"
              for (host, service), known in facts.items() for line in known.edited]
    if edited and not set_aside:
        raise NotReady("files were edited on the host:\n" + "\n".join(edited),
                       "commit them elsewhere, or add --set-aside: they are stashed, not lost")


def _refuse_directories(targets: tuple[Target, ...], facts: dict[Key, Facts]) -> None:
    foreign, others = [], []
    for target in targets:
        known = facts[key(target)]
        place = f"{target.host.name}: {known.directory}"
        if belongs_to_other_tool(target.service, known):
            others.append(place)
        elif is_foreign(known):
            foreign.append(place)
    if others:
        raise NotReady("the program runs in a release of another tool, such as Capistrano, below these directories:\n"
                       + "\n".join(others), "write `strategy: releases` at the service in hosts.yaml")
    if foreign:
        raise NotReady("these directories hold files, but no git clone:\n" + "\n".join(foreign),
                       "move them away on the host")


def is_foreign(facts: Facts) -> bool:
    """Whether the directory holds files that are nobody's: neither a clone, nor releases that can be gone on from."""
    return facts.foreign and not facts.runs_other_release


def belongs_to_other_tool(service: Service, facts: Facts) -> bool:
    """Whether the strategy would put the service among the releases of another tool."""
    return facts.runs_other_release and not strategy_of(service).TAKES_OTHER_RELEASES


def refuse_losses(targets: tuple[Target, ...], facts: dict[Key, Facts]) -> None:
    """Program files that somebody wrote by hand, where a deploy would lose some of what they say."""
    lost = [f"{target.host.name}: {loss} ({target.service.name})"
            for target in targets for loss in losses(target.service, facts[key(target)])]
    if lost:
        raise NotReady("program files were written by hand:\n" + "\n".join(lost),
                       "set that in hosts.yaml (`program`, `variables`, `secrets`), or add --force: "
                       "a copy stays as .fabvisor/SERVICE/before-fabvisor.conf")


def losses(service: Service, facts: Facts) -> list[str]:
    """Names in a sentence what a deploy would lose of a handwritten program file; empty where it would lose nothing."""
    new = files.program_file(service, supervised.paths(service, facts))
    lost = handwritten.losses(service, facts.program_path, facts.program_file, new)
    return [handwritten.describe(facts.program_path, lost)] if lost else []


def is_up_to_date(service: Service, facts: Facts, goal: Goal) -> bool:
    """Its commit on disk, this program file, environment file and files, RUNNING and started from this commit."""
    keeps_files = goal.keeps_files and service.strategy == "releases"
    return not differences(service, facts, equal_commit(facts, goal), keeps_files)


def differences(service: Service, facts: Facts, commit: str, keeps_files: bool = False) -> list[str]:
    """Why something has to be done, in words. `keeps_files`: the files of `files` stay as they are."""
    if facts.commit is None:
        return ["first deploy"]
    stopped, paths = not_running(service, facts), supervised.paths(service, facts)
    changed = [] if keeps_files else [*placed_files.changes(service, facts)]
    reasons = [
        (facts.commit != commit, "another commit"),
        (bool(facts.edited), "edited files"),
        (facts.program_file != files.program_file(service, paths), "the program file changes"),
        (not restarts.has_env_file(service, facts), _env_change(service, facts)),
        (bool(changed), f"the files change: {', '.join(changed)}"),
        (bool(stopped), f"not running: {_states(service, facts, stopped)}"),
        (not stopped and facts.started_from not in (None, facts.commit),
         "the program runs another commit than the one on the disk"),
    ]
    return [words for applies, words in reasons if applies]


def equal_commit(facts: Facts, goal: Goal) -> str:
    """The commit on the disk where it has the same `subdirectory` as the goal's: the goal's touches nothing there."""
    return facts.commit if facts.commit and facts.has_subtree(goal.subtree) else goal.commit


def needs_only_start(service: Service, facts: Facts, commit: str) -> bool:
    """All is as the last good deploy left it, but programs do not run."""
    return (facts.commit == commit == facts.committed.get("to") and not facts.edited and _same_files(service, facts)
            and bool(not_running(service, facts)))


def not_running(service: Service, facts: Facts) -> list[Program]:
    """The programs of which a process is not RUNNING."""
    return [program for program in service.programs
            if any(process.state != "RUNNING" for process in facts.processes(program.group))]


def _states(service: Service, facts: Facts, programs: list[Program]) -> str:
    states = [(service.label(program), worst(facts.processes(program.group)).state) for program in programs]
    return ", ".join(state if len(service.programs) == 1 else f"{label} {state}" for label, state in states)


def same_version(service: Service, facts: Facts, steps: list[Step]) -> Plan:
    """A plan that changes no version: its history line repeats what is known of the present one."""
    kept = {name: facts.committed.get(name) for name in ("revision", "branch", "strategy", "subdirectory", "build",
                                                         "variables", "source", "program_sha256")}
    known = kept if facts.committed.get("to") == facts.commit else {}
    return Plan(was=facts.commit, tried=facts.commit, steps=tuple(steps), hook_env=hooks.env_file(service), record={
        **known, "from": facts.commit, "to": facts.commit, "was_running": not not_running(service, facts),
        "seconds": facts.seconds})


def _plan(recipe: Recipe, service: Service, facts: Facts, goal: Goal) -> Plan:
    if is_up_to_date(service, facts, goal) and not goal.force:
        owed = hooks.owed(service, facts)
        return same_version(service, facts, owed) if owed else Plan(was=facts.commit, tried=equal_commit(facts, goal))
    if needs_only_start(service, facts, goal.commit) and not goal.force:
        stopped = service.only(not_running(service, facts))
        steps = hooks.around(service, facts, supervised.restart_steps(stopped, facts))
    else:
        steps = recipe(service, facts, goal)
    return Plan(was=facts.commit, tried=goal.commit, steps=tuple(steps), record=record(service, facts, goal),
                tidy=strategy_of(service).tidy(service, facts), on_failure=hooks.on_failure(service, facts, goal),
                client_on_failure=hooks.client_on_failure(service, facts, goal),
                hook_env=hooks.env_file(service))


def record(service: Service, facts: Facts, goal: Goal) -> dict[str, Any]:
    """The line of the history. To go back to this version later, a host builds with its `build` and `variables`."""
    return {"revision": goal.revision, "branch": goal.branch, "from": facts.commit, "to": goal.commit,
            "was_running": not not_running(service, facts), "strategy": service.strategy,
            "subdirectory": service.subdirectory, "source": goal.source,
            "build": [] if goal.source else list(service.build),
            "variables": service.environment_variables(), "seconds": facts.seconds,
            "program_sha256": files.digest(files.program_file(service, supervised.paths(service, facts)))}


def _lowest(targets: tuple[Target, ...], facts: dict[Key, Facts], goals: Goals) -> set[Key]:
    """Of each service the lowest-named host on which the recipe is followed: hooks with `once` run there."""
    lowest: dict[str, Key] = {}
    for target in sorted(targets, key=key):
        known, goal = facts[key(target)], goals[target.service.name]
        settled = (is_up_to_date(target.service, known, goal)
                   or needs_only_start(target.service, known, goal.commit))
        if goal.force or not settled:
            lowest.setdefault(target.service.name, key(target))
    return set(lowest.values())


def _same_files(service: Service, facts: Facts) -> bool:
    paths = supervised.paths(service, facts)
    return (facts.program_file == files.program_file(service, paths) and not placed_files.changes(service, facts)
            and restarts.has_env_file(service, facts))


def _env_change(service: Service, facts: Facts) -> str:
    """Older versions left PATH to supervisord."""
    is_older = facts.env_sha256 == files.env_file(service).sha256()
    return "its programs get PATH of the login from now on" if is_older else "the environment file changes"
