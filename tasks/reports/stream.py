"""A stream of text that a user, a pipe or a file reads."""

from __future__ import annotations

import os
import select
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO, cast


class Stream:
    """A text stream that never raises: what it cannot encode becomes `?`, and a closed pipe is silence.

    A deploy must not stop half way because `| head` has seen enough, or because a disk is full: `fault` says that.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.encoding = getattr(file, "encoding", None) or "utf-8"
        self._gone = False
        self.fault = ""

    @property
    def gone(self) -> bool:
        """Nobody reads it any more; this also notices a pipe that closed while nothing was written to it."""
        self._gone = self._gone or self._is_closed()
        return self._gone

    def write(self, text: str) -> int:
        if not self._gone:
            safe = text.encode(self.encoding, "replace").decode(self.encoding)
            self._attempt(lambda: self._file.write(safe))
        return len(text)

    def flush(self) -> None:
        if not self._gone:
            self._attempt(self._file.flush)

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                self.fault = error.strerror or str(error)
            self._gone = True
            self._mute()

    def _is_closed(self) -> bool:
        try:
            poll = select.poll()
            poll.register(self._file.fileno(), 0)
            return any(events & select.POLLERR for _, events in poll.poll(0))
        except (OSError, ValueError):       # no file of the system
            return False

    def _mute(self) -> None:
        # Python flushes standard output once more as it ends, and would complain about the pipe then.
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._file.fileno())
            os.close(null)
        except (OSError, ValueError):
            pass


def fitted(lines: str) -> str:
    """The lines of an error, for standard error: on a terminal each goes on below its own text."""
    if not sys.stderr.isatty():
        return lines
    from .text.table import paragraph, text_of  # --help and --list need neither

    mark = len("error: ")
    width = shutil.get_terminal_size().columns
    return "\n".join(text_of(part) for line in lines.splitlines()
                     for part in paragraph(line[:mark], line[mark:], width))


def show_text(text: str) -> None:
    """A text on standard output, such as a help, for which no command runs and nothing happens."""
    with standard_output() as out:
        out.write(text)


@contextmanager
def standard_output() -> Iterator[Stream]:
    """For what is printed meanwhile, by whomever. Exits with 1 where it cannot be written."""
    out = Stream(sys.stdout)
    with redirect_stdout(cast(TextIO, out)):
        yield out
    out.flush()
    if out.fault:
        sys.exit(f"error: standard output: {out.fault}")
