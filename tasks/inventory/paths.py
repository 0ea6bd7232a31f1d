"""Checks of paths: each returns what is wrong, as the end of a sentence, or the empty text.

git, ssh and supervisord get these paths quoted; refused is what they would read otherwise even so.
"""

from __future__ import annotations

import posixpath

from ..executor.protocol import OWN_NAMES
from .findings import quoted
from .values import CONTROL, check_option_like

# The tool keeps these in a service's directory.
RESERVED_NAMES = (*OWN_NAMES, ".git")


def check_root(text: str) -> str:
    if not text.startswith(("/", "~/")):
        return f"must be absolute (/srv/app), or below the host user's home (~/app); got {quoted(text)}"
    return _check_path(text)


def check_below_root(text: str) -> str:
    """A path that is below root unless it is absolute."""
    return _check_path(text) or check_option_like(text)


def check_directory(text: str) -> str:
    """A service's own folder. Its content is replaced by git, so it must be truly below root."""
    if text.startswith(("/", "~")):
        return f"is below `root`, so it cannot begin with '/' or '~'; got {quoted(text)}"
    wrong = _check_path(text) or check_option_like(text)
    if wrong:
        return wrong
    first = posixpath.normpath(text).split("/")[0]
    if first in (".", ".fabvisor", ".git"):
        return f"must be a folder of its own below `root`, got {quoted(text)}"
    return ""


def check_requires(paths: list[str]) -> str:
    return next(filter(None, map(check_in_commit, paths)), "")


def check_in_commit(text: str) -> str:
    """A file or folder of a commit, below the repository's top."""
    if text.startswith(("/", "~")):
        return f"is below the top of the repository, so it cannot begin with '/' or '~'; got {quoted(text)}"
    return _check_path(text) or ("names the whole repository" if posixpath.normpath(text) == "." else "")


def check_shared(paths: list[str]) -> str:
    """Files and folders below the service's directory, none inside another."""
    for text in paths:
        wrong = _check_path(text) or check_option_like(text)
        if wrong:
            return wrong
        if text.startswith(("/", "~")) or normal_shared(text) in (".", "./"):
            return f"is below the service's directory, got {quoted(text)}"
        if normal_shared(text).split("/")[0] in RESERVED_NAMES:
            return f"cannot hold {quoted(text)}: {', '.join(RESERVED_NAMES)} are looked after already"
    bare = [normal_shared(text).rstrip("/") for text in paths]
    for index, path in enumerate(bare):
        for other in bare[:index]:
            if f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/"):
                inner, outer = sorted((path, other), key=len, reverse=True)
                return f"holds {quoted(inner)} twice" if inner == outer else (
                    f"holds {quoted(inner)}, which is inside {quoted(outer)}")
    return ""


def normal_shared(text: str) -> str:
    """A shared path in its shortest form; a slash at the end, which marks a folder, stays."""
    return posixpath.normpath(text) + ("/" if text.endswith("/") else "")


def _check_path(text: str) -> str:
    if not text.strip():
        return "is empty"
    if CONTROL.search(text):
        return f"cannot hold control characters, got {quoted(text)}"
    return f"cannot hold '..', got {quoted(text)}" if ".." in text.split("/") else ""
