"""Makes the sandbox's git repository: the example service in two commits, so that there is a version to go back to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from .._errors import Failed, NotReady

SOURCE = Path(__file__).parent / "example" / "monitor"
AUTHOR = ("-c", "user.name=Sandbox", "-c", "user.email=sandbox@localhost")


def check_git() -> None:
    if shutil.which("git") is None:
        raise NotReady("the sandbox needs git, and this machine has none", "apt-get install git")


def make(state: Path) -> None:
    """Make the bare repository and a clone to work in, unless they are there; renamed into place when complete."""
    bare = state / "git" / "monitor.git"
    clone = state / "monitor"
    if not bare.exists():
        bare.parent.mkdir(exist_ok=True)
        aside = _empty(state / ".work")
        _commit_example(aside)
        _into_place(state, aside, bare, "--bare")
        shutil.rmtree(aside)
    if not clone.exists():
        _into_place(state, bare, clone)


def _commit_example(work: Path) -> None:
    shutil.copytree(SOURCE, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("monitor", "__pycache__"))
    _git(work, "init", "-q")
    _git(work, "symbolic-ref", "HEAD", "refs/heads/main")
    _commit(work, "A monitor that answers", "2026-01-05T09:00:00Z")
    (work / "VERSION").write_text("2\n")
    _commit(work, "Version 2", "2026-01-06T09:00:00Z")


def _commit(work: Path, message: str, date: str) -> None:
    """The dates are fixed: the commits have the same hashes on every machine."""
    _git(work, "add", "--all")
    _git(work, *AUTHOR, "commit", "-q", "-m", message, date=date)


def _into_place(state: Path, source: Path, target: Path, *options: str) -> None:
    aside = _empty(state / ".clone")
    _git(state, "clone", "-q", *options, str(source), str(aside))
    if not options:
        # A first commit must work on a machine where git does not know its user yet.
        _git(aside, "config", "user.name", "Sandbox")
        _git(aside, "config", "user.email", "sandbox@localhost")
    aside.rename(target)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _git(folder: Path, *arguments: str, date: str = "") -> None:
    """Run git without the caller's settings: they may sign commits, run hooks, or name another repository."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment.update(HOME=str(folder), GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull, LC_ALL="C",
                       XDG_CONFIG_HOME=str(folder), GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"the sandbox's repository could not be made: {done.stdout.strip()}", f"git {arguments[0]}")
