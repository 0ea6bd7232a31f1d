"""The supervised program: restart or stop it, and see that it runs and is healthy; or bring back what ran."""

from __future__ import annotations

from typing import Any, Mapping

from .. import program
from ..context import ServiceContext
from ..errors import HostError
from ..locks import reload_lock
from ..supervisord import UP

Arguments = Mapping[str, Any]


def restart(ctx: ServiceContext, args: Arguments) -> bool:
    """Replace the group where its configuration changed, else restart the program: never both."""
    supervisord = ctx.supervisord()
    info = supervisord.info(ctx.name)
    ctx.old_pid = info["pid"] or None
    ctx.note_log(info.get("stdout_logfile"))
    program.stop(ctx, supervisord, args["patience"])
    program.refresh_group(ctx, supervisord)
    supervisord.start(ctx.name)
    return True


def stop(ctx: ServiceContext, args: Arguments) -> bool:
    supervisord = ctx.supervisord()
    was = supervisord.info(ctx.name)["statename"]
    program.stop(ctx, supervisord, args["patience"])
    return was in UP


def program_back(ctx: ServiceContext, args: Arguments) -> bool:
    """RUNNING, STOPPED or absent: what the program was before is what it is again."""
    supervisord = ctx.supervisord()
    info = supervisord.info(ctx.name)
    running = args["was"] == "RUNNING"
    with reload_lock(ctx.layout):
        _, changed, removed = supervisord.reload()
    if running and ctx.name not in changed and _is_the_same(info, args):
        return False
    ctx.old_pid = info["pid"] or None
    ctx.note_log(info.get("stdout_logfile"))
    program.stop(ctx, supervisord, args["patience"])
    if ctx.name in removed or args["was"] == "absent":
        if info["statename"] != "absent":
            supervisord.remove(ctx.name)
        return True
    renewed = program.refresh_group(ctx, supervisord)
    if running:
        supervisord.start(ctx.name)
        program.wait_until_up(ctx, supervisord, args["startsecs"])
    elif renewed:
        program.ensure_stopped(ctx, supervisord, args["patience"])
    return True


def is_replaced(ctx: ServiceContext, args: Arguments) -> bool:
    """Whether the program is another process than before, or runs though it did not; by the arguments of its undo."""
    info = ctx.supervisord().info(ctx.name)
    if args["was"] == "RUNNING":
        return not _is_the_same(info, args)
    return info["statename"] in UP if args["was"] == "absent" else (
        args.get("state") == "STOPPED" and info["statename"] in ("STARTING", "RUNNING", "BACKOFF"))


def verify(ctx: ServiceContext, args: Arguments) -> bool:
    """RUNNING, and then the same new pid for `startsecs` more: a crash loop looks RUNNING in between."""
    program.wait_until_up(ctx, ctx.supervisord(), args["startsecs"])
    return True


def check_health(ctx: ServiceContext, args: Arguments) -> bool:
    from .. import health  # it brings http.client and ssl

    supervisord = ctx.supervisord()

    def still_up() -> None:
        ctx.check()
        info = supervisord.info(ctx.name)
        if info["statename"] != "RUNNING" or info["pid"] != ctx.pid:
            ctx.say_log()
            raise program.crashed(ctx, info)

    try:
        health.wait(args["health"], cwd=ctx.tree.directory, env=ctx.with_variables(args["variables"]),
                    still_up=still_up)
    except HostError:
        ctx.say_log()
        raise
    still_up()
    return True


def _is_the_same(info: Mapping[str, Any], args: Arguments) -> bool:
    """A pid alone may come again after a reboot."""
    return bool(info["statename"] == "RUNNING" and info["pid"] == args["pid"]
                and info["start"] == args.get("start", info["start"]))
