"""Tells of a script whose interpreter is not there: of that, the shell says only that the script was not found."""

from __future__ import annotations

import contextlib
import os
import re
from typing import Sequence

NOT_FOUND = r"exec: (.+): not found$"           # dash; bash names the interpreter itself
INTERPRETER = rb"#![ \t]*([^ \t\n]+)"
LONGEST = 256                                   # bytes that the kernel reads


def missing(lines: Sequence[str], directory: str) -> str:
    """What is wrong, by the lines that the program printed; empty where it is something else."""
    found = next(filter(None, (re.search(NOT_FOUND, line) for line in lines)), None)
    path = os.path.normpath(os.path.join(directory, found[1])) if found else ""
    interpreter = _interpreter(path)
    if not interpreter or os.path.exists(interpreter):
        return ""
    if interpreter.endswith("\r"):
        return f"{path} has Windows line ends (CR LF): commit it with LF, as by `*.sh text eol=lf` in .gitattributes"
    return f"{path} wants the interpreter {interpreter}, which is not there"


def _interpreter(path: str) -> str:
    """The one that the script names; empty where it names none, or cannot be read."""
    with contextlib.suppress(OSError):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                named = re.match(INTERPRETER, file.read(LONGEST))
                return os.fsdecode(named[1]) if named else ""
    return ""
