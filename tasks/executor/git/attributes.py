"""Files that a commit leaves as they are, but whose attributes it changes (`eol`, `ident`, an encoding).

git compares content only: a checkout would leave them written in the old way.
"""

from __future__ import annotations

import os
from typing import Iterable

from . import index
from .command import Git
from .tree_paths import null_ended

# Of those in gitattributes(5), the ones that decide what is written.
NAMES = ("text", "crlf", "eol", "ident", "working-tree-encoding", "filter")


def forget_changed(git: Git, commit: str) -> bool:
    """Let git take such files for changed, so that a forced checkout writes them; returns whether there are any.

    Between the index and the commit, whichever of them the checkout goes to.
    """
    changed = {change.path for change in index.changes(git, commit)}
    if not any(os.path.basename(path) == ".gitattributes" for path in changed):
        return False
    lines = [line[2:] for line in index.listing(git) if line.startswith("H ")]      # others git was told to overlook
    same = {line.partition("\t")[2]: line for line in lines if line.startswith("100")}
    same = {path: line for path, line in same.items() if path not in changed}
    before = _attributes(git, same)
    with git.scratch_index() as scratch:
        scratch.run("read-tree", commit)
        after = _attributes(scratch, same)
    # Without what the index knows of the file on the disk.
    other = [line for path, line in same.items() if before[path] != after[path]]
    if other:
        git.run("update-index", "-z", "--index-info", given=null_ended(other))
    return bool(other)


def _attributes(git: Git, paths: Iterable[str]) -> dict[str, list[str]]:
    """The values of NAMES by the attributes in the index, by path."""
    words = git.paths("check-attr", "--cached", "--stdin", "-z", *NAMES, given=null_ended(paths))
    values: dict[str, list[str]] = {}
    for path, value in zip(words[::3], words[2::3]):
        values.setdefault(path, []).append(value)
    return values
