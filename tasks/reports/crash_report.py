"""The story of a bug in a file of its own: versions, what was typed, what was told last, the traceback."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib import metadata

import msgspec

from ..rollout.events import Bug, Error, Event

PACKAGES = ("fabric", "invoke", "paramiko", "msgspec", "rich")


def filed(bug: Bug, told: Iterable[Event], mask: Callable[[str], str]) -> Error:
    """The error that names the file. `mask` hides secrets."""
    story = mask("\n".join([_versions(), "typed: fab " + " ".join(sys.argv[1:]), "", bug.message, bug.trace,
                            "told before:", *map(_line, told), ""]))
    hint = "report it with the file that tells all about it: "
    try:
        fd, path = tempfile.mkstemp(prefix="fabvisor-bug-", suffix=".txt")
        with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
            file.write(story)
    except OSError as error:
        hint, path = f"no file can tell more: {error.filename or tempfile.gettempdir()}: {error.strerror}", ""
    return Error(message=mask(bug.message), hint=hint + path, host=bug.host)


def _versions() -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()} on {platform.platform()}; {versions}"


def _line(event: Event) -> str:
    """Texts as they are: escaped, a secret in them would not be found."""
    return " ".join(map(str, [type(event).__name__, *msgspec.structs.astuple(event)]))
