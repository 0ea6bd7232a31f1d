"""Writes an unexpected exception to a file of its own: versions, the command line, the last events, the traceback."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib import metadata

from .._version import __version__
from ..rollout.events import Bug, Error
from .text.visible import visible_text

PACKAGES = ("fabric", "invoke", "paramiko", "msgspec", "rich")


def file_crash(bug: Bug, events: Iterable[str], mask: Callable[[str], str]) -> Error:
    """The error that names the file. `events`: the last ones before the bug; `mask` hides secrets."""
    report = mask("\n".join([_versions(), "typed: fab " + " ".join(sys.argv[1:]), "", bug.message, bug.trace,
                             "last events:", *events, ""]))
    try:
        fd, path = tempfile.mkstemp(prefix="fabvisor-bug-", suffix=".txt")
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(visible_text(report))
    except OSError as error:
        where = error.filename or tempfile.tempdir
        hint = f"its details could not be saved: {f'{where}: ' if where else ''}{error.strerror}"
    else:
        hint = f"report it with this file, which has the details: {path}"
    return Error(message=mask(bug.message), hint=hint, host=bug.host)


def _versions() -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return f"Fabvisor {__version__}, Python {platform.python_version()} on {platform.platform()}; {versions}"
