"""The lines of an error, and of its hint."""

from __future__ import annotations

from ...rollout.events import Error
from .humanize import text_lines
from .table import Line


def error_lines(error: Error) -> list[Line]:
    named = not error.host or error.message.startswith((f"{error.host}: ", f"{error.host} ("))
    host = "" if named else f"{error.host}: "
    lines: list[Line] = [[("error: ", "bad"), (host + line, "")] for line in text_lines(error.message)]
    return lines + hint_lines(error.hint)


def hint_lines(hint: str) -> list[Line]:
    return [[("hint:  ", "dim"), (line, "")] for line in text_lines(hint)]
