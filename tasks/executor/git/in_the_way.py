"""The files of no commit that lie where a commit has something: git would overwrite them, or refuse the checkout."""

from __future__ import annotations

import os
from typing import Iterable, NamedTuple

from .command import Git
from .submodules import Submodule, gone


class InTheWay(NamedTuple):
    """Paths in the clone. `ignored`: a build left them, or we; they give way. `untracked`: a person left them."""

    ignored: list[str]
    untracked: list[str]


def in_the_way(git: Git, commit: str) -> InTheWay:
    """Of a checkout of the commit, which is here; submodules that it no longer has give way with all that is in them.
    """
    added = git.paths("diff-index", "--cached", "--no-renames", "--diff-filter=D", "--name-only", "-z", commit)
    ignored, untracked = _others(git, _present(git.directory, added))
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
    untracked = _list_others(git, places, "--exclude-standard")
    return InTheWay(sorted({*_list_others(git, places)} - {*untracked}), untracked)


def _list_others(git: Git, places: list[str], *options: str) -> list[str]:
    return git.paths("--literal-pathspecs", "ls-files", "--others", "-z", *options, "--", *places)


def _present(directory: str, paths: Iterable[str]) -> list[str]:
    """Of each path that is there, or that a file stands in the place of one of its folders, what stands there."""
    checked: dict[str, str | None] = {"": None}          # by folder: what stands in its place
    present = set()
    for path in paths:
        place = _blocked(directory, os.path.dirname(path), checked)
        if place is None and os.path.lexists(os.path.join(directory, path)):
            place = path
        if place:
            present.add(place)
    return sorted(present)


def _blocked(directory: str, folder: str, checked: dict[str, str | None]) -> str | None:
    if folder not in checked:
        full = os.path.join(directory, folder)
        is_other = os.path.lexists(full) and (os.path.islink(full) or not os.path.isdir(full))
        checked[folder] = _blocked(directory, os.path.dirname(folder), checked) or (folder if is_other else None)
    return checked[folder]
