"""What the steps of the `releases` strategy do, what undoes them, and what is tidied up after the commit."""

from __future__ import annotations

import os
import shutil
from typing import Any, List, Mapping

from . import facts, files, history, processes, shell
from .errors import NotReady
from .here import Here, mark
from .releases import commit_of
from .worktree import Worktree

Arguments = Mapping[str, Any]


def refuse_edits(here: Here, args: Arguments) -> None:
    """Of what runs now: somebody may have edited since the look."""
    edited = _edited(here, here.releases.live())
    if edited and not args["set_aside"]:
        raise NotReady("files were edited on the host: " + ", ".join(edited), "--set-aside stashes them")


def checkout(here: Here, args: Arguments) -> bool:
    """A worktree of the commit, with the shared paths linked into it; one that is complete stays as it is."""
    name, tree = args["release"], here.releases.tree(args["release"])
    if os.path.lexists(here.releases.link) and not os.path.islink(here.releases.link):
        raise NotReady("%s is in the way: it is no link" % here.releases.link, "move it away on the host")
    if _edited(here, here.releases.live()):
        here.tree.copy_aside(here.deploy, here.say)
    if _is_complete(here, name, args["digest"]):
        return False
    _discard(here, name)
    tree.make(args["commit"], here.say)
    _share(here, tree, ["logs/", *args["shared"]])
    if args["complete"]:
        _complete(here, name, args["digest"])
    return True


def build(here: Here, args: Arguments) -> bool:
    name = args["release"]
    if _is_complete(here, name, args["digest"]):
        return False
    shell.run(shell.script(args["commands"]), cwd=here.releases.tree(name).directory,
              env=here.with_variables(args["variables"]), timeout=args["timeout"], say=here.say, check=here.check,
              mask=here.mask)
    processes.end_marked(mark(here.place, here.deploy))         # what it sent to the background, in other sessions
    _complete(here, name, args["digest"])
    return True


def switch(here: Here, args: Arguments) -> bool:
    """The step, and its way back."""
    return here.releases.switch(args["release"])


def remove_release(here: Here, args: Arguments) -> bool:
    """Unless it was complete before this deploy, or runs."""
    name = args["release"]
    if here.clone.exists():
        here.clone.unlock()
        here.clone.drop_stash(here.deploy)
    if name == here.releases.current() or here.releases.marked(name).get("deploy", here.deploy) != here.deploy:
        return False
    here.releases.remove(name)
    return True


def tidy(here: Here, args: Arguments) -> bool:
    """Keeps so many of the newest that were good, the one before by its commit, and what is in use."""
    releases = here.releases
    if not args["keep"]:
        releases.switch(None)
    good = _newest_first(here)[:args["keep"]] + _last_before(here) if args["keep"] else []
    keep = {releases.current(), *releases.in_use(), *good}
    gone = [name for name in releases.names() if name not in keep]
    for name in gone:
        _discard(here, name)
    return bool(gone)


def _newest_first(here: Here) -> List[str]:
    """Those that were committed and are still there, by when they last were."""
    lines = reversed(history.known(here.place, here.name))
    used = [line.get("release") for line in lines if line.get("result") == "committed"]
    there = here.releases.names()
    return [str(name) for name in dict.fromkeys(used) if name in there]


def _last_before(here: Here) -> List[str]:
    now = commit_of(here.releases.current() or "")
    return [name for name in _newest_first(here) if commit_of(name) != now][:1]


def _is_complete(here: Here, name: str, digest: str) -> bool:
    """Built with the same, still on its commit, and nobody edited it."""
    if here.releases.marked(name).get("digest") != digest:
        return False
    tree = here.releases.tree(name)
    return tree.head() == commit_of(name) and not _edited(here, name)


def _complete(here: Here, name: str, digest: str) -> None:
    """What was built must be on the disk before the mark that says so."""
    why = here.sync(here.releases.tree(name).directory)
    if why:
        here.say("it will be built anew the next time: sync: " + why)
    else:
        here.releases.mark(name, here.deploy, digest)


def _discard(here: Here, name: str) -> None:
    """What somebody edited in a complete release is stashed, not lost."""
    if here.releases.marked(name) and _edited(here, name):
        here.releases.tree(name).copy_aside("release " + name, here.say)
        here.say("what was edited in %s is in git's stash now" % here.releases.tree(name).directory)
    here.releases.remove(name)


def _edited(here: Here, release: Any) -> List[str]:
    tree = here.releases.tree(release) if release else here.clone
    return facts.edited(tree.state(), history.known(here.place, here.name), release)


def _share(here: Here, tree: Worktree, paths: List[str]) -> None:
    """As Capistrano's linked_dirs and linked_files: what the commit has at such a path gives way."""
    here.clone.exclude([path.rstrip("/") for path in paths])
    for path in paths:
        bare = path.rstrip("/")
        source, link = os.path.join(here.directory, bare), os.path.join(tree.directory, bare)
        if path.endswith("/"):
            files.ensure_dir(source)
        if not os.path.exists(source):
            raise NotReady("%s is shared, but is not there" % source,
                           "create it on the host; or, if it is a folder, end it with / in hosts.yaml")
        folder = os.path.dirname(link)
        if os.path.realpath(folder) != os.path.normpath(os.path.join(os.path.realpath(tree.directory), bare, "..")):
            raise NotReady("%s is shared, but the commit has a link on the way to it" % bare, "take it out of `shared`")
        if tree.give_way(bare):
            here.say("%s: what the commit has there gives way to the shared one" % bare)
        files.ensure_dir(folder)
        if os.path.isdir(link) and not os.path.islink(link):
            shutil.rmtree(link)
        elif os.path.lexists(link):
            os.unlink(link)
        os.symlink(os.path.relpath(source, folder), link)
