"""Commits that hold what was built on this machine: each stands on top of the commit that it was built from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from .._errors import Failed
from . import binaries, file_tree, made_commit
from .binaries import Binary
from .file_tree import Entry, Unfit
from .git import GitFailed
from .mirror import Mirror

SUFFIX = " + build"                     # of the subject, behind the source
KINDS = {"Program": True, "Library": False}


class Built(NamedTuple):
    """`source`: the commit that it was built from; `binaries`: for which machines its files are."""

    commit: str
    source: str
    binaries: tuple[Binary, ...]


def name_of(source: str, commands: Collection[str], variables: Mapping[str, str], ship: Collection[str]) -> str:
    """The name that keeps a build in the mirror: the source, and a digest of what makes two builds of it differ."""
    settings = json.dumps([list(commands), dict(variables), list(ship)], sort_keys=True)
    return f"{source}-{hashlib.sha256(settings.encode()).hexdigest()[:16]}"


def kept(mirror: Mirror, name: str) -> Built | None:
    """The build that was kept under this name."""
    commit = mirror.commits.full(made_commit.MADE + name)
    return read(mirror, commit) if commit and mirror.commits.has(commit) else None


def read(mirror: Mirror, commit: str) -> Built | None:
    """What a commit of this module says of its build; None for another commit."""
    try:
        author, parents, subject, body = mirror.commits.ask(
            "log", "-1", "--format=%an%x00%P%x00%s%x00%b", "--end-of-options", commit).split("\0")
    except (GitFailed, ValueError):
        return None
    if author != made_commit.NAME or subject != parents[:8] + SUFFIX or " " in parents:
        return None
    lines = [line.split(" ", 2) for line in body.splitlines()]
    return Built(commit, parents, tuple(Binary(line[1], KINDS[line[0].rstrip(":")], line[2]) for line in lines
                                        if len(line) == 3 and line[0].rstrip(":") in KINDS))


def make(mirror: Mirror, name: str, source: str, folder: Path, paths: Collection[str]) -> Built:
    """The commit of what a build made at these paths of a folder, on top of its source. Under the mirror's lock.

    Raises Failed: for a path where it made nothing, and where this machine's disk is full.
    """
    entries = [entry for path in paths for entry in _made_at(folder, path)]
    return add(mirror, name, source, folder, entries, paths)


def add(mirror: Mirror, name: str, source: str, folder: Path, entries: Collection[Entry],
        replaced: Collection[str]) -> Built:
    """The commit of these files on top of a source. Under the mirror's lock. Raises Failed."""
    try:
        made = binaries.binaries(folder, entries)
        kinds = {is_program: kind for kind, is_program in KINDS.items()}
        lines = [f"{kinds[binary.is_program]}: {binary.machine} {binary.path}" for binary in made]
        message = "\n".join([source[:8] + SUFFIX, "", *lines])
        date = int(mirror.commits.ask("log", "-1", "--format=%ct", "--end-of-options", source))
        commit = made_commit.make(mirror, name, folder, sorted(entries), message, base=source, replaced=replaced,
                                  date=date)
    except (GitFailed, OSError, Unfit) as error:
        raise made_commit.not_made(source[:8] + SUFFIX, error) from None
    return Built(commit, source, tuple(made))


def _made_at(folder: Path, path: str) -> list[Entry]:
    try:
        entries = file_tree.entries(folder, [path])
    except Unfit as error:
        raise Failed(f"the build made nothing that can be shipped: {error}", "correct `build` or `ship` in hosts.yaml"
                     ) from None
    if not entries:
        raise Failed(f"the build made no file in {path}, which `ship` names", "correct `build` or `ship` in hosts.yaml")
    return entries
