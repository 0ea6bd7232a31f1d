"""The history of a service: who deployed which commit, when, and how it ended. One JSON line a deploy, newest last.

{"deploy", "at", "by", "command", "service", "revision", "branch", "from", "to", "result", "why", …}
`result` is committed, restored or not_reached (another host failed before this one was activated). A committed line is
the commit record of its deploy.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import time
from typing import Any, Callable, Iterable, Iterator

from ..disk import files, json_lines
from ..errors import HostError, NotReady
from ..layout import Layout
from ..protocol import REMOVED
from ..quoting import for_sh

TIME = "%Y-%m-%dT%H:%M:%SZ"
RESULTS = "committed", "restored", "not_reached"
KEPT = 300
# A file of more than MOST lines is cut down to the NEWEST, and to older ones until COMMITTED good ones are left.
MOST, NEWEST, COMMITTED = 2000, 1000, 100


def read(layout: Layout, service: str, count: int = KEPT) -> list[dict[str, Any]]:
    """The newest `count` lines, oldest first."""
    return list(itertools.islice(_lines(layout, service), count))[::-1]


def known(layout: Layout, service: str) -> Iterator[dict[str, Any]]:
    """The lines that rollback and status use: however many deploys failed, the good versions are among them. They are
    read when the first is asked for."""
    yield from map(_readable, _worth_keeping(layout.history_file(service), KEPT))


def problems(layout: Layout, service: str) -> list[HostError]:
    """Why nobody knows what was deployed: the file has lines, and no one can be read. One that has no end may be the
    first, which a power cut tore: of a deploy that was never committed."""
    path = layout.history_file(service)
    if not json_lines.count(path) or any(True for _ in json_lines.read(path, newest_first=True)):
        return []
    return [NotReady(f"no line of the history {path} can be read, so nobody knows what was deployed",
                     "look into it, then put a copy of before in its place, or begin anew: on the host"
                     f" mv {for_sh(path)} {for_sh(path + '.aside')}")]


def find(layout: Layout, service: str, deploy: str) -> dict[str, Any] | None:
    lines = _lines(layout, service, holding=deploy)
    return next((line for line in lines if line["deploy"] == deploy), None)


def last_committed(lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The newest committed line; {} when there is none."""
    return next((line for line in reversed(list(lines)) if line.get("result") == "committed"), {})


def newest_committed(layout: Layout, service: str) -> dict[str, Any]:
    """As last_committed(), of all lines."""
    return next((line for line in _lines(layout, service) if line["result"] == "committed"), {})


def removal(layout: Layout, service: str) -> str:
    """Who removed the service, and when; empty where the newest change is another."""
    line = newest_committed(layout, service)
    return REMOVED.format_map(line) if line.get("command") == "remove" else ""


def source(layout: Layout, service: str, commit: str) -> str | None:
    """From which commit a client built this one; None where none did."""
    lines = _lines(layout, service, holding=commit)
    return next((line["source"] for line in lines if line.get("to") == commit and line.get("source")), None)


def commits(layout: Layout, service: str) -> set[str]:
    """Those of the good versions, and of what ran before each."""
    return {commit for line in known(layout, service) if line.get("result") == "committed"
            for commit in (line.get("from"), line.get("to")) if commit}


def write(layout: Layout, service: str, line: dict[str, Any]) -> None:
    """Write a line, which is on the disk then. A deploy has one line a service, however often it is finished."""
    if find(layout, service, line["deploy"]) is None:
        at = time.strftime(TIME, time.gmtime())
        json_lines.append(layout.history_file(service), dict(line, at=at, service=service))
        with contextlib.suppress(OSError):          # the line is written, and nothing else matters
            _trim(layout.history_file(service))


def _lines(layout: Layout, service: str, holding: str = "") -> Iterator[dict[str, Any]]:
    """The lines, newest first."""
    return map(_readable, _of_deploys(layout.history_file(service), holding))


def _of_deploys(path: str, holding: str = "") -> Iterator[dict[str, Any]]:
    """The lines as they stand there, newest first, without those that say of no deploy how it ended: they are not
    ours."""
    for line in json_lines.read(path, newest_first=True, holding=holding.encode()):
        if _is_text(line.get("deploy")) and line.get("result") in RESULTS:
            yield line


def _readable(line: dict[str, Any]) -> dict[str, Any]:
    """Without the fields of another type than ours: somebody edited the file."""
    return {name: value for name, value in line.items() if value is None or FIELDS.get(name, _anything)(value)}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_commit(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{40}([0-9a-f]{24})?", value) is not None


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_variables(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _are_seconds(value: Any) -> bool:
    """By step."""
    return isinstance(value, dict) and all(isinstance(taken, (int, float)) and 0 <= taken < 1e9
                                           for taken in value.values())


def _anything(value: Any) -> bool:
    return True


FIELDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("deploy", "at", "by", "command", "service", "revision", "branch", "result", "why", "strategy",
                     "program_sha256", "release", "subdirectory", "directory", "fabvisor"), _is_text),
    "from": _is_commit, "to": _is_commit, "source": _is_commit, "build": _are_texts, "variables": _are_variables,
    "seconds": _are_seconds, "left": lambda value: isinstance(value, dict),
    "processes": lambda value: isinstance(value, dict),
    "batch": lambda value: isinstance(value, int), "was_running": lambda value: isinstance(value, bool)}


def _trim(path: str) -> None:
    if json_lines.count(path) > MOST:
        kept = _worth_keeping(path, NEWEST)
        files.write_atomic(path, b"".join(json.dumps(line).encode() + b"\n" for line in kept))


def _worth_keeping(path: str, newest: int) -> list[dict[str, Any]]:
    """The newest lines, and as many older ones as make COMMITTED good ones; oldest first."""
    lines = _of_deploys(path)
    recent = list(itertools.islice(lines, newest))
    missing = COMMITTED - sum(line.get("result") == "committed" for line in recent)
    older = (line for line in lines if line.get("result") == "committed")
    return [*recent, *itertools.islice(older, max(missing, 0))][::-1]
