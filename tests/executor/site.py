"""A service that is deployed as releases, and what is to be seen of it on the disk."""

from __future__ import annotations

import os
from typing import Any

from tasks.inventory.model import Service
from tests.executor.driver import UNHEALTHY, Deploy, Example
from tests.support.lab import git, stands_in
from tests.support.services import changed

Seen = dict[str, Any]


class Site:
    """An example service that is deployed as releases; its build says in `builds` that it ran."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.builds = example.work.parent / f"{example.name}-builds"
        self.service = example.with_(strategy="releases", build=(f"echo built >>{self.builds}", "cp source built"))
        self.directory = example.directory
        self.folder = example.directory / "releases"

    def write(self, source: str = "exec sleep 1000\n", **files: str) -> str:
        return self.example.write(source, **files)

    def deploy(self, **changes: Any) -> Deploy:
        return self.example.deploy(changed(self.service, **changes))

    def committed(self, *, revision: str = "main", options: dict[str, Any] | None = None,
                  **changes: Any) -> list[dict[str, Any]]:
        """Deploy that revision; returns the steps as they finished."""
        with self.deploy(**changes) as deploy:
            assert deploy.commit(revision, **(options or {}))["event"] == "committed"
            return [message for message in deploy.executor.heard if message["event"] == "step_finished"]

    def go_back_to(self, commit: str, **changes: Any) -> list[dict[str, Any]]:
        return self.committed(revision=commit, **changes)

    def built(self) -> int:
        return len(self.builds.read_text().splitlines()) if self.builds.exists() else 0

    def current(self) -> str | None:
        link = self.directory / "current"
        return os.readlink(link).removeprefix("releases/") if link.is_symlink() else None

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    def stands_in(self) -> str:
        """The release that the running process stands in; the directory itself when it is in none."""
        return stands_in(self.example.info()["pid"]).name

    def seen(self) -> Seen:
        """The state that an undo must bring back; `.git` knows of no other worktree, either."""
        files = {str(path.relative_to(self.directory)): path.read_bytes() if path.is_file() else os.readlink(path)
                 for path in sorted(self.directory.rglob("*")) if (path.is_file() or path.is_symlink())
                 and not {".git", "logs"} & set(path.relative_to(self.directory).parts)}
        clone = (self.directory / ".git").exists()
        file = self.example.program_file
        return {"files": files, "current": self.current(), "state": self.state(), "marks": self.marks(),
                "worktrees": git(self.directory, "worktree", "list") if clone else None,
                "stashes": git(self.directory, "stash", "list") if clone else None,
                "program": file.read_text() if file.exists() else None,
                "leftovers": self.example.host.leftovers()}

    def state(self) -> str:
        groups = [one["group"] for one in self.example.host.rpc.getAllProcessInfo()]
        return str(self.example.info()["statename"]) if self.example.name in groups else "absent"

    def marks(self) -> list[str]:
        folder = self.example.state / "releases"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def facts(self, **changes: Any) -> Any:
        with self.deploy(**changes) as deploy:
            return deploy.look().facts[self.example.name]


def failing(site: Site, step: str) -> Service:
    site.write("exit 1\n" if step == "verify" else "exec sleep 1000\n")
    return {"build": changed(site.service, build=(*site.service.build, "exit 7")),
            "verify": changed(site.service, program={"startsecs": "1"}),
            "program": changed(site.service, program={"stdout_logfile": "/no/such/folder/log"}),
            "health": changed(site.service, health=UNHEALTHY)}[step]
