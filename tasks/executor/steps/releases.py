"""The `releases` strategy: make, build and switch to a release; or switch back and remove it; tidy up afterwards."""

from __future__ import annotations

import os
import shutil
from typing import Any, Mapping

from .. import facts, files, history
from ..context import ServiceContext
from ..errors import NotReady
from ..releases import commit_of
from ..worktree import Worktree
from . import hooks

Arguments = Mapping[str, Any]


def refuse_edits(ctx: ServiceContext, args: Arguments) -> None:
    """Of what runs now: somebody may have edited since the look."""
    edited = _edited(ctx, ctx.releases.live())
    if edited and not args["set_aside"]:
        raise NotReady("files were edited on the host: " + ", ".join(edited), "--set-aside stashes them")


def checkout(ctx: ServiceContext, args: Arguments) -> bool:
    """A worktree of the commit, with the shared paths linked into it; one that is complete stays as it is."""
    name, tree = args["release"], ctx.releases.tree(args["release"])
    if os.path.lexists(ctx.releases.link) and not os.path.islink(ctx.releases.link):
        raise NotReady(f"{ctx.releases.link} is in the way: it is no link", "move it away on the host")
    if _edited(ctx, ctx.releases.live()):
        ctx.tree.stash_copy(ctx.deploy, ctx.say)
    if _is_complete(ctx, name, args["digest"]):
        return False
    _discard(ctx, name)
    tree.make(args["commit"], ctx.say)
    _share(ctx, tree, ["logs/", *args["shared"]])
    if args["complete"]:
        _complete(ctx, name, args["digest"])
    return True


def remove_release(ctx: ServiceContext, args: Arguments) -> bool:
    """Unless it was complete before this deploy, or runs."""
    name = args["release"]
    if ctx.clone.exists():
        ctx.clone.remove_stale_locks()
        ctx.clone.drop_stash(ctx.deploy)
    if name == ctx.releases.current() or ctx.releases.marked(name).get("deploy", ctx.deploy) != ctx.deploy:
        return False
    ctx.releases.remove(name)
    return True


def build(ctx: ServiceContext, args: Arguments) -> bool:
    name = args["release"]
    if _is_complete(ctx, name, args["digest"]):
        return False
    hooks.run_build(ctx, args, ctx.releases.tree(name).directory)
    _complete(ctx, name, args["digest"])
    return True


def switch(ctx: ServiceContext, args: Arguments) -> bool:
    """Point `current` to the release; its undo is the same with the release before."""
    return ctx.releases.switch(args["release"])


def tidy(ctx: ServiceContext, args: Arguments) -> bool:
    """Keeps so many of the newest that were good, the one before by its commit, and what is in use."""
    releases = ctx.releases
    if not args["keep"]:
        releases.switch(None)
    good = _newest_first(ctx)[:args["keep"]] + _last_before(ctx) if args["keep"] else []
    keep = {releases.current(), *releases.in_use(), *good}
    gone = [name for name in releases.names() if name not in keep]
    for name in gone:
        _discard(ctx, name)
    return bool(gone)


def _newest_first(ctx: ServiceContext) -> list[str]:
    """Those that were committed and are still there, by when they last were."""
    lines = reversed(history.known(ctx.layout, ctx.name))
    used = [line.get("release") for line in lines if line.get("result") == "committed"]
    there = ctx.releases.names()
    return [str(name) for name in dict.fromkeys(used) if name in there]


def _last_before(ctx: ServiceContext) -> list[str]:
    now = commit_of(ctx.releases.current() or "")
    return [name for name in _newest_first(ctx) if commit_of(name) != now][:1]


def _is_complete(ctx: ServiceContext, name: str, digest: str) -> bool:
    """Built with the same, still on its commit, and nobody edited it."""
    if ctx.releases.marked(name).get("digest") != digest:
        return False
    tree = ctx.releases.tree(name)
    return tree.head() == commit_of(name) and not _edited(ctx, name)


def _complete(ctx: ServiceContext, name: str, digest: str) -> None:
    """What was built must be on the disk before the mark that says so."""
    why = ctx.sync(ctx.releases.tree(name).directory)
    if why:
        ctx.say("it will be built anew the next time: sync: " + why)
    else:
        ctx.releases.mark(name, ctx.deploy, digest)


def _discard(ctx: ServiceContext, name: str) -> None:
    """What somebody edited in a complete release is stashed, not lost."""
    if ctx.releases.marked(name) and _edited(ctx, name):
        ctx.releases.tree(name).stash_copy("release " + name, ctx.say)
        ctx.say(f"what was edited in {ctx.releases.tree(name).directory} is in git's stash now")
    ctx.releases.remove(name)


def _edited(ctx: ServiceContext, release: Any) -> list[str]:
    tree = ctx.releases.tree(release) if release else ctx.clone
    return facts.edited(tree.state(), history.known(ctx.layout, ctx.name), release)


def _share(ctx: ServiceContext, tree: Worktree, paths: list[str]) -> None:
    """As Capistrano's linked_dirs and linked_files: what the commit has at such a path gives way."""
    ctx.clone.exclude([path.rstrip("/") for path in paths])
    for path in paths:
        bare = path.rstrip("/")
        source, link = os.path.join(ctx.directory, bare), os.path.join(tree.directory, bare)
        if path.endswith("/"):
            files.ensure_dir(source)
        if not os.path.exists(source):
            raise NotReady(f"{source} is shared, but is not there",
                           "create it on the host; or, if it is a folder, end it with / in hosts.yaml")
        folder = os.path.dirname(link)
        if os.path.realpath(folder) != os.path.normpath(os.path.join(os.path.realpath(tree.directory), bare, "..")):
            raise NotReady(f"{bare} is shared, but the commit has a link on the way to it", "take it out of `shared`")
        if tree.skip_worktree(bare):
            ctx.say(f"{bare}: what the commit has there gives way to the shared one")
        files.ensure_dir(folder)
        if os.path.isdir(link) and not os.path.islink(link):
            shutil.rmtree(link)
        elif os.path.lexists(link):
            os.unlink(link)
        os.symlink(os.path.relpath(source, folder), link)
