"""The filters that files of a commit pass through on their way to the disk, as those of git-lfs and git-crypt.

Where a filter is not set up, git writes what is stored (a pointer, a cipher) and says nothing.
"""

from __future__ import annotations

import os
import re
from typing import Sequence

from ..errors import HostError, NotReady
from ..quoting import for_sh
from ..system import shell
from ..system.accounts import login_name
from . import index
from .command import QUICK, Git
from .tree_paths import named

UNSET = ("unspecified", "unset", "set")
# The program behind a filter, and how a user sets it up.
PROGRAMS = {"lfs": "git-lfs", "git-crypt": "git-crypt"}
# The first bytes of what is stored in place of the content.
STORED = {"lfs": b"version https://git-lfs.github.com/spec/", "git-crypt": b"\0GITCRYPT\0"}
LEFT = {"lfs": "git lfs install --force", "git-crypt": "git-crypt unlock KEYFILE, in the clone"}
FAILED = "external filter '.*' failed"
PLAIN_NAME = r"""(["']?)([\w-]+)\1(?:\s|$)"""
NAMED = 5                           # paths in a message
ATTRIBUTES = ":(glob)**/.gitattributes"


def require(git: Git, commit: str) -> None:
    """Raise NotReady unless each filter that a file of the commit needs is set up, and its program is there."""
    if not _names_filter(git, commit):
        return
    with git.scratch_index() as scratch:
        scratch.run("read-tree", commit)
        for name, paths in sorted(_filtered(scratch).items()):
            _require(git, name, paths)


def refuse_unfiltered(git: Git, commit: str, words: Sequence[str]) -> None:
    """Raise HostError where files of the commit were checked out, but did not pass their filter. `words`: what git
    said; it goes on where a filter fails that is not `required`."""
    if any(re.search(FAILED, line) for line in words):
        raise HostError(f"a filter of git failed: {'; '.join(words[:NAMED])}",
                        f"see on the host which it is: git -C {for_sh(git.directory)} config --get-regexp filter")
    if not _names_filter(git, commit):
        return
    for name, paths in _filtered(git).items():
        stored = [path for path in paths if _begins_with(os.path.join(git.directory, path), STORED.get(name))]
        if stored:
            raise NotReady(f"the filter {name} left what is stored in place of the files: {named(stored, NAMED)}",
                           f"type on the host: {LEFT[name]}")


def _names_filter(git: Git, commit: str) -> bool:
    """Whether the attributes in the commit name one."""
    asked = ("grep", "--quiet", "-e", "filter=", commit, "--", ATTRIBUTES)
    if asked not in git.answers:
        git.answers[asked] = index.may_have(git, commit, _is_attributes) and git.succeeds(*asked)
    return bool(git.answers[asked])


def _is_attributes(path: str) -> bool:
    return os.path.basename(path) == ".gitattributes"


def _filtered(git: Git) -> dict[str, list[str]]:
    """The paths in the index that pass each filter, by its name."""
    paths = "".join(path + "\n" for path in git.run("-c", "core.quotePath=true", "ls-files")).encode()
    filtered: dict[str, list[str]] = {}
    for line in git.run("check-attr", "--cached", "--stdin", "filter", given=paths):
        path, name = line.rsplit(": filter: ", 1)
        if name not in UNSET:
            filtered.setdefault(name, []).append(path)
    return filtered


def _require(git: Git, name: str, paths: list[str]) -> None:
    names = named(paths, NAMED)
    program = PROGRAMS.get(name)
    commands = [git.first_line("config", f"filter.{name}.{kind}") for kind in ("process", "smudge", "clean")]
    if program and not _is_installed(git, program):
        raise NotReady(f"the repository needs {program}, which is not installed; needed by {names}",
                       f"install {program} on the host, then type there: {_setup(git, name)}")
    if not any(commands):
        raise NotReady(f"the filter {name} is not set up for {login_name()}; needed by {names}",
                       f"type on the host: {_setup(git, name)}")
    missing = _missing_program(git, commands[0] or commands[1] or "")
    if missing:
        raise NotReady(f"the filter {name} runs {missing}, which is not installed (or not in PATH); needed by {names}",
                       f"install {missing} on the host, or extend PATH in ~/.profile there")


def _setup(git: Git, name: str) -> str:
    """The command by which a user sets up a filter on the host."""
    if name == "lfs":
        return "git lfs install"
    if name == "git-crypt":
        # A clone that this deploy made goes with it.
        lasts = git.hash_of("HEAD") is not None
        here = for_sh(git.directory)
        clone = "" if lasts else f"git clone {for_sh(git.repo)} {here}; "
        return f"{clone}cd {here} && git-crypt unlock KEYFILE"
    return f"git config --global {for_sh(f'filter.{name}.smudge')} COMMAND"


def _missing_program(git: Git, command: str) -> str | None:
    """The program that the command begins with, where it is a plain name and not installed."""
    name = re.match(PLAIN_NAME, command)
    return name.group(2) if name and not _is_installed(git, name.group(2)) else None


def _is_installed(git: Git, program: str) -> bool:
    """A program or a command of the shell, which runs filters; git looks in its own folder, too."""
    path = os.pathsep.join([git.first_line("--exec-path") or "", git.env.get("PATH", os.defpath)])
    try:
        shell.run(["/bin/sh", "-c", 'command -v "$0"', program], cwd=git.directory, env={**git.env, "PATH": path},
                  timeout=QUICK, check=git.check)
        return True
    except shell.CommandFailed:
        return False


def _begins_with(path: str, start: bytes | None) -> bool:
    if start is None or os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(start)) == start
