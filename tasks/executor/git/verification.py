"""Compares a working tree with the commit that was checked out: git exits 0 also where it could not write a file."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import re
from typing import Iterator

from ..disk import read_only
from ..errors import HostError, disk_remedy
from ..quoting import for_sh
from ..system.output_lines import Say, record
from ..system.shell import CommandFailed
from . import filters, state
from .command import Git
from .tree_paths import named, path_of

UNABLE = r"(?:unable to (?:unlink|create|write)|cannot create directory at)(?: old| file)* '?([^':]+)"
NAMED = 5                           # paths in a message
LITTLE = 32 << 20                   # bytes left on a disk that is called full


@contextlib.contextmanager
def verified(git: Git, commit: str, say: Say) -> Iterator[Say]:
    """Around a checkout of the commit, which gets another `say` to call. Raises HostError where the files are not
    those of the commit afterwards, with their paths and the cause."""
    words: list[str] = []
    try:
        yield record(say, words)
    except CommandFailed as failure:
        cause = _cause(git.directory, [path for word in words for path in re.findall(UNABLE, word)[:1]])
        if cause:
            raise HostError(f"{failure.message}; {cause[0]}", cause[1]) from None
        raise
    now = state.read(git)
    look = f"look at it on the host: git -C {for_sh(git.directory)} status"
    if now.commit != commit:
        raise HostError(f"git did not check out {commit}: {git.directory} is at {now.commit or 'no commit'}", look)
    if now.edits:
        paths = [*map(path_of, now.edits)]
        message, hint = _cause(git.directory, paths) or ("", look)
        raise HostError("; ".join(filter(None, [
            f"after the checkout these files are not as the commit has them: {named(paths, NAMED)}", message,
            *words[:NAMED]])), hint)
    filters.refuse_unfiltered(git, commit, words)


def _cause(directory: str, paths: list[str]) -> tuple[str, str] | None:
    """Why git could not write the paths, and what helps; None where nothing tells."""
    for path in paths:
        full = os.path.join(directory, path)
        for place in (_nearest(os.path.dirname(full)), full):
            if os.path.lexists(place) and not os.path.islink(place) and not os.access(place, os.W_OK):
                user, is_read_only = _user(os.geteuid()), read_only.problem(place)
                if is_read_only:
                    return is_read_only.message, is_read_only.hint
                return (f"{user} cannot write {place}, which belongs to {_user(os.lstat(place).st_uid)}",
                        f"make it the user's own on the host: sudo chown -R {for_sh(user)} {for_sh(place)}")
    disk = os.statvfs(_nearest(directory))
    free = disk.f_bavail * disk.f_frsize
    if free < LITTLE or (disk.f_files and not disk.f_favail):
        return f"the disk of {directory} is full ({free >> 20} MB left)", disk_remedy(errno.ENOSPC, directory)
    return None


def _nearest(folder: str) -> str:
    while not os.path.lexists(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
