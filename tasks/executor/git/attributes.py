"""Files that a commit leaves as they are, but whose attributes it changes (`eol`, `ident`, an encoding).

git compares content only: a checkout would leave them written in the old way.
"""

from __future__ import annotations

from typing import Iterable

from .command import Git

FILES = ":(glob)**/.gitattributes"
# Of those in gitattributes(5), the ones that decide what is written.
NAMES = ("text", "crlf", "eol", "ident", "working-tree-encoding", "filter")


def forget_changed(git: Git, commit: str) -> bool:
    """Let git take such files for changed, so that a forced checkout writes them; returns whether there are any.

    Between HEAD and the commit, whichever of them the checkout goes to.
    """
    if not git.first_line("diff-tree", "-r", "--name-only", "HEAD", commit, "--", FILES):
        return False
    changed = set(git.paths("diff-tree", "-r", "--name-only", "--no-renames", "-z", "HEAD", commit))
    lines = [line for line in git.paths("ls-files", "--stage", "-z") if line.startswith("100")]
    same = {line.partition("\t")[2]: line for line in lines if line.partition("\t")[2] not in changed}
    before, after = (_attributes(git, each, same) for each in ("HEAD", commit))
    # Without what the index knows of the file on the disk.
    other = "".join(line + "\0" for path, line in same.items() if before[path] != after[path])
    if other:
        git.run("update-index", "-z", "--index-info", given=other.encode("utf-8", "surrogateescape"))
    return bool(other)


def _attributes(git: Git, commit: str, paths: Iterable[str]) -> dict[str, list[str]]:
    """The values of NAMES in the commit, by path."""
    given = "".join(path + "\0" for path in paths).encode("utf-8", "surrogateescape")
    with git.scratch_index() as index:
        index.run("read-tree", commit)
        words = index.paths("check-attr", "--cached", "--stdin", "-z", *NAMES, given=given)
    values: dict[str, list[str]] = {}
    for path, value in zip(words[::3], words[2::3]):
        values.setdefault(path, []).append(value)
    return values
