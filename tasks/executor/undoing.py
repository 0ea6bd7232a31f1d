"""The ways back. They may run twice, and after a power cut: they look, then act."""

from __future__ import annotations

import os
import shutil
from typing import Any, Mapping

from . import files
from .context import ServiceContext
from .errors import HostError
from .locks import reload_lock
from .running import describe_state, ensure_stopped, refresh_group, stop, wait_until_up
from .supervisord import UP

Arguments = Mapping[str, Any]


def checkout_back(ctx: ServiceContext, args: Arguments) -> bool:
    if args["set_aside"] and not ctx.clone.find_stash(ctx.deploy):
        return False                # it did not get as far: what was edited lies there untouched
    if not args["commit"]:
        ctx.clone.checkout_empty(args["branch"])
        return True
    state = ctx.clone.state()
    if state.commit != args["commit"] or state.edits:
        ctx.clone.checkout(args["commit"], ctx.say, force=True)
    if args["branch"]:
        ctx.clone.reattach_branch(args["branch"], args["commit"])
    ctx.clone.pop_stash(ctx.deploy, ctx.say)
    return True


def remove_clone(ctx: ServiceContext, args: Arguments) -> bool:
    """A first deploy made it. What lay there before stays: logs, and what is shared."""
    keep = set(args["keep"])
    for name in set(os.listdir(ctx.directory) if os.path.isdir(ctx.directory) else []) - keep:
        path = os.path.join(ctx.directory, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    if not args["existed"] and os.path.isdir(ctx.directory):
        os.rmdir(ctx.directory)
    return True


def files_back(ctx: ServiceContext, args: Arguments) -> bool:
    backup = ctx.layout.backup(ctx.name, ctx.deploy)
    if not os.path.isdir(backup):
        raise HostError("%s is gone: it held the files as they were" % backup,
                        "write %s by hand" % ctx.layout.program_file(ctx.name))
    with reload_lock(ctx.layout):
        put_back(ctx, backup)
        ctx.supervisord().reload()
    return True


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
    stop(ctx, supervisord, args["patience"])
    if ctx.name in removed or args["was"] == "absent":
        if info["statename"] != "absent":
            supervisord.remove(ctx.name)
        return True
    renewed = refresh_group(ctx, supervisord)
    if running:
        supervisord.start(ctx.name)
        wait_until_up(ctx, supervisord, args["startsecs"])
    elif renewed:
        ensure_stopped(ctx, supervisord, args["patience"])
    return True


def is_replaced(ctx: ServiceContext, args: Arguments) -> bool:
    """Whether the program is another process than before, or runs though it did not."""
    info = ctx.supervisord().info(ctx.name)
    if args["was"] == "RUNNING":
        return not _is_the_same(info, args)
    return info["statename"] in UP if args["was"] == "absent" else (
        args.get("state") == "STOPPED" and info["statename"] in ("STARTING", "RUNNING", "BACKOFF"))


def describe_now(ctx: ServiceContext) -> str:
    """On the disk, and in the process table: for a person who has to go on from there."""
    try:
        program = describe_state(ctx.supervisord().info(ctx.name))
    except HostError as error:
        program = error.message
    return "commit %s, and its program is %s" % ((ctx.clone.head() or "none")[:8], program)


def _is_the_same(info: Mapping[str, Any], args: Arguments) -> bool:
    """A pid alone may come again after a reboot."""
    return bool(info["statename"] == "RUNNING" and info["pid"] == args["pid"]
                and info["start"] == args.get("start", info["start"]))


def put_back(ctx: ServiceContext, backup: str) -> None:
    for name, path in (("program", ctx.layout.program_file(ctx.name)), ("env", ctx.layout.env_file(ctx.name))):
        old = files.read_bytes(os.path.join(backup, name))
        if old is None:
            files.remove(path)
        elif old != files.read_bytes(path):
            files.write_atomic(path, old, os.stat(os.path.join(backup, name)).st_mode & 0o777)
