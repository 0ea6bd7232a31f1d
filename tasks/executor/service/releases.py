"""Releases on the disk: git worktrees of the clone below `releases/`, and `current`, the link to the one that runs.

A release is complete once a file in the state folder says so: there neither a build nor git sees it. Where another tool
deployed before, its releases lie there, too: one of them may be the version before.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import Any, Iterable

from .. import git
from ..disk import files, json_lines
from ..disk.containment import name_inside
from ..disk.placed_files import PlacedFiles
from ..errors import NotReady
from ..layout import Layout
from ..protocol import ASIDE, PlacedFileState
from ..state import program_owner
from ..supervisor.supervisord_conf import written
from ..system import processes
from .other_release import OtherRelease

# The commit; with a number where that name was taken.
NAME = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?)(-[0-9]+)?")
RECORD = ".files"                       # the ending of the record of its placed files


def is_ours(name: str) -> bool:
    return NAME.fullmatch(name) is not None


def commit_of(name: str) -> str:
    """Of a release of ours."""
    return name.partition("-")[0]


class Releases:
    """The releases of one service; `clone` is its service directory."""

    def __init__(self, layout: Layout, service: str, clone: git.Clone) -> None:
        self._layout = layout
        self._service = service
        self._completions = os.path.join(layout.service_state(service), "releases")
        self._clone = clone
        self.folder = os.path.join(clone.directory, "releases")
        self.link = os.path.join(clone.directory, "current")

    def names(self) -> list[str]:
        return [name for name in self._entries() if is_ours(name)]

    def others(self) -> list[str]:
        """The releases that another tool made. Without `current`, a folder of that name is none of theirs."""
        return [name for name in (self._entries() if self.target() else [])
                if not is_ours(name) and os.path.isdir(os.path.join(self.folder, name))]

    def tree(self, name: str) -> git.Worktree:
        kind = git.Worktree if is_ours(name) else OtherRelease
        return kind(os.path.join(self.folder, name), self._clone)

    def commit(self, name: str) -> str | None:
        return commit_of(name) if is_ours(name) else self.tree(name).head()

    def target(self) -> str | None:
        """What the link holds, whatever that is."""
        try:
            return os.readlink(self.link)
        except OSError:
            return None

    def current(self) -> str | None:
        """The release that the link names, whether it is there or not."""
        target = self.target()
        if target is None:
            return None
        folder, name = os.path.split(os.path.join(self._clone.directory, target.rstrip("/")))
        return name if files.is_same_path(folder, self.folder) else None

    def live(self) -> str | None:
        """The release that the program is to run in, by the link and the program file; None: in the clone itself."""
        return self.current() if self._leads_through_link(self.written_directory() or self.link) else None

    def written_directory(self) -> str | None:
        """Where the programs run, by the program file; None where that does not say it, or is another's."""
        with contextlib.suppress(NotReady):         # sudo refuses us: the link says it as well, but for a new strategy
            text = program_owner.own_text(self._layout, self._service)
            return written(text, "directory").replace("%%", "%") or None
        return None

    def _leads_through_link(self, directory: str) -> bool:
        """Whether the directory is `current`, or a folder below it (`subdirectory`)."""
        while directory not in ("", "/"):
            directory, name = os.path.split(directory)
            if name == "current" and files.is_same_path(directory, self._clone.directory):
                return True
        return False

    def live_tree(self) -> git.Clone:
        live = self.live()
        return self.tree(live) if live else self._clone

    def placed(self, name: str | None) -> PlacedFiles:
        """The files that lie in a release beside its commit; None: in the clone itself."""
        if name is None:
            return PlacedFiles(self._clone.directory, self._layout.placed_files(self._service))
        return PlacedFiles(self.tree(name).directory, os.path.join(self._completions, name + RECORD))

    def placed_states(self, name: str | None, named: Iterable[str]) -> dict[str, PlacedFileState]:
        """Of those in a release, or in the clone, by path."""
        tree = self.tree(name) if name else self._clone
        return self.placed(name).states(named, lambda path: tree.exists() and bool(tree.commits.kind("HEAD", path)))

    def switch(self, name: str | None) -> bool:
        """Let the link name another release, in one move; None removes it. Returns whether it changed."""
        if name == self.current() and (name or self.target() is None):
            self._clear_aside()
            return False
        if name is None:
            self._clear_aside()
            files.remove(self.link)
            return True
        # Capistrano compares the link with absolute paths, when it chooses what to delete.
        return self.point_to(os.path.join("releases" if is_ours(name) else self.folder, name))

    def point_to(self, target: str) -> bool:
        """Let the link hold this text, in one move. Returns whether it changed."""
        aside = self._clear_aside()
        if target == self.target():
            return False
        os.symlink(target, aside)
        os.replace(aside, self.link)
        files.sync_dir(self._clone.directory)
        return True

    def complete(self, name: str, deploy: str, digest: str) -> None:
        files.ensure_dir(self._completions, 0o700)
        line = json.dumps({"deploy": deploy, "digest": digest}) + "\n"
        files.write_atomic(self._completion_file(name), line.encode())

    def completion(self, name: str) -> dict[str, Any]:
        """{deploy, digest} of a complete release: the deploy that built it, and the digest of its settings; else {}."""
        return next(json_lines.read(self._completion_file(name)), {})

    def keep_records(self, name: str, folder: str) -> None:
        """Copy the records of a release of that name below another directory: hosts.yaml named that one before."""
        for path in self._records(name):
            data = files.read_bytes(path)
            if data is not None:
                files.ensure_dir(folder, 0o700)
                files.write_atomic(os.path.join(folder, os.path.basename(path)), data)

    def put_records_back(self, name: str, folder: str) -> None:
        for path in self._records(name):
            data = files.read_bytes(os.path.join(folder, os.path.basename(path)))
            if data is not None:
                files.write_atomic(path, data)

    def _records(self, name: str) -> list[str]:
        return [self._completion_file(name), self.placed(name).record_file]

    def remove(self, name: str) -> None:
        """The completion first: half a release is none."""
        files.remove(self._completion_file(name))
        self.tree(name).remove()
        files.remove(self.placed(name).record_file)
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)

    def holding(self, path: str) -> str | None:
        """The release that the path lies in; None for any other path."""
        return _release(os.path.realpath(self.folder), path)

    def in_use(self) -> set[str]:
        """The releases that a process runs in or was started from."""
        paths = processes.paths_in_use() if self.names() else []
        folder = os.path.realpath(self.folder)      # once: a host may have many processes
        return {name for name in (_release(folder, path) for path in paths) if name}

    def _entries(self) -> list[str]:
        return sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else []

    def _clear_aside(self) -> str:
        """The path of the link that takes the place of `current`; what an interrupted move left there goes."""
        aside = os.path.join(self._clone.directory, f".current{ASIDE}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
        return aside

    def _completion_file(self, name: str) -> str:
        return os.path.join(self._completions, name + ".json")


def _release(folder: str, path: str) -> str | None:
    """In which of the releases in `folder` the path lies."""
    return name_inside(path, folder).partition(" ")[0] or None         # behind a removed one stands " (deleted)"
