"""The files of no commit that a forced checkout overwrites."""

from __future__ import annotations

import os
from typing import Iterator, NamedTuple

from ..disk import change_times, files
from .command import Git
from .commits import Commits
from .in_the_way import added, in_the_way, missing
from .submodules import moved, with_nested


class Overwritten(NamedTuple):
    """`is_fixed`: git can stash nothing of it. `changed_at`: as change_times tells it, and when a folder was changed
    that stands in the place of a file with it."""

    git: Git
    path: str
    is_fixed: bool
    changed_at: list[float]

    @property
    def full_path(self) -> str:
        return os.path.join(self.git.directory, self.path)


def overwritten(git: Git, commit: str) -> Iterator[Overwritten]:
    """By a checkout of the commit, in submodules, too; nothing where the commit is not here."""
    if not Commits(git).has(commit):
        return
    targets = {git.directory: commit, **{move.git.directory: move.commit for move in moved(git, commit, ())}}
    for each in with_nested(git):
        target = targets.get(each.directory) or each.hash_of("HEAD")
        if target:
            yield from _in_repository(each, target)


def _in_repository(git: Git, commit: str) -> Iterator[Overwritten]:
    gone = missing(git)
    left = in_the_way(git, commit, gone)
    tracked = {*gone, *added(git, commit)}
    for path in [*left.ignored, *left.untracked, *left.fixed]:
        places = [folder for folder in files.parents(path) if folder in tracked]
        times = [change_times.changed_at(os.path.join(git.directory, place)) for place in places]
        yield Overwritten(git, path, path in left.fixed, [*times, *change_times.changes_at(git.directory, path)])
