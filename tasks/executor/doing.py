"""What steps do. Each takes (here, arguments) and says whether it changed anything."""

from __future__ import annotations

import os
from typing import Any, List, Mapping

from . import facts, files, git, history, processes, running, shell
from .context import ServiceContext, mark
from .errors import HostError, NotReady
from .locks import reload_lock
from .running import crashed, refresh_group, wait_until_up
from .supervisord import UP, BadConfiguration
from .undoing import put_back

Arguments = Mapping[str, Any]


def fetch(ctx: ServiceContext, args: Arguments) -> bool:
    clone, commit = ctx.clone, args["commit"]
    new = not clone.exists() or not clone.has(commit)
    if not clone.exists():
        clone.create()
    clone.exclude_own_names()
    if new:
        clone.fetch(ctx.say)
        if not clone.has(commit):
            clone.fetch_commit(commit, ctx.say)
    if clone.needs_lfs(commit):
        raise NotReady("the repository needs git-lfs, which is not installed", "install git-lfs on the host")
    missing = [path for path in args["requires"] if not clone.holds(commit, path)]
    if missing:
        raise NotReady("commit %s of %s lacks %s, which `requires` names" % (commit, ctx.name, ", ".join(missing)),
                       "commit and push it, or correct `requires` in hosts.yaml")
    return new


def refuse_edits(ctx: ServiceContext, args: Arguments) -> None:
    """Somebody may have edited since the look; the way back, once begun, would overwrite it."""
    ctx.looked = ctx.clone.state()
    edited = _edited(ctx, ctx.looked)
    if edited and not args["set_aside"]:
        raise NotReady("files were edited on the host: " + ", ".join(edited), "--set-aside stashes them")


def checkout(ctx: ServiceContext, args: Arguments) -> bool:
    state = ctx.looked or ctx.clone.state()
    edited = _edited(ctx, state)
    if edited:
        ctx.clone.stash_edits(ctx.deploy, ctx.say)
    if state.commit == args["commit"] and not edited:
        return False
    # Nobody's edits are here any more: what is left was changed by the last build.
    ctx.clone.checkout(args["commit"], ctx.say, force=bool(state.edits) and not edited)
    return True


def build(ctx: ServiceContext, args: Arguments) -> bool:
    shell.run(shell.script(args["commands"]), cwd=ctx.directory, env=ctx.with_variables(args["variables"]),
              timeout=args["timeout"], say=ctx.say, check=ctx.check, mask=ctx.mask)
    processes.end_marked(mark(ctx.layout, ctx.deploy))         # what it sent to the background, in other sessions
    return True


def hook(ctx: ServiceContext, args: Arguments) -> bool:
    """With all that the program has in its environment, and more."""
    shell.run(shell.script(args["commands"]), cwd=args["directory"],
              env=ctx.with_variables({**args["secrets"], **args["variables"]}),
              timeout=args["timeout"], say=ctx.say, check=ctx.check, mask=ctx.mask)
    return True


def program(ctx: ServiceContext, args: Arguments) -> bool:
    """Write the program file and the environment file; supervisord's word on them counts at once."""
    supervisord = ctx.supervisord()
    texts = {ctx.layout.program_file(ctx.name): args["program_file"], ctx.layout.env_file(ctx.name): args["env_file"]}
    new = {path: text.encode("utf-8", "surrogateescape") for path, text in texts.items()}
    changed = {path: data for path, data in new.items() if files.read_bytes(path) != data}
    files.ensure_dir(os.path.join(ctx.directory, "logs"))
    if not changed:
        return False
    files.ensure_dir(ctx.layout.program_dir)
    with reload_lock(ctx.layout):
        supervisord.reload()
        for path, data in changed.items():
            files.write_atomic(path, data)
        try:
            supervisord.reload()
        except BadConfiguration as error:
            put_back(ctx, ctx.layout.backup(ctx.name, ctx.deploy))
            supervisord.reload()
            raise HostError("supervisord refuses the program file: " + error.message,
                            "correct `program` in hosts.yaml") from None
    return True


def restart(ctx: ServiceContext, args: Arguments) -> bool:
    """Replace the group where its configuration changed, else restart the program: never both."""
    supervisord = ctx.supervisord()
    info = supervisord.info(ctx.name)
    ctx.old_pid = info["pid"] or None
    ctx.note_log(info.get("stdout_logfile"))
    running.stop(ctx, supervisord, args["patience"])
    refresh_group(ctx, supervisord)
    supervisord.start(ctx.name)
    return True


def stop(ctx: ServiceContext, args: Arguments) -> bool:
    supervisord = ctx.supervisord()
    was = supervisord.info(ctx.name)["statename"]
    running.stop(ctx, supervisord, args["patience"])
    return was in UP


def verify(ctx: ServiceContext, args: Arguments) -> bool:
    """RUNNING, and then the same new pid for `startsecs` more: a crash loop looks RUNNING in between."""
    wait_until_up(ctx, ctx.supervisord(), args["startsecs"])
    return True


def check_health(ctx: ServiceContext, args: Arguments) -> bool:
    from . import health  # it brings http.client and ssl

    supervisord = ctx.supervisord()

    def still_up() -> None:
        ctx.check()
        info = supervisord.info(ctx.name)
        if info["statename"] != "RUNNING" or info["pid"] != ctx.pid:
            ctx.say_log()
            raise crashed(ctx, info)

    try:
        health.wait(args["health"], cwd=ctx.tree.directory, env=ctx.with_variables(args["variables"]),
                    still_up=still_up)
    except HostError:
        ctx.say_log()
        raise
    still_up()
    return True


def _edited(ctx: ServiceContext, state: git.State) -> List[str]:
    return facts.edited(state, history.known(ctx.layout, ctx.name), None)
