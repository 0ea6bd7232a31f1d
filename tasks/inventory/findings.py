"""What is wrong with hosts.yaml, before it is known how the file is called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """One mistake. `path` leads to it from the top of the file."""

    path: KeyPath
    message: str
    line: int = 0                       # 0: the line of the path
    meant: str = ""                     # the right name of an unknown key
    about: tuple[KeyPath, ...] = ()     # what it judges, where that is not the path itself


def dotted(path: KeyPath) -> str:
    """`services.monitor.build[1]`; a key with odd characters is quoted, so a path is always one line."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if text else "") + (key if re.fullmatch(r"[\w.:-]+", key) else repr(key))
    return text


def quoted(value: object) -> str:
    """A value in a message: on one line, and not too long."""
    text = repr(value)
    return text if len(text) <= 70 else text[:60] + "…" + text[-1]


def not_caused_by(shape: Iterable[Finding], later: Iterable[Finding]) -> list[Finding]:
    """The later findings that are more than a consequence of a wrong shape: a key left out for its
    wrong type is not also reported as missing."""
    touched = [path for finding in shape for path in _touches(finding)]
    return [
        finding for finding in later
        if not any(_overlap(path, about) for about in finding.about or (finding.path,) for path in touched)
    ]


def _overlap(one: KeyPath, other: KeyPath) -> bool:
    """One of them lies inside the other."""
    return all(a == b for a, b in zip(one, other, strict=False))


def _touches(finding: Finding) -> list[KeyPath]:
    return [finding.path, (*finding.path[:-1], finding.meant)] if finding.meant else [finding.path]
