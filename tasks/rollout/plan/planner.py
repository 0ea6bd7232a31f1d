"""Plans from facts and goals: what has to be done where. Pure."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ...inventory.model import Program, Service, Target
from ...inventory.nearest import listed
from ...program import files
from ..facts import Facts, Process, worst
from ..goal import Goal, Goals, Key, Planner, Recipe, key
from ..recipe import hooks, restarts, strategy_of, supervised
from ..steps import Plan, Step
from . import placed_files, refusals


def deploy_planner(recipe: Recipe, *, force: bool = False, set_aside: bool = False,
                   keeps_files: bool = False) -> Planner:
    """A planner that brings every target to the goal of its service; one that is there already gets no steps. The
    options are those of Goal."""

    make = unchecked_planner(recipe, force=force, set_aside=set_aside, keeps_files=keeps_files)

    def plan(targets: tuple[Target, ...], facts: dict[Key, Facts], goals: Goals) -> dict[Key, Plan]:
        refusals.refuse(targets, facts, force=force, set_aside=set_aside)
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


def is_up_to_date(service: Service, facts: Facts, goal: Goal) -> bool:
    """Its commit on disk, this program file, environment file and files, RUNNING and started from this commit."""
    keeps_files = goal.keeps_files and service.strategy == "releases"
    return not differences(service, facts, equal_commit(facts, goal), keeps_files)


def differences(service: Service, facts: Facts, commit: str, keeps_files: bool) -> list[str]:
    """Why something has to be done, in words. `keeps_files`: the files of `files` stay as they are."""
    if facts.commit is None:
        return ["first deploy"]
    stopped = not_running(service, facts)
    paths = supervised.paths(service, facts)
    changed = [] if keeps_files else [*placed_files.changes(service, facts)]
    reasons = [
        (facts.commit != commit, "another commit"),
        (bool(facts.edited), "edited files"),
        (facts.program_file != files.program_file(service, paths), "the program file changes"),
        (not restarts.has_env_file(service, facts), _env_change(service, facts)),
        (bool(changed), f"the files change: {listed(changed)}"),
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
    """The programs of which a process is not RUNNING, and has not ended as it may."""
    return [program for program in service.programs if any(
        process.state != "RUNNING" and not has_ended_well(program, process)
        for process in facts.processes(program.group))]


def has_ended_well(program: Program, process: Process) -> bool:
    """Whether it was to run once, and did."""
    return process.state == "EXITED" and process.exit_status in (restarts.exit_codes(program) or ())


def not_deployed(service: Service, facts: Facts, each: bool) -> list[str]:
    """What of the service no deploy has brought to the host: itself, or (`each`) programs that it has in hosts.yaml
    since then."""
    text = facts.program_file
    if text is None:
        return [service.name]
    if not each:
        return []
    return [service.label(program) for program in service.programs if not restarts.section(text, program.group)
            and all(process.state == "absent" for process in facts.processes(program.group))]


def _states(service: Service, facts: Facts, programs: list[Program]) -> str:
    states = [(service.label(program), worst(facts.processes(program.group)).state) for program in programs]
    return ", ".join(state if len(service.programs) == 1 else f"{label} {state}" for label, state in states)


def same_version(service: Service, facts: Facts, steps: list[Step]) -> Plan:
    """A plan that changes no version: its history line repeats what is known of the present one."""
    kept = {name: facts.committed.get(name) for name in ("revision", "branch", "strategy", "subdirectory", "build",
                                                         "variables", "source", "program_sha256")}
    deployed = {"deployed_by": facts.deployed_by, "deployed_at": facts.deployed_at}
    known = {**kept, **deployed} if facts.committed.get("to") == facts.commit else {}
    return Plan(was=facts.commit, tried=facts.commit, steps=tuple(steps), hook_env=hooks.env_file(service), record={
        **known, "from": facts.commit, "to": facts.commit, "was_running": not not_running(service, facts),
        "seconds": facts.seconds})


def _plan(recipe: Recipe, service: Service, facts: Facts, goal: Goal) -> Plan:
    if is_up_to_date(service, facts, goal) and not goal.force:
        owed = hooks.owed(service, facts)
        return same_version(service, facts, owed) if owed else Plan(was=facts.commit, tried=equal_commit(facts, goal))
    if needs_only_start(service, facts, goal.commit) and not goal.force:
        stopped = service.only(not_running(service, facts))
        runs_this = facts.started_from in (None, facts.commit)
        made = supervised.start_steps if runs_this else supervised.restart_steps
        steps = hooks.around(service, facts, made(stopped, facts))
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
        known = facts[key(target)]
        goal = goals[target.service.name]
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
