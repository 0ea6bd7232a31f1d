"""`serial`: how many hosts restart at a time. Its forms are Ansible's: 1, "25%", [1, "50%"]."""

from __future__ import annotations

import re
from typing import Any

from .findings import quoted

Serial = tuple[int | str, ...]              # of each batch a number of hosts, or a percentage of all; the last goes on
AT_ONCE: Serial = ("100%",)
DEFAULT: Serial = (1, "100%")
EXPECTED = 'expected how many hosts restart at a time: a number from 1, "1%" to "100%", or a list of these'


def check_serial(value: Any) -> str:
    """What is wrong with a value of hosts.yaml, as the end of a sentence, or the empty text."""
    wrong = [size for size in _sizes(value) if not _is_size(size)]
    if value == []:
        return f"{EXPECTED}; got an empty list"
    return f"{EXPECTED}; got {quoted(wrong[0])}" if wrong else ""


def parse_option(text: str) -> list[str]:
    """`--serial` as hosts.yaml would have it: sizes with commas between them, also in brackets. Not checked yet."""
    return [size.strip(" '\"") for size in re.sub(r"^\[(.*)\]$", r"\1", text.strip()).split(",")]


def normal(value: Any) -> Serial:
    """The sizes of a value that has no mistake."""
    return tuple(size if str(size).endswith("%") else int(size) for size in _sizes(value))


def _sizes(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_size(size: Any) -> bool:
    """A number may be text, as on the command line."""
    if type(size) not in (int, str):
        return False
    number = re.fullmatch("([0-9]{1,9})(%?)", str(size), re.ASCII)
    return number is not None and int(number[1]) >= 1 and (not number[2] or int(number[1]) <= 100)
