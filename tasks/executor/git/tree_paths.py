"""Paths of a working tree, as they lie on the disk."""

from __future__ import annotations

import os
from typing import Iterable, Sequence

NAMED = 20                          # paths in a message, where it does not say how many


def present(directory: str, paths: Iterable[str]) -> list[str]:
    """Of each path that is there, or that a file stands in the place of one of its folders, what stands there."""
    checked: dict[str, str | None] = {"": None}          # by folder: what stands in its place
    places = set()
    for path in paths:
        place = _blocked(directory, os.path.dirname(path), checked)
        if place is None and os.path.lexists(os.path.join(directory, path)):
            place = path
        if place:
            places.add(place)
    return sorted(places)


def path_of(edit: str) -> str:
    """The path of an edit, which is a line of `git status --short`."""
    return edit[3:]


def is_repository(directory: str, path: str) -> bool:
    """Whether a repository lies there, such as a submodule that is set up: it has a `.git` of its own."""
    return os.path.lexists(os.path.join(directory, path, ".git"))


def is_folder(directory: str, path: str) -> bool:
    """Whether a folder lies there; a link to one is none."""
    full = os.path.join(directory, path)
    return os.path.isdir(full) and not os.path.islink(full)


def is_file(directory: str, path: str) -> bool:
    """Whether a file lies there, or a link."""
    full = os.path.join(directory, path)
    return os.path.islink(full) or os.path.isfile(full)


def remove_empty(directory: str, folder: str) -> None:
    """Remove a folder below the directory, and those above it, where nothing is in them."""
    while folder and not os.listdir(os.path.join(directory, folder)):
        os.rmdir(os.path.join(directory, folder))
        folder = os.path.dirname(folder)


def named(paths: Sequence[str], most: int = NAMED) -> str:
    """The first `most` of the paths, for people; no character of a name breaks a line."""
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(map(printable, paths[:most])) + more


def null_ended(paths: Iterable[str]) -> bytes:
    """As git reads paths with -z, whatever is in their names."""
    return "".join(path + "\0" for path in paths).encode("utf-8", "surrogateescape")


def printable(path: str) -> str:
    """A path on one line: other characters, and bytes that are no UTF-8, as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)


def _blocked(directory: str, folder: str, checked: dict[str, str | None]) -> str | None:
    if folder not in checked:
        is_other = os.path.lexists(os.path.join(directory, folder)) and not is_folder(directory, folder)
        checked[folder] = _blocked(directory, os.path.dirname(folder), checked) or (folder if is_other else None)
    return checked[folder]
