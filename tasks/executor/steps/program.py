"""The supervised program: restart or stop it, and see that it runs and is healthy; or bring back what ran."""

from __future__ import annotations

from typing import Any, Mapping

from ..context import ServiceContext
from ..errors import HostError
from ..program import Program
from ..protocol import UP
from .step import Result, Step


def restart(ctx: ServiceContext, step: Step) -> Result:
    """Replace the group where its configuration changed, else restart the program: never both."""
    program = Program(ctx, step.say)
    before = program.before(program.info())
    program.stop(step.args["patience"])
    program.refresh_group()
    program.start()
    return Result(True, step.results._replace(before=before))


def stop(ctx: ServiceContext, step: Step) -> Result:
    program = Program(ctx, step.say)
    was = program.info()["statename"]
    program.stop(step.args["patience"])
    return Result(was in UP)


def program_back(ctx: ServiceContext, step: Step) -> Result:
    """Bring the program back to what it was: RUNNING, STOPPED or absent."""
    program = Program(ctx, step.say)
    info = program.info()
    running = step.args["was"] == "RUNNING"
    changed, removed = program.changes()
    if running and not changed and _is_same_process(info, step.args):
        return Result(False)
    before = program.before(info)
    program.stop(step.args["patience"])
    program.end_leftovers()
    if removed or step.args["was"] == "absent":
        if info["statename"] != "absent":
            program.remove()
        return Result(True)
    renewed = program.refresh_group()
    if running:
        program.start()
        program.wait_until_up(step.args["startsecs"], before)
    elif renewed:
        program.ensure_stopped(step.args["patience"])
    return Result(True)


def is_replaced(ctx: ServiceContext, args: Mapping[str, Any]) -> bool:
    """Whether another process runs than before the deploy, or one although there was none.

    `args` are those of `program_back`.
    """
    info = ctx.supervisord().info(ctx.name)
    if args["was"] == "RUNNING":
        return not _is_same_process(info, args)
    if args["was"] == "absent":
        return info["statename"] in UP
    return args.get("state") == "STOPPED" and info["statename"] in ("STARTING", "RUNNING", "BACKOFF")


def verify(ctx: ServiceContext, step: Step) -> Result:
    """RUNNING, and then the same new pid for `startsecs` more: a crash loop looks RUNNING in between."""
    program = Program(ctx, step.say)
    before = step.results.before or program.before({"pid": None})
    started = program.wait_until_up(step.args["startsecs"], before, step.args.get("exitcodes"))
    return Result(True, step.results._replace(started=started))


def check_health(ctx: ServiceContext, step: Step) -> Result:
    """Try the health check until it passes; the process must stay the one that `verify` saw."""
    from .. import health  # it brings http.client and ssl

    program, started = Program(ctx, step.say), step.results.started

    def still_up() -> None:
        ctx.check()
        program.raise_unless_up(started)

    try:
        health.wait(step.args["health"], cwd=ctx.tree.directory, env=ctx.with_variables(step.args["variables"]),
                    still_up=still_up)
    except HostError:
        program.say_log(started and started.log)
        raise
    still_up()
    return Result(True)


def _is_same_process(info: Mapping[str, Any], args: Mapping[str, Any]) -> bool:
    """A pid alone may come again after a reboot. Journals of old versions have no start time."""
    return bool(info["statename"] == "RUNNING" and info["pid"] == args["pid"]
                and info["start"] == args.get("start", info["start"]))
