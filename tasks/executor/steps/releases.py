"""The `releases` strategy: make, build and switch to a release; or switch back and remove it. And tidying up."""

from __future__ import annotations

import os

from .. import git
from ..errors import NotReady
from ..git import edits
from ..git.tree_paths import is_repository, named, path_of
from ..service import facts, started_releases
from ..service.context import ServiceContext
from ..service.releases import commit_of, is_ours
from ..state import history
from . import hooks, shared_paths
from .step import Result, Results, Step


def refuse_edits(ctx: ServiceContext, step: Step) -> Results:
    """Of what runs now: somebody may have edited since the look."""
    edited = _edited(ctx, ctx.releases.live())
    if edited and not step.args["set_aside"]:
        raise NotReady("files were edited on the host: " + ", ".join(edited), "--set-aside stashes them")
    _refuse_edited_submodules(ctx.tree, edited)
    return step.results


def checkout(ctx: ServiceContext, step: Step) -> Result:
    """Make a worktree of the commit, with links to the shared paths; one that is complete stays as it is."""
    name = step.args["release"]
    tree = ctx.releases.tree(name)
    if os.path.lexists(ctx.releases.link) and not os.path.islink(ctx.releases.link):
        raise NotReady(f"{ctx.releases.link} is not a link, and a link must have that name", "move it away on the host")
    if _edited(ctx, ctx.releases.live()):
        ctx.tree.stash.copy(ctx.deploy, step.say)
    if is_complete(ctx, name, step.args["digest"]):
        return Result(False)
    if not is_ours(name):
        raise NotReady(f"{tree.directory} is not there any more", "choose another version with --to REVISION")
    if step.args.get("as_it_is"):
        raise NotReady(f"{tree.directory} was edited on the host, and its files of `files` are nowhere else",
                       f"undo that there; or deploy the commit anew: --revision {step.args['commit']}")
    if not os.path.lexists(tree.directory):
        ctx.releases.keep_records(name, _kept_records(ctx))
    _discard(ctx, step, name)
    tree.make(step.args["commit"], step.say, step.args["carried"])
    shared_paths.link_all(ctx, step, tree, ["logs/"])
    shared_paths.link_all(ctx, step, tree, step.args["shared"], step.args.get("shared_directory", ""))
    if step.args["complete"]:
        complete(ctx, step, name)
    return Result(True)


def remove_release(ctx: ServiceContext, step: Step) -> Result:
    """Remove the release, unless it was complete before this deploy, runs, or is another tool's; or somebody's edits
    were kept in its submodules, whose repositories would go with it."""
    name = step.args["release"]
    if ctx.clone.exists():
        ctx.clone.remove_stale_locks()
        ctx.clone.stash.drop(ctx.deploy)
    made_by = ctx.releases.completion(name).get("deploy", ctx.deploy)
    if not is_ours(name) or name == ctx.releases.current() or made_by != ctx.deploy:
        return Result(False)
    tree = ctx.releases.tree(name)
    edited = edits.submodules_with_copies(tree.git, ctx.deploy) if tree.exists() else []
    if edited:
        ctx.warn(f"{ctx.name}: {tree.directory} stays, for submodules were edited there: {named(edited)}; "
                 "commit and push what is in them, or undo it there, before that commit is deployed again")
        return Result(False)
    ctx.releases.remove(name)
    ctx.releases.put_records_back(name, _kept_records(ctx))
    return Result(True)


def _kept_records(ctx: ServiceContext) -> str:
    return os.path.join(ctx.layout.backup(ctx.name, ctx.deploy), "records")


def build(ctx: ServiceContext, step: Step) -> Result:
    name = step.args["release"]
    if is_complete(ctx, name, step.args["digest"]):
        return Result(False)
    hooks.run_build(ctx, step, ctx.releases.tree(name))
    complete(ctx, step, name)
    return Result(True)


def switch(ctx: ServiceContext, step: Step) -> Result:
    """Point `current` to the release; the undo does the same with the release before."""
    target = step.args.get("target")
    return Result(ctx.releases.point_to(target) if target else ctx.releases.switch(step.args["release"]))


def tidy(ctx: ServiceContext, step: Step) -> Result:
    """Remove releases after the commit, but for the `keep` newest that were committed, the one before, and those in
    use, or in which a program was started. `keep` 0: the service is no longer deployed as releases. Those of another
    tool stay."""
    releases = ctx.releases
    count = step.args["keep"]
    if not count and is_ours(releases.current() or ""):
        releases.switch(None)
    committed = _newest_first(ctx)[:count] + _last_before(ctx) if count else []
    keep = {releases.current(), *releases.in_use(), *committed}
    surplus = {*releases.names()} - keep
    surplus -= started_releases.names(ctx) if surplus else set()
    for name in sorted(surplus):
        _discard(ctx, step, name)
    return Result(bool(surplus))


def _newest_first(ctx: ServiceContext) -> list[str]:
    """The releases that were committed and are still there, by when they last were."""
    lines = reversed(list(history.known(ctx.layout, ctx.name)))
    used = [line.get("release") for line in lines if line.get("result") == "committed"]
    present = ctx.releases.names()
    return [str(name) for name in dict.fromkeys(used) if name in present]


def _last_before(ctx: ServiceContext) -> list[str]:
    """The newest release of another commit than the one that runs."""
    current = ctx.releases.current()
    now = ctx.releases.commit(current) if current else None
    return [name for name in _newest_first(ctx) if commit_of(name) != now][:1]


def is_complete(ctx: ServiceContext, name: str, digest: str) -> bool:
    """Built from the same settings, still on its commit, and not edited; another tool's is not asked."""
    if not is_ours(name):
        return os.path.isdir(ctx.releases.tree(name).directory)
    if ctx.releases.completion(name).get("digest") != digest:
        return False
    return (ctx.releases.tree(name).head() == commit_of(name) and not _edited(ctx, name)
            and ctx.releases.placed(name).is_as_written())


def complete(ctx: ServiceContext, step: Step, name: str) -> None:
    """The build must be on the disk before the line that says so."""
    why = ctx.sync(ctx.releases.tree(name).directory)
    if why:
        step.say("it will be built anew the next time: sync: " + why)
    else:
        ctx.releases.complete(name, ctx.deploy, step.args["digest"])


def _discard(ctx: ServiceContext, step: Step, name: str) -> None:
    """Edits in a complete release are stashed, not lost."""
    tree = ctx.releases.tree(name)
    edited = _edited(ctx, name) if ctx.releases.completion(name) else []
    _refuse_edited_submodules(tree, edited)
    if edited:
        tree.stash.copy("release " + name, step.say)
        step.say(f"what was edited in {tree.directory} is in git's stash now")
    head = tree.head() if tree.exists() else None
    if head and head != commit_of(name):
        step.say(f"commit {head[:8]}, which was made in {tree.directory}, is kept: "
                 + tree.set_aside(f"release-{name}-{ctx.deploy}").keep_head())
    ctx.releases.remove(name)


def _refuse_edited_submodules(tree: git.Clone, edited: list[str]) -> None:
    """Their repositories go with the release, and so would a stash or a commit in them."""
    paths = [path for path in map(path_of, edited) if is_repository(tree.directory, path)]
    if paths:
        raise NotReady(f"submodules were edited in {tree.directory}: {', '.join(paths)}",
                       "their stash would go with the release: commit and push what is in them, or undo it there")


def _edited(ctx: ServiceContext, release: str | None) -> list[str]:
    tree = ctx.releases.tree(release) if release else ctx.clone
    return facts.edited(tree.state(), history.known(ctx.layout, ctx.name), release)
