"""Mistakes in hosts.yaml, by their path in it; `loading` adds the file and the line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from .urls import without_password

MOST_FINDINGS = 50          # nobody reads more at once, and each may take a search for the right name
KeyPath = tuple[str | int, ...]


class Finding(Struct, frozen=True):
    """One mistake. `path` leads to it from the top of the file."""

    path: KeyPath
    message: str
    line: int = 0                       # 0: the line of the path
    meant: str = ""                     # the right name of an unknown key
    about: tuple[KeyPath, ...] = ()     # the paths that it depends on, where they are not the path itself


def mistake(path: KeyPath, wrong: str) -> Iterator[Finding]:
    """The finding of a check of `rules`: none where nothing is `wrong`."""
    if wrong:
        yield Finding(path, wrong)


def dotted(path: KeyPath) -> str:
    """`services.monitor.build[1]`; a key with odd characters is quoted, so a path is always one line."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if text else "") + (key if re.fullmatch(r"[\w.:-]{1,255}", key) else quoted(key))
    return text


def quoted(value: object) -> str:
    """A value in a message, as YAML has it: on one line, not too long, and without the password of a URL."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(without_password(value) if isinstance(value, str) else value)
    return text if len(text) <= 70 else text[:60] + "…" + text[-1]


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most - 1] + "…"


def without_consequences(later: Iterable[Finding], shape: Iterable[Finding]) -> list[Finding]:
    """The later findings without those that follow from a wrong shape: a key that was left out for its wrong type
    is not also reported as missing."""
    concerned = [path for finding in shape for path in _concerns(finding)]
    return [
        finding for finding in later
        if not any(_overlap(path, about) for about in finding.about or (finding.path,) for path in concerned)
    ]


def _overlap(first: KeyPath, second: KeyPath) -> bool:
    """Whether one lies inside the other."""
    return all(a == b for a, b in zip(first, second, strict=False))


def _concerns(finding: Finding) -> list[KeyPath]:
    return [finding.path, (*finding.path[:-1], finding.meant)] if finding.meant else [finding.path]
