"""The supervised programs: restart or stop them, and see that they run and are healthy; or bring back what ran.

A step is about all programs of the service, in the order of its `programs`.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any, Mapping, Sequence

from ..errors import HostError
from ..program import idle_processes
from ..program.process import Before, Started
from ..program.program import Infos, Program, are_running, only
from ..protocol import UP
from ..service.context import ServiceContext
from ..state import program_owner
from . import health, one_by_one, reload
from .step import Result, Step

RECHECK_EVERY = 0.5                 # seconds


def restart(ctx: ServiceContext, step: Step) -> Result:
    """Replace each group whose configuration changed, else restart the program: never both. What the service has no
    longer leaves first: it may hold a port. What is restarted one process after the other is verified here."""
    for part in step.args["removed"]:
        program = Program(ctx, part["group"], step.say)
        program.stop(part["patience"], program.infos())
        program.remove()
    before: dict[str, Before] = {}
    started: dict[str, Started] = {}
    for part in step.args["programs"]:
        program = Program(ctx, part["group"], step.say)
        infos = program.infos()
        goes_on = _going_on(program, part, infos)
        rest = only(infos, infos.keys() - goes_on)
        before.update(program.before(rest))
        if "signal" in part and program.keeps_group(infos) and are_running(infos):
            started.update(reload.signal(ctx, program, part))
        elif "socket" in part and "verify" in part and program.keeps_group(infos):
            started.update(one_by_one.restart(ctx, program, part, rest))
        else:
            program.stop(part["patience"], rest)
            if not goes_on and program.refresh_group(infos, renew=part.get("renew", False)):
                program.start_rest()
            elif rest:
                program.start(list(rest))
    return Result(True, step.results._replace(before=before, started=started))


def _going_on(program: Program, part: Mapping[str, Any], infos: Infos) -> set[str]:
    """The processes that are not restarted: they run, and supervisord keeps their group."""
    names = {f"{program.group}:{name}" for name in part.get("goes_on", ())}
    running = {name for name in names if infos.get(name, {}).get("statename") == "RUNNING"}
    return running if running and program.keeps_group(infos) else set()


def stop(ctx: ServiceContext, step: Step) -> Result:
    changed = False
    for part in step.args["programs"]:
        program = Program(ctx, part["group"], step.say)
        infos = program.infos()
        changed |= _is_up(infos)
        program.stop(part["patience"], infos)
    return Result(changed)


def program_back(ctx: ServiceContext, step: Step) -> Result:
    """Bring each program back to what it was: RUNNING, STOPPED or absent. What was absent leaves first: it may hold a
    port."""
    if program_owner.other_state(ctx.layout, ctx.name):
        return Result(False)            # another environment deployed it meanwhile: what runs is its own
    parts = sorted(programs_before(ctx.name, step.args), key=lambda part: part["was"] != "absent")      # stable
    changed = [_bring_back(ctx, Program(ctx, part["group"], step.say), part) for part in parts]
    if any(changed):
        for check in step.args.get("health", ()):           # journals of old versions have none
            health.await_version_before(ctx, check)
    return Result(any(changed))


def _bring_back(ctx: ServiceContext, program: Program, was: Mapping[str, Any]) -> bool:
    infos = program.infos()
    names = [_full_name(was, process) for process in was["processes"]]
    changed, removed = program.changes(infos)
    if not (changed or was.get("signalled")) and _is_as_before(infos, was):
        return False
    if names and infos and program.written.has_socket() and not (changed or removed or was.get("renew")):
        _bring_back_singly(ctx, program, was, infos)
        return True
    infos = program.infos()                 # once more: supervisord has read its files meanwhile
    goes_on = set() if changed or removed or was.get("signalled") else _same_processes(infos, was)
    names = [name for name in names if name not in goes_on]
    replaced = only(infos, infos.keys() - goes_on)
    before = program.before(replaced)
    program.stop(was["patience"], replaced)
    program.end_leftovers()
    if removed or was["was"] == "absent":
        program.remove()
        return True
    idle = idle_processes.of(was, infos)
    with idle_processes.gate(ctx, program.group, idle, was["startsecs"]) as gated:
        renewed = not goes_on and program.refresh_group(infos, renew=was.get("renew", False))
        if names:
            program.start(names)
        idle_processes.bring_back(ctx, program, was, idle, renewed=renewed, gated=gated)
    _await_up(program, was, names, before)
    return True


def _await_up(program: Program, was: Mapping[str, Any], names: Sequence[str], before: Mapping[str, Before]) -> None:
    """Of these processes. One that had not stayed up before need not do so now: it gets the same time."""
    unproven = [name for name in names if name.partition(":")[2] in was.get("unproven", ())]
    proven = [name for name in names if name not in unproven]
    if proven:
        program.wait_until_up(was["startsecs"], before, program.written.exit_codes(), proven)
    if unproven:
        with contextlib.suppress(HostError):
            program.wait_until_up(was["startsecs"], before, program.written.exit_codes(), unproven)


def _bring_back_singly(ctx: ServiceContext, program: Program, was: Mapping[str, Any], infos: Infos) -> None:
    """Those that were replaced; the others have served all the time."""
    ran = {_full_name(was, process): process for process in was["processes"]}
    others = [name for name in infos if name not in ran]
    if others:
        idle = idle_processes.of(was, infos)
        program.stop(was["patience"], only(infos, others))
        with idle_processes.gate(ctx, program.group, idle, was["startsecs"]) as gated:
            idle_processes.bring_back(ctx, program, was, idle, renewed=False, gated=gated)
    one_by_one.bring_back(program, was, [name for name, process in ran.items() if was.get("signalled")
                                         or not _is_same_process(infos.get(name, {}), process)])


def programs_before(service: str, args: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The arguments of a `program_back` by program. A journal of an old version has one program, and its pid; of very
    old ones without its start."""
    if "programs" in args:
        programs: list[Mapping[str, Any]] = args["programs"]
        return programs
    process = {"name": service, "pid": args["pid"], **({"start": args["start"]} if "start" in args else {})}
    return [{**args, "group": service, "processes": [process] if args["was"] == "RUNNING" else []}]


def programs_back(ctx: ServiceContext, args: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`programs` of those arguments, with the processes that they have now, once `program_back` has done its work."""
    programs = programs_before(ctx.name, args)
    infos = ctx.supervisord().processes(*(was["group"] for was in programs))
    now = {(info["group"], info["name"]): {name: info[name] for name in ("pid", "start")} for info in infos}

    def as_it_is(group: str, process: Mapping[str, Any]) -> dict[str, Any]:
        return {**process, **now.get((group, process["name"]), {})}

    return [{**was, "signalled": False, **{each: [as_it_is(was["group"], process) for process in was[each]]
                                           for each in ("processes", "idle") if each in was}} for was in programs]


def is_replaced(ctx: ServiceContext, args: Mapping[str, Any]) -> bool:
    """Whether other processes run than before the deploy, or one where there was none.

    `args` are those of `program_back`.
    """
    supervisord = ctx.supervisord()
    return any(_is_replaced({f"{info['group']}:{info['name']}": info for info in supervisord.processes(was["group"])},
                            was) for was in programs_before(ctx.name, args))


def _is_replaced(infos: Infos, was: Mapping[str, Any]) -> bool:
    if was["was"] == "RUNNING":
        return not _are_same_processes(infos, was)
    if was["was"] == "absent":
        return _is_up(infos)
    return was.get("state") == "STOPPED" and any(
        info["statename"] in ("STARTING", "RUNNING", "BACKOFF") for info in infos.values())


def verify(ctx: ServiceContext, step: Step) -> Result:
    """RUNNING, and then the same new pid for `startsecs` more: a crash loop looks RUNNING in between, also with 0."""
    before, started = step.results.before or {}, dict(step.results.started or {})
    for part in step.args["programs"]:
        program = Program(ctx, part["group"], step.say)
        if started and all(process.name in started for process in program.processes()):
            continue                    # it was restarted one process after the other
        up = program.wait_until_up(part["startsecs"], before, part["exitcodes"])
        program.check_processes(up.values())
        started.update(up)
    return Result(True, step.results._replace(started=started))


def check_health(ctx: ServiceContext, step: Step) -> Result:
    """Try each health check until it passes; the processes must stay those that `verify` saw."""
    started = step.results.started or {}
    for part in step.args["programs"]:
        names = [name for name in started if name.partition(":")[0] == part["group"]]
        health.check(ctx, part, Program(ctx, part["group"], step.say).processes(names), started)
    return Result(True)


def recheck(ctx: ServiceContext, step: Step) -> Result:
    """See for `seconds` that the processes of `verify` stay up; then try each health check once more."""
    end = time.monotonic() + step.args["seconds"]
    started = step.results.started or {}
    processes = [process for part in step.args["programs"]
                 for process in Program(ctx, part["group"], step.say).processes()]
    while time.monotonic() < end:
        for process in processes:
            process.raise_unless_up(started.get(process.name))
        ctx.check()
        time.sleep(min(RECHECK_EVERY, max(0.0, end - time.monotonic())))
    return check_health(ctx, step)


def _full_name(was: Mapping[str, Any], process: Mapping[str, Any]) -> str:
    return f"{was['group']}:{process['name']}"


def _is_up(infos: Infos) -> bool:
    return any(info["statename"] in UP for info in infos.values())


def _are_same_processes(infos: Infos, was: Mapping[str, Any]) -> bool:
    """Whether all that ran still run. A pid alone may come again after a reboot."""
    return len(_same_processes(infos, was)) == len(was["processes"])


def _same_processes(infos: Infos, was: Mapping[str, Any]) -> set[str]:
    """The full names of those that still run."""
    named = {_full_name(was, process): process for process in was["processes"]}
    return {name for name, process in named.items() if _is_same_process(infos.get(name, {}), process)}


def _is_as_before(infos: Infos, was: Mapping[str, Any]) -> bool:
    """Whether what ran still runs, and nothing else has begun since. What was absent may have left something behind."""
    idle = idle_processes.of(was, infos)
    return (was["was"] != "absent" and bool(infos) and _are_same_processes(infos, was)
            and idle_processes.are_as_before(was["group"], idle, infos))


def _is_same_process(info: Mapping[str, Any], process: Mapping[str, Any]) -> bool:
    return bool(info.get("statename") == "RUNNING" and info["pid"] == process["pid"]
                and info["start"] == process.get("start", info["start"]))
