"""The modes and owners of files that go into git's stash: git itself keeps no more than whether a file can be run."""

from __future__ import annotations

import json
import os
import stat
from typing import Iterable

from .command import Git

NOTES = "refs/fabvisor/modes/"


def note(git: Git, label: str, paths: Iterable[str]) -> None:
    """Keep those of the regular files among the paths, under the label of the stash."""
    notes = {}
    for path in paths:
        full = os.path.join(git.directory, path)
        if os.path.isfile(full) and not os.path.islink(full):
            status = os.stat(full)
            notes[path] = [stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid]
    if notes:
        blob = git.run("hash-object", "-w", "--stdin", given=json.dumps(notes).encode())[0]
        git.run("update-ref", _name(label), blob)


def put_back(git: Git, label: str) -> None:
    """Give the files their modes again, and their owners where the user may. A second time changes nothing."""
    if git.hash_of(_name(label)) is None:
        return
    for path, (mode, *owners) in json.loads(git.run("cat-file", "blob", _name(label))[0]).items():
        full = os.path.join(git.directory, path)
        if os.path.isfile(full) and not os.path.islink(full):
            _change_owners(full, *owners)
            os.chmod(full, mode)
    git.run("update-ref", "-d", _name(label))


def _change_owners(full: str, *owners: int) -> None:
    status = os.stat(full)
    if owners != (status.st_uid, status.st_gid):
        try:
            os.chown(full, *owners)
        except OSError:                 # only root can give a file away: its content is what counts
            pass


def _name(label: str) -> str:
    return NOTES + label.replace(", ", "-").replace(" ", "-")
