"""Reads what a working tree stands on, and which of its tracked files differ from the commit, by looking at them."""

from __future__ import annotations

import os
from typing import Iterator, Mapping, NamedTuple

from ..digests import sha256
from ..disk import files
from ..disk.containment import is_inside
from . import index
from .command import Git
from .tree_paths import is_repository, path_of, printable

GITLINK = "160000"                  # the mode of a submodule
PLAIN = "N..."                      # of an entry that is no submodule
DELETED, FOLDER = "deleted", "folder"


class State(NamedTuple):
    """The commit and the edits of a clone. `branch`: the one that HEAD is attached to. `edits`: the tracked files that
    differ from the commit, as lines of `git status --short`, each with a digest of the file or None. `inside`: what
    differs in a submodule, by its line."""

    commit: str | None
    branch: str | None
    edits: dict[str, str | None]
    inside: Mapping[str, str] = {}

    def describe(self, line: str) -> str:
        """The line of an edit for people: that of a submodule with what is edited in it."""
        return printable(f"{line} ({self.inside[line]})" if self.inside.get(line) else line)


class Entry(NamedTuple):
    """A tracked path that differs. `flags`: XY as people know them; `submodule`, the modes and `blob` as in
    `git status --porcelain=2`."""

    flags: str
    submodule: str
    index_mode: str
    mode: str
    blob: str
    path: str

    @property
    def line(self) -> str:
        return f"{self.flags} {self.path}"


def read(git: Git) -> State:
    """The state of a clone, by one `git status`, and by the index for what status overlooks."""
    headers: dict[str, str] = {}
    entries: list[Entry] = []
    for line in _status(git, "--branch"):
        if line.startswith("# "):
            name, _, value = line[2:].partition(" ")
            headers[name] = value
        else:
            entries.append(_entry(line))
    entries = [entry for entry in entries if not _is_as_written(git, entry)] + list(overlooked(git))
    commit = headers.get("branch.oid")
    branch = headers.get("branch.head")
    return State(None if commit == "(initial)" else commit, None if branch == "(detached)" else branch,
                 {entry.line: _digest(git, entry) for entry in entries},
                 {entry.line: _differences(git, entry) for entry in entries if entry.submodule != PLAIN})


def modified_as_written(git: Git) -> list[str]:
    """The files that git calls modified, though it writes them so itself."""
    entries = map(_entry, _status(git))
    return [entry.path for entry in entries if entry.submodule == PLAIN and _is_as_written(git, entry)]


def _status(git: Git, *options: str) -> list[str]:
    return git.paths("status", "--porcelain=2", "-z", *options, "--untracked-files=no", "--ignore-submodules=untracked")


def overlooked(git: Git) -> Iterator[Entry]:
    """Edited files that git was told to overlook (assume-unchanged, skip-worktree).

    What is missing may be sparse, and a link that leads out of the tree is a shared path of a release.
    """
    for line in index.listing(git):
        if line[2:].startswith(GITLINK):
            path = line.partition("\t")[2]
            if is_repository(git.directory, path) and any(overlooked(git.inside(path))):
                yield Entry(" M", "S.M.", GITLINK, GITLINK, line.split()[2], path)
        elif index.is_overlooked(line):
            fields, _, path = line.partition("\t")
            _, mode, blob, _ = fields.split()
            full = os.path.join(git.directory, path)
            entry = Entry(" M", PLAIN, mode, mode, blob, path)
            if (os.path.lexists(full) and is_inside(full, git.directory) and not _holds(git, path, full, blob)
                    and not _is_as_written(git, entry)):
                yield entry


def take_as_is(git: Git, commit: str) -> None:
    """Let the index have what the commit has of each edited path that already holds it: git need not write it then."""
    for line in read(git).edits:
        path = path_of(line)
        fields = (git.first_line("--literal-pathspecs", "ls-tree", commit, "--", path) or "").partition("\t")[0].split()
        if len(fields) == 3 and _holds(git, path, os.path.join(git.directory, path), fields[2]):
            git.run("update-index", "--add", "--cacheinfo", f"{fields[0]},{fields[2]},{path}")
    git.first_line("update-index", "-q", "--refresh")


def _entry(line: str) -> Entry:
    fields = line.split(" ")
    path = line.split(" ", {"2": 9, "u": 10}.get(fields[0], 8))[-1]
    blob = fields[8] if fields[0] == "u" else fields[7]
    return Entry(fields[1].replace(".", " "), fields[2], fields[4], fields[5], blob, path)


def _is_as_written(git: Git, entry: Entry) -> bool:
    """Whether git itself writes the file as it is: some it calls modified for ever (CRLF under `eol=lf`)."""
    full = os.path.join(git.directory, entry.path)
    if entry.flags == " M" and entry.submodule != PLAIN and is_repository(git.directory, entry.path):
        within = read(git.inside(entry.path))
        return within.commit == entry.blob and not within.edits
    return (entry.flags == " M" and entry.submodule == PLAIN and entry.index_mode == entry.mode
            and os.path.isfile(full) and not os.path.islink(full)
            and files.digest(full) == git.digest("cat-file", "--filters", "--path=" + entry.path, entry.blob))


def _holds(git: Git, path: str, full: str, blob: str) -> bool:
    """Whether the blob is what lies at the path, as git would add it."""
    if os.path.islink(full):
        return git.digest("cat-file", "blob", blob) == sha256(os.fsencode(os.readlink(full)))
    return os.path.isfile(full) and git.first_line("hash-object", "--path", path, "--", full) == blob


def _differences(git: Git, entry: Entry) -> str:
    """The edits in a submodule, and the commit that it is at in place of ours."""
    if not is_repository(git.directory, entry.path):
        return "its folder"
    within = read(git.inside(entry.path))
    other = [] if within.commit == entry.blob else [f"commit {(within.commit or 'none')[:8]}"]
    return ", ".join([*(within.describe(line)[3:] for line in within.edits), *other])


def _digest(git: Git, entry: Entry) -> str | None:
    """The digest of an edited file; None for what cannot be read: no two of those are equal."""
    full = os.path.join(git.directory, entry.path)
    if entry.submodule != PLAIN and is_repository(git.directory, entry.path):
        within = read(git.inside(entry.path))
        return sha256(repr((within.commit, sorted(within.edits.items()))).encode())
    if not os.path.lexists(full):
        return DELETED
    return _digest_of(full, "" if entry.mode in (entry.index_mode, "000000") else " " + entry.mode)


def _digest_of(path: str, mode: str) -> str | None:
    if os.path.islink(path):
        return "link to " + os.readlink(path)
    if os.path.isdir(path):
        return FOLDER
    if not os.path.isfile(path):
        return None
    return (files.digest(path) or "") + mode
