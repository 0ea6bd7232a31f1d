"""A fabfile that Fabric cannot load, in words. Nothing was begun: the exit code is 2."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from invoke.exceptions import CollectionNotFound, Exit

from . import _wrong_words


def explain(error: Exception, folder: str) -> Exit:
    """`error`: why it could not be loaded. `folder`: where it was looked for first."""
    if isinstance(error, Exit) and isinstance(error.__context__, CollectionNotFound):
        words = f"there is no {error.__context__.name}.py in {folder}, or above it"
        return Exit(_wrong_words.in_lines(words, "cd to the folder of the fabfile"), code=2)
    if isinstance(error, Exit):
        return error                        # the fabfile itself ends the program
    why = " ".join(f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}".split())
    return Exit(_wrong_words.in_lines(f"the fabfile cannot be loaded: {_place(error)}: {why}",
                                      "correct it, then type the command again"), code=2)


def _place(error: Exception) -> str:
    """The line of the team's own that led to it, not the one in a library."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno or 1}"
    frames = traceback.extract_tb(error.__traceback__)
    begin = next((number for number, frame in enumerate(frames) if Path(frame.filename).name == "fabfile.py"), -1)
    beside = os.path.dirname(frames[begin].filename) + os.sep
    own = next(frame for frame in reversed(frames[begin:])
               if begin == -1 or (frame.filename.startswith(beside) and "site-packages" not in frame.filename))
    return f"{_short(own.filename)}:{own.lineno}"


def _short(path: str) -> str:
    return os.path.relpath(path)
