"""What the index of a clone holds, and how a commit differs from it. git is asked once for each state of the index: it
never changes that file, but puts a new one in its place."""

from __future__ import annotations

import os
from typing import Callable, Collection, NamedTuple

from . import index_file
from .command import Git
from .tree_paths import null_ended

SKIPPED = "Ss"                      # the letters of a path whose file git is to skip


class Change(NamedTuple):
    """A path where the index differs from a commit. `kind`: what the index did to the commit, a letter as of
    `git diff`, so D is a path that only the commit has. Mode and blob are the commit's, then the index's."""

    kind: str
    mode: str
    blob: str
    index_mode: str
    index_blob: str
    path: str


def listing(git: Git) -> list[str]:
    """The lines of `git ls-files -v --stage`: a letter, a space, and what --stage shows."""
    return _answer(git, "ls-files", "-v", "--stage", "-z", read=index_file.listing)


def letters(git: Git) -> dict[str, str]:
    """Of each tracked path that git was told to overlook: one of SKIPPED, or in lower case where it is to be assumed
    unchanged."""
    return {line.partition("\t")[2]: line[0] for line in listing(git) if is_overlooked(line)}


def is_overlooked(line: str) -> bool:
    """Of a line of listing()."""
    return line[0] in SKIPPED or line[0].islower()


def changes(git: Git, commit: str) -> list[Change]:
    words = _answer(git, "diff-index", "--cached", "--no-renames", "--raw", "-z", commit)
    return [_change(fields.split(" "), path) for fields, path in zip(words[::2], words[1::2])]


def mark(git: Git, flag: str, paths: Collection[str]) -> None:
    """Set or clear a flag of tracked paths, such as `--skip-worktree`."""
    if paths:
        git.run("update-index", flag, "-z", "--stdin", given=null_ended(paths))


def may_have(git: Git, commit: str, is_wanted: Callable[[str], bool]) -> bool:
    """False where the commit surely has no such path: it has what the index has, but for the changes."""
    return (_state(git.index_path()) is None
            or any(is_wanted(change.path) for change in changes(git, commit))
            or any(is_wanted(line.partition("\t")[2]) for line in listing(git)))


def _change(fields: list[str], path: str) -> Change:
    mode, index_mode, blob, index_blob, kind = fields
    return Change(kind, mode[1:], blob, index_mode, index_blob, path)


def _answer(git: Git, *args: str, read: Callable[[Git], list[str] | None] = lambda git: None) -> list[str]:
    """Of a command that reads the index and commits, and nothing else. `read` tells it without git, or None."""
    state = _state(git.index_path())            # first: an index that comes meanwhile is another state
    known, answer = git.answers.get((git.index_path(), args), (None, []))
    if state is None or state != known:
        told = read(git)
        answer = git.paths(*args) if told is None else told
        git.answers[git.index_path(), args] = state, answer
    return list(answer)


def _state(path: str) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
