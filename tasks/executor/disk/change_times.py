"""When files were changed, by the clock of their disk."""

from __future__ import annotations

import os

from .files import parents


def changed_at(path: str) -> float:
    """When what lies there was changed last, be it only its mode, in seconds since 1970; 0 where nothing does."""
    try:
        return os.lstat(path).st_ctime
    except OSError:
        return 0


def changes_at(directory: str, path: str) -> list[float]:
    """When what lies at a path below the directory was changed last, and when each of its folders was moved there: that
    leaves the times of what is in it. As changed_at()."""
    return [changed_at(os.path.join(directory, path)),
            *filter(None, (_moved_at(os.path.join(directory, folder)) for folder in parents(path)))]


def _moved_at(folder: str) -> float:
    """When a folder was renamed; 0 where something was made or removed in it since then, which changes mtime, too."""
    try:
        status = os.lstat(folder)
    except OSError:
        return 0
    return status.st_ctime if status.st_ctime > status.st_mtime else 0
