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
    sizes = value if isinstance(value, list) else [value]
    wrong = [size for size in sizes if not _is_size(size)]
    if not sizes:
        return f"{EXPECTED}; got an empty list"
    return f"{EXPECTED}; got {quoted(wrong[0])}" if wrong else ""


def parse_option(text: str) -> list[int | str]:
    """`--serial` as hosts.yaml would have it: sizes with commas between them, also in brackets. Not checked yet."""
    sizes = [size.strip(" '\"") for size in re.sub(r"^\[|\]$", "", text.strip()).split(",")]
    return [int(size) if re.fullmatch("-?[0-9]{1,9}", size) else size for size in sizes]


def normal(value: Any) -> Serial:
    """The batches of a value that has no mistake."""
    return tuple(value) if isinstance(value, list) else (value,)


def _is_size(size: Any) -> bool:
    if isinstance(size, str):
        percentage = re.fullmatch("([0-9]{1,3})%", size, re.ASCII)
        return percentage is not None and 1 <= int(percentage[1]) <= 100
    return type(size) is int and size >= 1
