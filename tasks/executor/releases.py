"""Releases on the disk: git worktrees of the clone below `releases/`, and `current`, the link to the one that runs.

A release is complete once a file in the state folder says so: there neither a build nor git sees it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import Any

from . import files, git, processes
from .errors import NotReady
from .layout import Layout

# The commit; with a number where that name was taken.
NAME = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?)(-[0-9]+)?")
PROGRAM_DIRECTORY = re.compile(rb"(?m)^directory\s*[=:]\s*(.*?)\s*$")


def commit_of(name: str) -> str:
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
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        return sorted(name for name in names if NAME.fullmatch(name))

    def tree(self, name: str) -> git.Worktree:
        return git.Worktree(os.path.join(self.folder, name), self._clone)

    def current(self) -> str | None:
        """The release that the link names, whether it is there or not."""
        try:
            target = os.readlink(self.link)
        except OSError:
            return None
        folder, name = os.path.split(os.path.join(self._clone.directory, target))
        return name if NAME.fullmatch(name) and files.is_same_path(folder, self.folder) else None

    def live(self) -> str | None:
        """The release that the program is to run in, by the link and the program file; None: in the clone itself."""
        file = None
        with contextlib.suppress(NotReady):         # sudo refuses us: the link says it as well, but for a new strategy
            file = self._layout.access.program_file(self._service)
        match = PROGRAM_DIRECTORY.search(file.data) if file else None
        directory = match.group(1).decode("utf-8", "surrogateescape").replace("%%", "%") if match else self.link
        return self.current() if self._leads_through_link(directory) else None

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

    def switch(self, name: str | None) -> bool:
        """Let the link name another release, in one move; None removes it. Returns whether it changed."""
        aside = os.path.join(self._clone.directory, ".current.new")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
        if name == self.current() and (name or not os.path.islink(self.link)):
            return False
        if name is None:
            files.remove(self.link)
            return True
        os.symlink(os.path.join("releases", name), aside)
        os.replace(aside, self.link)
        files.sync_dir(self._clone.directory)
        return True

    def complete(self, name: str, deploy: str, digest: str) -> None:
        files.ensure_dir(self._completions, 0o700)
        line = json.dumps({"deploy": deploy, "digest": digest}) + "\n"
        files.write_atomic(self._completion_file(name), line.encode())

    def completion(self, name: str) -> dict[str, Any]:
        """{deploy, digest} of a complete release: the deploy that built it, and the digest of its settings; else {}."""
        return next(files.read_lines(self._completion_file(name)), {})

    def remove(self, name: str) -> None:
        """The completion first: half a release is none."""
        files.remove(self._completion_file(name))
        self.tree(name).remove()
        with contextlib.suppress(OSError):
            os.rmdir(self.folder)

    def holding(self, path: str) -> str | None:
        """The release that the path lies in; None for any other path."""
        within = os.path.realpath(self.folder) + os.sep
        name = path[len(within):].partition(os.sep)[0].partition(" ")[0] if path.startswith(within) else ""
        return name if NAME.fullmatch(name) else None

    def in_use(self) -> set[str]:
        """The releases that a process runs in or was started from."""
        paths = processes.paths_in_use() if self.names() else []
        return {name for name in map(self.holding, paths) if name}

    def _completion_file(self, name: str) -> str:
        return os.path.join(self._completions, name + ".json")
