"""A clone on a host, for the steps of `in_place`, without an executor around them."""

from __future__ import annotations

import os
import subprocess
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.git import Clone
from tasks.executor.layout import Layout
from tasks.executor.service.context import ServiceContext
from tasks.executor.steps import Step, in_place
from tests.support.lab import git

NAME = "it's a clone"                 # a remedy has to quote it
LOGIN = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER")
DEPLOY = "20260101-000000-000001"


def clone_of(repo: str | Path, folder: str | Path, **variables: str) -> Clone:
    """A clone of that repository in the folder; git gets the environment of the test, and these variables. Nothing is
    made yet."""
    return Clone(str(folder), str(repo), {**os.environ, **variables}, lambda: None)


class Place:
    """A clone on a host, of a repository that the test changes."""

    def __init__(self, folder: Path, work: Path) -> None:
        layout = Layout({"root": str(folder), "supervisord_conf": "s.conf", "program_dir": "conf.d"})
        folder.mkdir(exist_ok=True)
        layout.prepare()
        os.makedirs(layout.service_state("a"), exist_ok=True)
        self.layout = layout
        self.folder = folder / NAME
        self.moved_to(work)
        self.was: str | None = None
        self.branch: str | None = None

    def moved_to(self, work: Path, repo: str = "") -> None:
        """As hosts.yaml says it now."""
        self.work = work
        service: dict[str, Any] = {"name": "a", "directory": NAME, "repo": repo or str(work)}
        self.ctx = ServiceContext(self.layout, service, login_environment(), DEPLOY)

    def commit(self, command: str = "") -> str:
        """Run it in the repository, and commit all."""
        subprocess.run(command, shell=True, cwd=self.work, check=True)
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--allow-empty", "--message", command or "change")
        return commit(self.work, "HEAD")

    def forward(self, to: str, set_aside: bool = False, limit: AbstractContextManager[None] | None = None) -> None:
        """`limit`: of the checkout alone."""
        if not self.ctx.clone.exists():
            self.ctx.clone.create()
        self.ctx.clone.follow_origin()
        self.ctx.clone.remote.fetch(quiet)
        state = self.ctx.clone.state()
        self.was, self.branch = state.commit, state.branch
        step = Step({"commit": to, "set_aside": set_aside, "carried": False, "replaces": False}, quiet)
        step = step._replace(results=in_place.refuse(self.ctx, step))
        with limit or nullcontext():
            in_place.checkout(self.ctx, step)

    def back(self, set_aside: bool = False, times: int = 2) -> None:
        """Twice: an undo may run again."""
        for _ in range(times):
            in_place.checkout_back(self.ctx, Step(
                {"commit": self.was, "branch": self.branch, "set_aside": set_aside}, quiet))

    def run(self, command: str) -> None:
        subprocess.run(command, shell=True, cwd=self.folder, check=True)

    def snapshot_of_files(self) -> dict[str, bytes]:
        """By path, outside of git directories; a link with where it leads."""
        return {str(path.relative_to(self.folder)): os.fsencode(path.readlink()) if path.is_symlink()
                else path.read_bytes() for path in sorted(self.folder.rglob("*"))
                if (path.is_file() or path.is_symlink()) and ".git" not in path.parts}

    def snapshot(self) -> dict[str, Any]:
        modules = [path.parent for path in sorted(self.folder.rglob(".git"))]
        questions = (("rev-parse", "HEAD"), ("branch", "--show-current"), ("stash", "list"))
        return {"files": self.snapshot_of_files(), "state": self.ctx.clone.state(),
                "heads": {str(path): [git(path, *question) for question in questions] for path in modules}}


def login_environment() -> dict[str, str]:
    """Of the caller's environment what a login has: each variable more costs each git a little."""
    return {name: value for name, value in os.environ.items() if name in LOGIN or name.startswith("GIT_")}


def next_commit(place: Place, *also: str) -> str:
    """Of the superproject, which has a new file where `also` has ".", and of both submodules."""
    for path in ("part/inner", "part"):
        folder = place.work / path
        (folder / "file").write_text(f"{path} 2\n")
        git(folder, "commit", "--quiet", "--all", "--message", "two")
        git(folder, "push", "--quiet", "origin", "HEAD:refs/heads/two")
    return place.commit("echo . 2 > file" if "." in also else "")


def short(cases: dict[str, Any], *names: str) -> list[Any]:
    """The cases as parameters; others than those of these names run in the long lane only."""
    return [pytest.param(case, id=name, marks=() if name in names else pytest.mark.long)
            for name, case in cases.items()]


def commit(work: Path, name: str) -> str:
    return git(work, "rev-parse", f"{name}^{{commit}}")


def quiet(line: str) -> None:
    pass
