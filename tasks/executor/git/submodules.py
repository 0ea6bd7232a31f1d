"""The submodules of a clone, level by level."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Callable, Iterator, NamedTuple, Sequence

from ..errors import HostError
from ..system.output_lines import Say, silent
from . import attributes, filters, index, unfinished_checkout
from .command import Git
from .commits import Commits
from .remote import fetch_lock
from .state import GITLINK
from .tree_paths import is_folder


class Submodule(NamedTuple):
    """`commit`: what the index of its superproject says."""

    path: str
    commit: str
    git: Git


class Move(NamedTuple):
    """A submodule, and the commit that it shall have."""

    git: Git
    commit: str


def populated(git: Git) -> Iterator[Submodule]:
    """The submodules of this level whose files are there."""
    return (each for each in _named(git) if each.git.exists())


def replaced(git: Git, commit: str) -> list[str]:
    """The submodules of this level in whose place a person put a folder. git says nothing of it, and where it has their
    repositories, a checkout of the commit writes over what lies there."""
    paths = [each.path for each in _named(git) if is_folder(git.directory, each.path)
             and os.listdir(each.git.directory) and not each.git.exists()]
    named = _config(git, ["--file", ".gitmodules"], "path") if paths else []
    here = {path for key, path in named if os.path.isdir(os.path.join(
        git.git_dir(), "modules", key[len("submodule."):-len(".path")]))}
    leaving = {change.path for change in index.changes(git, commit) if change.kind == "A"} if here else set()
    return [path for path in paths if path in here - leaving]


def nested(git: Git) -> Iterator[Submodule]:
    """The submodules of all levels, the innermost first."""
    for submodule in populated(git):
        yield from nested(submodule.git)
        yield submodule


def with_nested(git: Git) -> list[Git]:
    """Those of its submodules of all levels, the innermost first, and its own."""
    return [*(submodule.git for submodule in nested(git)), git]


def gone(git: Git, commit: str) -> list[Submodule]:
    """The submodules that the commit has no more: it has something else there, or nothing."""
    present = list(populated(git))
    if not present:
        return []
    lines = git.paths("--literal-pathspecs", "ls-tree", "-z", commit, "--", *(each.path for each in present))
    stay = {line.partition("\t")[2] for line in lines if line.startswith(GITLINK)}
    return [submodule for submodule in present if submodule.path not in stay]


def moved(git: Git, commit: str, settings: Sequence[str]) -> Iterator[Move]:
    """The submodules that a checkout of the commit moves to another of theirs, at all levels. What is missing of that
    is fetched, with these settings of git; where it cannot be had, the submodule is left out."""
    for submodule in populated(git):
        line = next(iter(git.paths("--literal-pathspecs", "ls-tree", "-z", commit, "--", submodule.path)), "")
        target = line.partition("\t")[0].split()[-1] if line.startswith(GITLINK) else None
        if target and target != submodule.git.hash_of("HEAD"):
            _fetch(submodule.git, target, settings)
            if Commits(submodule.git).has(target):
                yield Move(submodule.git, target)
                yield from moved(submodule.git, target, settings)


def remove_gone(git: Git, commit: str) -> None:
    """Remove the files of submodules that the commit has no more: git would leave them, and then refuse a folder of the
    same name. Their repositories stay in the clone."""
    for submodule in gone(git, commit):
        git.run("submodule", "--quiet", "absorbgitdirs", "--", submodule.path)
        shutil.rmtree(submodule.git.directory)


def follow(git: Git, say: Say, settings: Sequence[str], make_way: Callable[[Git, str], None] | None) -> None:
    """Check out what the index says of each submodule. `settings` of git come first in its commands; `make_way` is
    called before the files of one change, with its commit."""
    if not os.path.exists(os.path.join(git.directory, ".gitmodules")):
        return
    git.run("submodule", "--quiet", "sync", say=say)
    for submodule in populated(git) if make_way else ():
        _fetch(submodule.git, submodule.commit, settings)
        if make_way and Commits(submodule.git).has(submodule.commit):
            make_way(submodule.git, submodule.commit)
            remove_gone(submodule.git, submodule.commit)
    for submodule in populated(git):
        if Commits(submodule.git).has(submodule.commit):
            attributes.forget_changed(submodule.git, submodule.commit)
    git.network(*settings, *_checked_out(git), "submodule", "--quiet", "update", "--init", "--force", say=say)
    for submodule in populated(git):
        if make_way:
            unfinished_checkout.end(submodule.git)
        filters.require(submodule.git, submodule.commit)
        follow(submodule.git, say, settings, make_way)
        filters.refuse_unfiltered(submodule.git, submodule.commit, [])


def _named(git: Git) -> Iterator[Submodule]:
    """Those of this level that the index has."""
    if not os.path.exists(os.path.join(git.directory, ".gitmodules")) and \
            not os.path.isdir(os.path.join(git.git_dir(), "modules")):
        return
    for line in index.listing(git):
        fields, _, path = line.partition("\t")
        _, mode, commit, _ = fields.split()
        if mode == GITLINK:
            yield Submodule(path, commit, git.inside(path))


def _checked_out(git: Git) -> list[str]:
    """Settings of git by which submodules are checked out, whatever `submodule.NAME.update` says: a merge or a rebase
    cannot go back. Those that are not wanted (`none`), and are not here, stay away."""
    here = {submodule.path for submodule in populated(git)}
    unwanted = {key.rpartition(".")[0] for source in (["--file", ".gitmodules"], [])
                for key, value in _config(git, source, "update") if value == "none"}
    names = [key.rpartition(".")[0] for key, path in _config(git, ["--file", ".gitmodules"], "path")
             if path in here or key.rpartition(".")[0] not in unwanted]
    return [word for name in names for word in ("-c", f"{name}.update=checkout")]


def _config(git: Git, source: Sequence[str], option: str) -> list[tuple[str, str]]:
    """(key, value) of an option of all submodules."""
    try:
        entries = git.paths("config", *source, "--null", "--get-regexp", rf"^submodule\..*\.{option}$")
    except HostError:                   # git found none
        return []
    return [(key, value) for key, _, value in (entry.partition("\n") for entry in entries)]


def _fetch(git: Git, commit: str, settings: Sequence[str]) -> None:
    """Fetch the commit of a submodule. The update names what cannot be fetched."""
    for refs in ([], [commit]):
        if not Commits(git).has(commit):
            with contextlib.suppress(HostError), fetch_lock(git):
                git.network(*settings, "fetch", "--no-tags", "--no-recurse-submodules", "origin", *refs, say=silent)
