"""A fabfile that Fabric cannot load, in words. Nothing was begun: the exit code is 2."""

from __future__ import annotations

import os
import traceback

from invoke import loader
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
    return Exit(_wrong_words.in_lines(f"the fabfile cannot be loaded: {_place(error)}{why}",
                                      "correct it, then type the command again"), code=2)


def _place(error: Exception) -> str:
    """The line of the team's own that led to it, not the one in a library; empty where none of them ran then."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno or 1}: "
    frames = traceback.extract_tb(error.__traceback__)
    loads = [number for number, frame in enumerate(frames) if frame.filename == loader.__file__] or [len(frames)]
    lines = [frame for frame in frames[loads[-1] + 1:] if not frame.filename.startswith("<")]      # not importlib's
    beside = os.path.dirname(lines[0].filename) + os.sep if lines else ""
    own = [frame for frame in lines[1:] if frame.filename.startswith(beside) and "site-packages" not in frame.filename]
    return "".join(f"{_short(frame.filename)}:{frame.lineno}: " for frame in [*lines[:1], *own][-1:])


def _short(path: str) -> str:
    return os.path.relpath(path)
