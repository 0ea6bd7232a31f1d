"""The `in_place` strategy: check out and build in the clone itself; or go back to what stood there."""

from __future__ import annotations

from typing import Any, Mapping

from .. import git
from ..errors import NotReady
from ..service import facts
from ..service.context import ServiceContext
from ..state import history
from . import hooks, placed_files
from .step import Result, Results, Step


def refuse(ctx: ServiceContext, step: Step) -> Results:
    """Somebody may have edited since the look; the undo of a checkout that was begun would overwrite it."""
    require_log_folder(ctx, step.args["commit"])
    state = ctx.clone.state()
    ctx.clone.require_merged(state)
    edited = edits_of_persons(ctx, state)
    if edited and not step.args["set_aside"]:
        raise NotReady("files were edited on the host: " + ", ".join(map(state.describe, edited)),
                       "--set-aside stashes them")
    aside = _set_aside(ctx, step)
    if edited:
        aside.require_stashable()
    ctx.clone.require_way(aside, step.args["commit"], step.args["carried"])
    # What the last build made of tracked files comes back by a build only.
    return step.results._replace(clone=state, overwritten=("build",) if state.edits and not edited else ())


def require_log_folder(ctx: ServiceContext, commit: str) -> None:
    """A commit may not choose where the program's log goes. Raises NotReady."""
    logs = ctx.clone.kind(commit, "logs")
    if logs in ("file", "link"):
        raise NotReady(f"`logs` is a {logs} in the commit, and the log of {ctx.name} goes to a folder of that name",
                       "take `logs` out of the repository, or give it another name there; in a rollback name a version "
                       "without it: --to REVISION")


def checkout(ctx: ServiceContext, step: Step) -> Result:
    state = step.results.clone or ctx.clone.state()
    edited = edits_of_persons(ctx, state)
    aside = _set_aside(ctx, step)
    if edited:
        aside.push(step.say)
    if state.commit == step.args["commit"] and not edited:
        return Result(False)
    if state.commit and not state.branch and state.commit != _last_committed(ctx):
        step.say(f"commit {state.commit[:8]}, which was checked out here on no branch, is kept: {aside.keep_head()}")
    placed_files.make_way(ctx, step.args["commit"])
    # Nobody's edits are here any more: what still differs was changed by the last build.
    ctx.clone.checkout(step.args["commit"], step.say, force=bool(state.edits), carried=step.args["carried"],
                       aside=aside, seen=state)
    return Result(True)


def checkout_back(ctx: ServiceContext, step: Step) -> Result:
    if not ctx.clone.exists():              # a build, or a person, removed it
        _clone_anew(ctx, step)
    if is_untouched(ctx, step.args):
        return Result(False)
    aside = ctx.clone.set_aside(ctx.deploy)
    was_cut_off = ctx.clone.clear_unfinished_checkout()
    if not step.args["set_aside"] or aside.is_complete():
        _check_out_again(ctx, step, was_cut_off)
        aside.begin_return()
    if step.args["commit"] and step.args["branch"]:
        ctx.clone.reattach_branch(step.args["branch"], step.args["commit"])
    aside.give_back(step.say)
    placed_files.place_back(ctx, step)      # it may have made way for a file of the commit
    return Result(True)


def is_untouched(ctx: ServiceContext, args: Mapping[str, Any]) -> bool:
    """Whether a deploy that was to set edits aside did not begin with it: they lie there as they were. `args`: of the
    undo of its checkout."""
    return (args["set_aside"] and not ctx.clone.set_aside(ctx.deploy).exists()
            and not ctx.clone.has_begun_to_leave(args["commit"]))


def overwrites(ctx: ServiceContext, args: Mapping[str, Any]) -> bool:
    """Whether the undo of a checkout overwrites what lies there: as the checkout did, not before all is set aside."""
    return not args["set_aside"] or (ctx.clone.set_aside(ctx.deploy).is_complete() and not is_untouched(ctx, args))


def _clone_anew(ctx: ServiceContext, step: Step) -> None:
    was = step.args["commit"]
    ctx.clone.create(was)
    if was:
        ctx.clone.remote.fetch(step.say)
        if not ctx.clone.commits.has(was):
            ctx.clone.remote.try_commit(was)


def _check_out_again(ctx: ServiceContext, step: Step, was_cut_off: bool) -> None:
    was = step.args["commit"]
    if not was:
        ctx.clone.checkout_empty(step.args["branch"])
        return
    state = ctx.clone.state()
    if state.commit != was or state.edits or was_cut_off:
        ctx.clone.checkout(was, step.say, force=True)


def build(ctx: ServiceContext, step: Step) -> Result:
    folder = step.args.get("subdirectory")
    if folder and not step.args.get("certain", True) and ctx.clone.commits.subtree("HEAD", folder) is None:
        return Result(False)                # nobody knows how the version before was built, but not in that folder
    hooks.run_build(ctx, step, ctx.clone)
    return Result(True)


def edits_of_persons(ctx: ServiceContext, state: git.State) -> list[str]:
    """As lines of `git status`, of the clone."""
    return facts.edited(state, history.known(ctx.layout, ctx.name), None)


def _set_aside(ctx: ServiceContext, step: Step) -> git.SetAside:
    """A commit that a client built holds files that hosts built into their clones before, untracked."""
    return ctx.clone.set_aside(ctx.deploy, step.args["set_aside"] or step.args["replaces"])


def _last_committed(ctx: ServiceContext) -> object:
    return history.newest_committed(ctx.layout, ctx.name).get("to")
