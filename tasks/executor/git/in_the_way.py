"""The files of no commit that lie where a commit has something: git would overwrite them, or refuse the checkout."""

from __future__ import annotations

import os
import stat
from typing import Iterable, Iterator, NamedTuple

from . import index
from .command import Git
from .submodules import Submodule, gone, replaced
from .tree_paths import is_file, is_folder, is_repository, present

AT_ONCE = 1000                      # paths in the arguments of a command


class InTheWay(NamedTuple):
    """Paths in the clone. `ignored`: a build left them, or we; they give way. `untracked`: a person left them.
    `fixed`: git can stash none of them, be they repositories, what lies in one, or sockets and pipes."""

    ignored: list[str]
    untracked: list[str]
    fixed: list[str]


def in_the_way(git: Git, commit: str, tracked: Iterable[str] = ()) -> InTheWay:
    """What is in the way of a checkout of the commit, which is here; and what is in the place of these `tracked` paths.
    Submodules that it no longer has give way with all that is in them."""
    departing = gone(git, commit)
    places = [place for place in present(git.directory, [*added(git, commit), *tracked])
              if not any(f"{place}/".startswith(f"{submodule.path}/") for submodule in departing)]
    parts = [_others(git, places), *map(_of_submodule, departing), _in_place_of_submodules(git, commit)]
    return InTheWay(*([path for part in parts for path in part[kind]] for kind in range(3)))


def added(git: Git, commit: str) -> list[str]:
    """The paths of the commit that the index has not."""
    return [change.path for change in index.changes(git, commit) if change.kind == "D"]


def missing(git: Git) -> list[str]:
    """The tracked paths at which no file is, but perhaps a folder, a repository or a pipe; or something else is in the
    place of their folders."""
    words = git.paths("diff-files", "--raw", "--ignore-submodules=all", "-z")
    return [path for about, path in zip(words[::2], words[1::2])
            if about.endswith("D") or not is_file(git.directory, path)]


def replacements(git: Git) -> InTheWay:
    """What lies in the place of tracked files, or of their folders."""
    return _others(git, present(git.directory, missing(git)))


def _of_submodule(submodule: Submodule) -> InTheWay:
    lists = _others(submodule.git, ["."])
    return InTheWay(*([os.path.join(submodule.path, path) for path in paths] for paths in lists))


def _in_place_of_submodules(git: Git, commit: str) -> InTheWay:
    paths = list(_files_in(git.directory, replaced(git, commit)))
    fixed = special(git, paths)
    return InTheWay([], [path for path in paths if path not in fixed], fixed)


def _others(git: Git, places: list[str]) -> InTheWay:
    if not places:
        return InTheWay([], [], [])
    every = others(git, places)
    fixed = list(dict.fromkeys([
        *(path for path in every if path.endswith("/")), *_unknown(git, {*places} - {*every}),
        *_repositories(git, places), *special(git, [*places, *_files_in(git.directory, places)])]))
    untracked = [path for path in others(git, places, "--exclude-standard") if path not in fixed]
    return InTheWay(sorted({*every} - {*untracked, *fixed}), untracked, fixed)


def _repositories(git: Git, places: list[str]) -> list[str]:
    """git says nothing of one in the place of a file that it tracks."""
    return [f"{place}/" for place in places if place != "." and is_repository(git.directory, place)]


def _unknown(git: Git, places: set[str]) -> list[str]:
    """Those that git neither tracks nor calls untracked: in a repository of their own, or no file that it knows."""
    files = sorted(place for place in places if not is_folder(git.directory, place))
    tracked = {*git.paths("ls-files", "-z")} if files else set()
    return [path for path in files if path not in tracked]


def _files_in(directory: str, places: list[str]) -> Iterator[str]:
    """All that is no folder in those of the places that are one."""
    for place in places:
        for folder, folders, names in os.walk(os.path.join(directory, place)) if is_folder(directory, place) else ():
            folders[:] = [name for name in folders if name != ".git"]
            links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
            yield from (os.path.relpath(os.path.join(folder, name), directory) for name in [*names, *links])


def special(git: Git, paths: Iterable[str]) -> list[str]:
    """The pipes, sockets and devices in the place of these tracked paths, or of their folders."""
    modes = {place: os.lstat(os.path.join(git.directory, place)).st_mode for place in present(git.directory, paths)}
    return [place for place, mode in modes.items()
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))]


def others(git: Git, places: list[str], *options: str) -> list[str]:
    """The files of no commit at these places, or in these folders."""
    parts = (places[start:start + AT_ONCE] for start in range(0, len(places), AT_ONCE))
    return [path for part in parts
            for path in git.paths("--literal-pathspecs", "ls-files", "--others", "-z", *options, "--", *part)]
