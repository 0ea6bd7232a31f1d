"""The edits of a clone and its submodules: when they were made, whether git itself wrote them, and copies of them."""

from __future__ import annotations

import contextlib
import os
from typing import Iterable

from ..disk import change_times
from ..errors import HostError
from ..system.output_lines import silent
from . import index, unfinished_checkout
from .command import Git
from .commits import Commits
from .set_aside import SetAside
from .stash import Stash
from .state import GITLINK, read
from .submodules import nested
from .tree_paths import is_repository, path_of

COPIED = "-kept"                    # behind a deploy: the label of what it met on its way back


def changes_at(git: Git, line: str) -> list[float]:
    """When an edit was made, as in change_times; of a submodule, each in it. `line`: as of `git status`. 0 where the
    file is gone: nothing of it would be lost."""
    path = path_of(line)
    if not is_repository(git.directory, path):
        return change_times.changes_at(git.directory, path)
    inner = git.inside(path)
    return [change_times.changed_at(os.path.join(inner.git_dir(), "HEAD")),
            *(time for within in read(inner).edits for time in changes_at(inner, within))]


def unwritten(git: Git, commit: str, lines: Iterable[str], before: str | None = None) -> list[str]:
    """Those of the edits that a checkout of the commit did not make, were it cut off or not: something else lies there
    than what the commit has, or the first part of that. `before`: the commit that was there; submodules may be at it
    still."""
    there = [line for line in lines if os.path.lexists(os.path.join(git.directory, path_of(line)))]
    if not (there and Commits(git).has(commit)):
        return there
    entries = {entry.path: entry for entry in _entries(git, commit)}
    known = [entries[path] for path in map(path_of, there) if path in entries]
    written = set(unfinished_checkout.holding(git, [entry for entry in known if entry.mode != GITLINK]))
    return [line for line in there if path_of(line) not in written
            and not _is_as_moved(git, entries.get(path_of(line)), before)]


def copy(git: Git, deploy: str) -> None:
    """Copy all edits into git's stash, and hold the commits of submodules that no branch holds by references."""
    label = deploy + COPIED
    for submodule in nested(git):
        Stash(submodule.git).copy(label, silent)
        if submodule.git.hash_of("HEAD") != submodule.commit:
            SetAside(submodule.git, label).keep_head()
    Stash(git).copy(label, silent)


def has_copies(git: Git, deploy: str) -> bool:
    """Whether copy() kept something, or a commit that somebody made is kept; also in submodules."""
    label = deploy + COPIED
    return bool(Stash(git).find(label) or SetAside(git, label).has_kept_head() or submodules_with_copies(git, deploy))


def submodules_with_copies(git: Git, deploy: str) -> list[str]:
    """The paths of submodules in which copy() kept something; none where git cannot tell."""
    label = deploy + COPIED
    with contextlib.suppress(HostError):
        return [os.path.relpath(submodule.git.directory, git.directory) for submodule in nested(git)
                if Stash(submodule.git).find(label) or SetAside(submodule.git, label).has_kept_head()]
    return []


def _is_as_moved(git: Git, entry: index.Change | None, before: str | None) -> bool:
    """Whether a submodule holds nothing but what its own checkout wrote, or it has not begun; and nobody's commit."""
    if entry is None or entry.mode != GITLINK or not is_repository(git.directory, entry.path):
        return False
    inner = git.inside(entry.path)
    state = read(inner)
    was = git.hash_of(f"{before}:{entry.path}") if before else None
    return (state.commit in (entry.blob, git.hash_of(":" + entry.path), was)
            and not unwritten(inner, entry.blob, state.edits, was))


def _entries(git: Git, commit: str) -> Iterable[index.Change]:
    for listed in git.paths("ls-tree", "-r", "-z", commit):
        fields, _, path = listed.partition("\t")
        mode, _, blob = fields.split()
        yield index.Change("D", mode, blob, "", "", path)
