"""A checkout that was cut off: git writes the files of the new commit first, and moves HEAD last.

While git writes, a file in the git directory names the commit. All that lay where this commit has new files was set
aside before: what lies there now was written by the checkout, unless its content says otherwise.
"""

from __future__ import annotations

import contextlib
import os

from ..disk import files
from . import attributes, index
from .command import Git
from .state import GITLINK
from .tree_paths import present, remove_empty

NAME = "fabvisor-checkout"
PIECE = 1 << 20                     # bytes


def begin(git: Git, commit: str) -> None:
    """On the disk when this returns."""
    files.write_atomic(_mark(git), commit.encode())


def end(git: Git) -> None:
    """A mark that a power cut brings back says nothing: HEAD is at its commit."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_mark(git))


def commit_of(git: Git) -> str | None:
    """The commit whose checkout was begun; None where it came to its end."""
    mark = files.read_bytes(_mark(git))
    return mark.decode() if mark else None


def clear(git: Git) -> bool:
    """Remove the new files that the checkout wrote, whole or in part; returns whether there was one.

    Tracked files are left to the next checkout, if it is forced.
    """
    commit = commit_of(git)
    if commit is None:
        return False
    if git.hash_of("HEAD") != commit:
        for path in _written(git, commit):
            os.unlink(os.path.join(git.directory, path))
            remove_empty(git.directory, os.path.dirname(path))
        attributes.forget_changed(git, commit)
    end(git)
    return True


def _written(git: Git, commit: str) -> list[str]:
    entries = [change for change in index.changes(git, commit) if change.kind == "D" and change.mode != GITLINK]
    there = set(present(git.directory, (entry.path for entry in entries)))
    return holding(git, [entry for entry in entries if entry.path in there])


def holding(git: Git, entries: list[index.Change]) -> list[str]:
    """The paths of a commit that hold what git writes there, or the first part of it. Something lies at each."""
    with git.scratch_index() as scratch:
        lines = "".join(f"{entry.mode} {entry.blob}\t{entry.path}\0" for entry in entries)
        scratch.run("update-index", "-z", "--index-info", given=lines.encode("utf-8", "surrogateescape"))
        scratch.succeeds("update-index", "-q", "--refresh")
        other = set(scratch.paths("diff-files", "--name-only", "-z"))
    return [entry.path for entry in entries if entry.path not in other or _holds_part(git, entry)]


def _holds_part(git: Git, entry: index.Change) -> bool:
    path = os.path.join(git.directory, entry.path)
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    content = git.answer_file("cat-file", "--filters", "--path=" + entry.path, entry.blob)
    with open(path, "rb") as part, content as whole:
        pieces = iter(lambda: part.read(PIECE), b"")
        return all(piece == whole.read(len(piece)) for piece in pieces)


def _mark(git: Git) -> str:
    return os.path.join(git.git_dir(), NAME)
