"""The files of no commit that a forced checkout overwrites."""

from __future__ import annotations

import os
from typing import Iterator, NamedTuple

from ..disk import files
from . import index
from .command import Git
from .commits import Commits
from .in_the_way import in_the_way
from .submodules import moved


class Overwritten(NamedTuple):
    """`is_fixed`: git can stash nothing of it. `changed_at`: when it was changed, and when a folder was that stands in
    the place of a file with it; in seconds since 1970."""

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
    for each, target in [(git, commit), *moved(git, commit, ())]:
        added = {change.path for change in index.changes(each, target) if change.kind == "D"}
        left = in_the_way(each, target)
        for path in [*left.ignored, *left.untracked, *left.fixed]:
            places = [path, *(folder for folder in files.parents(path) if folder in added)]
            yield Overwritten(each, path, path in left.fixed,
                              [files.changed_at(os.path.join(each.directory, place)) for place in places])
