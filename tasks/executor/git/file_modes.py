"""What git's stash does not keep of the files that go into it: their modes, their owners, and whether git was told to
overlook them. Of a mode git keeps no more than whether a file can be run."""

from __future__ import annotations

import json
import os
import stat
from typing import Iterable, Mapping

from . import index
from .command import Git

NOTES = "refs/fabvisor/modes/"


def note(git: Git, label: str, paths: Iterable[str]) -> None:
    """Keep that of the regular files among the paths, under the label of the stash."""
    notes = {}
    letters = index.letters(git)
    for path in paths:
        full = os.path.join(git.directory, path)
        if os.path.isfile(full) and not os.path.islink(full):
            status = os.stat(full)
            notes[path] = [stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, *letters.get(path, "")]
    if notes:
        blob = git.run("hash-object", "-w", "--stdin", given=json.dumps(notes).encode())[0]
        git.run("update-ref", _name(label), blob)


def put_back(git: Git, label: str) -> None:
    """Give the files their modes again, their flags, and their owners where the user may. A second time changes
    nothing."""
    if git.hash_of(_name(label)) is None:
        return
    notes = json.loads(git.run("cat-file", "blob", _name(label))[0])
    for path, (mode, uid, gid, *_) in notes.items():
        full = os.path.join(git.directory, path)
        if os.path.isfile(full) and not os.path.islink(full):
            _change_owners(full, uid, gid)
            os.chmod(full, mode)
    _overlook_again(git, {path: note[3] for path, note in notes.items() if note[3:]})
    git.run("update-ref", "-d", _name(label))


def _overlook_again(git: Git, letters: Mapping[str, str]) -> None:
    """`letters`: as of index.letters(). git refuses a path that it does not track."""
    tracked = {line.partition("\t")[2] for line in index.listing(git)} if letters else set()
    for flag, is_meant in (("--skip-worktree", index.SKIPPED.__contains__), ("--assume-unchanged", str.islower)):
        index.mark(git, flag, [path for path in tracked.intersection(letters) if is_meant(letters[path])])


def _change_owners(full: str, *owners: int) -> None:
    status = os.stat(full)
    if owners != (status.st_uid, status.st_gid):
        try:
            os.chown(full, *owners)
        except OSError:                 # only root can give a file away: its content is what counts
            pass


def _name(label: str) -> str:
    return NOTES + label.replace(", ", "-").replace(" ", "-")
