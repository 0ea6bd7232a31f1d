"""The `in_place` strategy: check out and build in the clone itself; or go back to what stood there."""

from __future__ import annotations

from typing import Any, Mapping

from .. import facts, git, history
from ..context import ServiceContext
from ..errors import NotReady
from . import hooks

Arguments = Mapping[str, Any]


def refuse_edits(ctx: ServiceContext, args: Arguments) -> None:
    """Somebody may have edited since the look; the undo of a checkout that was begun would overwrite it."""
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
    # Nobody's edits are here any more: what still differs was changed by the last build.
    ctx.clone.checkout(args["commit"], ctx.say, force=bool(state.edits) and not edited)
    return True


def checkout_back(ctx: ServiceContext, args: Arguments) -> bool:
    if args["set_aside"] and not ctx.clone.find_stash(ctx.deploy):
        return False                # it did not get as far: the edits lie there untouched
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


def build(ctx: ServiceContext, args: Arguments) -> bool:
    hooks.run_build(ctx, args, ctx.directory)
    return True


def _edited(ctx: ServiceContext, state: git.State) -> list[str]:
    return facts.edited(state, history.known(ctx.layout, ctx.name), None)
