"""Steps about the supervised programs, whatever the strategy: program, restart, stop, verify, health, recheck.

A step is about all programs of the service, in their written order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import structs

from ...executor import protocol
from ...inventory.model import Program, Service
from ...program import files
from ..facts import Facts, Process
from ..steps import Action, Plan, Step
from . import restarts
from .strategies import strategy_of

# supervisord kills after stopwaitsecs: the wait for it must be longer.
GRACE = 20.0
RAN = ("RUNNING", "STARTING")


def paths(service: Service, facts: Facts) -> files.Paths:
    directory = service.folder_in(strategy_of(service).directory(facts))
    return files.Paths(directory=directory, env_file=facts.env_path, logs=facts.logs,
                       user=facts.default_user)


def program(service: Service, facts: Facts) -> Step:
    do = protocol.ProgramFiles(program_file=files.program_file(service, paths(service, facts)),
                               env_file=files.env_file(service, facts.login_path))
    return Step(name="program", phase="activate", do=Action("program", do), undo=Action("files_back"))


def restart(service: Service, facts: Facts, removed: Sequence[str] = (), *, commit: str | None = None) -> Step:
    """Start all programs anew. Groups that are `removed` are stopped before, and are no more. `commit`: of a deploy."""
    text = files.program_file(service, paths(service, facts)) if commit else facts.program_file or ""
    programs = [restarts.restart(service, program, facts, text, timeout(program, facts), commit or facts.commit or "",
                                 may_signal=commit is not None) for program in service.programs]
    do = protocol.Restart(programs=programs, removed=[
        protocol.ProgramStop(group=group, patience=_patience_before(facts, group)) for group in removed])
    return Step(name="restart", phase="activate", do=Action("restart", do),
                undo=_as_they_were(service, facts, removed, programs))


def replace(service: Service, facts: Facts, commit: str) -> Step:
    """Restart, in a deploy of this commit: programs that hosts.yaml no longer names leave."""
    named = {program.group for program in service.programs}
    return restart(service, facts, [group for group in facts.programs if group not in named], commit=commit)


def stop(service: Service, facts: Facts) -> Step:
    do = Action("stop", protocol.Stop(programs=_stops(service, facts)))
    return Step(name="stop", phase="activate", do=do, undo=_as_they_were(service, facts))


def remove(service: Service, facts: Facts) -> Step:
    """Stop all programs that the host has of the service, and make supervisord forget them."""
    groups = [group for group in facts.programs if facts.processes(group)[0].state != "absent"]
    do = protocol.Restart(programs=[], removed=[
        protocol.ProgramStop(group=group, patience=_patience_before(facts, group)) for group in groups])
    return Step(name="stop", phase="activate", do=Action("restart", do),
                undo=_as_they_were(service.only([]), facts, groups))


def verify(service: Service) -> Step:
    do = protocol.Verify(programs=[restarts.verify(program) for program in service.programs])
    return Step(name="verify", phase="activate", do=Action("verify", do))


def health_checks(service: Service, commit: str) -> list[protocol.ProgramHealth]:
    """`commit`: the one that shall answer."""
    return [check for program in service.programs for check in restarts.health(service, program, commit)]


def health(service: Service, commit: str) -> list[Step]:
    checks = health_checks(service, commit)
    return [Step(name="health", phase="activate", do=Action("health", protocol.Health(programs=checks)))] \
        if checks else []


def recheck(plan: Plan, seconds: float) -> list[Step]:
    """After so many seconds, look again at the programs that the plan starts: the same processes, still healthy."""
    checks = [check for step in plan.steps if step.do.action == "health" for check in step.do.args["programs"]]
    programs = [check for group in plan.started for check in
                [check for check in checks if check["group"] == group]
                or [protocol.ProgramHealth(group=group, health=None, variables={})]]
    do = protocol.Recheck(programs=programs, seconds=seconds)
    return [Step(name="recheck", phase="recheck", do=Action("recheck", do))] if programs else []


def restart_steps(service: Service, facts: Facts) -> list[Step]:
    """Restart, and prove that it runs."""
    return [restart(service, facts), verify(service), *health(service, facts.commit or "")]


def start_steps(service: Service, facts: Facts) -> list[Step]:
    """Start what does not run, and prove that all of it runs. What runs is not restarted."""
    step, *others = restart_steps(service, facts)
    programs = [{**part, "goes_on": [process.name for process in facts.processes(part["group"])
                                     if process.state == "RUNNING"]} for part in step.do.args["programs"]]
    do = structs.replace(step.do, args={**step.do.args, "programs": programs})
    return [structs.replace(step, do=do), *others]


def timeout(program: Program, facts: Facts) -> float:
    """Seconds for the program to stop, also for the one that runs now: it may have been given longer."""
    return max(files.seconds(program, "stopwaitsecs", 10) + GRACE, _patience_before(facts, program.group))


def _patience_before(facts: Facts, group: str) -> float:
    return _before(facts, group, "stopwaitsecs", 10) + GRACE


def _stops(service: Service, facts: Facts) -> list[protocol.ProgramStop]:
    return [protocol.ProgramStop(group=program.group, patience=timeout(program, facts))
            for program in service.programs]


def _before(facts: Facts, group: str, option: str, default: float) -> float:
    """The value of this option, in seconds, for that group in the program file that is on the host now."""
    text = restarts.section(facts.program_file or "", group)
    values = re.findall(rf"^\s*{option}\s*[=:]\s*(\d+)", text, re.MULTILINE | re.IGNORECASE)
    return max(map(float, values), default=default)


def _as_they_were(service: Service, facts: Facts, removed: Sequence[str] = (),
                  parts: Sequence[protocol.ProgramRestart] = ()) -> Action:
    """`parts`: how the programs restart."""
    patience = {program.group: timeout(program, facts) for program in service.programs}
    patience.update((group, _patience_before(facts, group)) for group in removed)
    ways = {part["group"]: part for part in parts}
    return Action("program_back", protocol.ProgramBack(
        programs=[_as_it_was(group, facts, seconds, ways.get(group, {})) for group, seconds in patience.items()],
        health=_checks_before_service(service, facts)))


def _checks_before_service(service: Service, facts: Facts) -> list[protocol.ProgramHealth]:
    """The health checks of programs that ran, where hooks take the host into service again."""
    ran = [program for program in service.programs
           if any(process.state in RAN for process in facts.processes(program.group))]
    return health_checks(service.only(ran), facts.commit or "") if service.hooks.get("drain") else []


def _is_proven(process: Process, startsecs: float) -> bool:
    """Whether it has run for as long as verify would look. Its start is told in whole seconds."""
    return process.state == "RUNNING" and (not startsecs or process.uptime is None or process.uptime > 2 * startsecs)


def _as_it_was(group: str, facts: Facts, patience: float, way: Mapping[str, Any]) -> protocol.ProgramWas:
    """RUNNING, STOPPED or absent; a program that was neither up nor absent counts as stopped."""
    processes = facts.processes(group)
    up = [process for process in processes if process.state in RAN]
    startsecs = _before(facts, group, "startsecs", 1)
    was = "RUNNING" if up else "absent" if processes[0].state == "absent" else "STOPPED"
    back = protocol.ProgramWas(
        group=group, was=was, state=processes[0].state, patience=patience,
        startsecs=startsecs, processes=[
            protocol.ProcessIdentity(name=process.name, pid=process.pid, start=process.start) for process in up],
        idle=[protocol.IdleProcess(name=process.name, state=process.state, start=process.start,
                                   exit_status=process.exit_status)
              for process in processes if process.state not in (*RAN, "absent")],
        unproven=[process.name for process in up if not _is_proven(process, startsecs)])
    if way.get("renew"):
        back["renew"] = True
    if "signal" in way:
        back["signalled"] = True
    return back
