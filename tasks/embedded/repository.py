"""The sandbox's git repository: the example service, in two commits, so that there is a way back."""

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
    """The bare repository and a clone to work in, each where it is missing; renamed into place when whole."""
    bare, clone = state / "git" / "monitor.git", state / "monitor"
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
    """With the dates given, the commits have the same names on every machine."""
    _git(work, "add", "--all")
    _git(work, *AUTHOR, "commit", "-q", "-m", message, date=date)


def _into_place(state: Path, source: Path, target: Path, *options: str) -> None:
    aside = _empty(state / ".clone")
    _git(state, "clone", "-q", *options, str(source), str(aside))
    if not options:
        # So that a first commit works on a machine where git does not know its user yet.
        _git(aside, "config", "user.name", "Sandbox")
        _git(aside, "config", "user.email", "sandbox@localhost")
    aside.rename(target)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _git(folder: Path, *arguments: str, date: str = "") -> None:
    """Away from the caller's settings: he may sign commits, have hooks, or call from a hook of another repository."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment.update(HOME=str(folder), GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull, LC_ALL="C",
                       XDG_CONFIG_HOME=str(folder), GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"the sandbox's repository could not be made: {done.stdout.strip()}", f"git {arguments[0]}")
