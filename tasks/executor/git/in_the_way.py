"""The files of no commit that lie where a commit has something: git would overwrite them, or refuse the checkout."""

from __future__ import annotations

import os
from typing import NamedTuple

from .command import Git
from .submodules import Submodule, gone
from .tree_paths import present

AT_ONCE = 1000                      # paths in the arguments of a command


class InTheWay(NamedTuple):
    """Paths in the clone. `ignored`: a build left them, or we; they give way. `untracked`: a person left them."""

    ignored: list[str]
    untracked: list[str]


def in_the_way(git: Git, commit: str) -> InTheWay:
    """What is in the way of a checkout of the commit, which is here. Submodules that it no longer has give way with all
    that is in them."""
    added = git.paths("diff-index", "--cached", "--no-renames", "--diff-filter=D", "--name-only", "-z", commit)
    ignored, untracked = _others(git, present(git.directory, added))
    for submodule in gone(git, commit):
        within = _of_submodule(submodule)
        ignored += within.ignored
        untracked += within.untracked
    return InTheWay(ignored, untracked)


def _of_submodule(submodule: Submodule) -> InTheWay:
    lists = _others(submodule.git, ["."])
    return InTheWay(*([os.path.join(submodule.path, path) for path in paths] for paths in lists))


def _others(git: Git, places: list[str]) -> InTheWay:
    if not places:
        return InTheWay([], [])
    untracked = others(git, places, "--exclude-standard")
    return InTheWay(sorted({*others(git, places)} - {*untracked}), untracked)


def others(git: Git, places: list[str], *options: str) -> list[str]:
    """The files of no commit at these places, or in these folders."""
    parts = (places[start:start + AT_ONCE] for start in range(0, len(places), AT_ONCE))
    return [path for part in parts
            for path in git.paths("--literal-pathspecs", "ls-files", "--others", "-z", *options, "--", *part)]
