"""Reads dotenv text: a file of .secrets/, or what `secrets_from` prints."""

from __future__ import annotations

import io
from collections.abc import Iterator


class UnreadableLine(Exception):
    """Its number; its text may hold a secret."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def bindings(text: str) -> Iterator[tuple[int, str, str | None]]:
    """The line, the name and the value of each; None for a name without a value. Raises UnreadableLine."""
    from dotenv.parser import parse_stream

    # Without a translation of line ends: a value's own are part of it.
    for binding in parse_stream(io.StringIO(text, newline="")):
        original = binding.original                 # with the blank lines in front of it
        blank = original.string[:len(original.string) - len(original.string.lstrip())]
        line = original.line + blank.count("\n")
        if binding.error:
            raise UnreadableLine(line)
        if binding.key:
            yield line, binding.key, binding.value
