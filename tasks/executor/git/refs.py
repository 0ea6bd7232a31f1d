"""References of a clone. Names may clash: git can hold `release` or `release/1.0`, never both."""

from __future__ import annotations

import os
from typing import Callable, Iterable, Mapping, Sequence

from ..disk import files
from .command import Git
from .object_format import FULL


def remove_clashes(git: Git, names: Iterable[str], folder: str) -> None:
    """Remove the references in `folder` ("refs/tags/") that no reference of these full names can stand beside."""
    _delete(git, _clashes(set(read(git, folder)), set(names)))


def copy_all(git: Git, every: Mapping[str, str], source: str, target: str) -> None:
    """Let each reference in the folder `source` have its like in `target`; what clashes with one there gives way.
    `every`: by name those of both folders, at least.

    Other references in `target` stay: a person made them.
    """
    present = {name: commit for name, commit in every.items() if name.startswith(target)}
    copies = {target + name[len(source):]: commit for name, commit in every.items() if name.startswith(source)}
    changed = {name: commit for name, commit in copies.items() if present.get(name) != commit}
    _delete(git, _clashes(set(present), set(changed)))
    _update(git, [f"update {name} {commit}" for name, commit in sorted(changed.items())])


def keep_only(git: Git, folder: str, is_kept: Callable[[str], bool]) -> None:
    """Remove the references in `folder` but for those whose names, without the folder, are to be kept."""
    _delete(git, [name for name in read(git, folder) if not is_kept(name[len(folder):])])


def remove(git: Git, folders: Iterable[str], is_done: Callable[[str], bool]) -> None:
    """Remove the references in the folders whose full names are done with."""
    _delete(git, filter(is_done, read(git, *folders)))


def read(git: Git, *folders: str) -> Mapping[str, str]:
    """The object of each reference, by its full name. git is asked where it keeps them otherwise than each in a file,
    or many in one."""
    common = git.common_dir()
    loose = _loose(common, folders)         # first: `git gc` removes a file when the packed ones have its reference
    found = None if os.path.exists(os.path.join(common, "reftable")) else {**_packed(common, folders), **loose}
    if found is None or not all(map(FULL.fullmatch, found.values())):       # one that names another, or a broken one
        lines = git.run("for-each-ref", "--format=%(refname) %(objectname)", *folders)
        return dict(line.rsplit(" ", 1) for line in lines)
    return found


def _packed(common: str, folders: Sequence[str]) -> dict[str, str]:
    lines = files.read_text(os.path.join(common, "packed-refs")).split("\n")
    pairs = (line.partition(" ") for line in lines if not line.startswith(("#", "^")))      # ^: what a tag is of
    return {name: named for named, _, name in pairs if name.startswith(tuple(folders))}


def _loose(common: str, folders: Sequence[str]) -> dict[str, str]:
    """git passes over locks, and over names with a dot in front, such as NFS gives to a removed file that is open."""
    above = os.path.join(common, "")
    paths = (os.path.join(folder, name) for each in folders for folder, _, names in os.walk(above + each)
             for name in names if not (name.startswith(".") or name.endswith(".lock")))
    return {path[len(above):]: files.read_text(path).rstrip("\n") for path in paths}


def _clashes(present: set[str], names: set[str]) -> set[str]:
    above = {parent for name in names for parent in _parents(name)}
    return {name for name in present - names if name in above or not names.isdisjoint(_parents(name))}


def _parents(name: str) -> Iterable[str]:
    parts = name.split("/")
    return ("/".join(parts[:count]) for count in range(3, len(parts)))


def _delete(git: Git, names: Iterable[str]) -> None:
    _update(git, [f"delete {name}" for name in sorted(names)])


def _update(git: Git, commands: list[str]) -> None:
    """Change references in one transaction; git refuses one that removes `release` and makes `release/1.0`."""
    if commands:
        git.feed(["\n".join([*commands, ""]).encode("utf-8", "surrogateescape")], "update-ref", "--no-deref", "--stdin")
