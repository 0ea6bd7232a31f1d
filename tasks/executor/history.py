"""Who deployed what, when, and how it ended: one JSON line a deploy and service, newest last.

{"deploy", "at", "by", "command", "service", "revision", "branch", "from", "to", "result", "why", …}
`result` is committed or restored. A committed line is the commit record of its deploy.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from . import files
from .place import Place

KEPT = 300


def read(place: Place, service: str) -> List[Dict[str, Any]]:
    return list(files.read_lines(place.history_file(service)))[-KEPT:]


def find(place: Place, service: str, deploy: str) -> Optional[Dict[str, Any]]:
    return next((line for line in read(place, service) if line.get("deploy") == deploy), None)


def last_committed(lines: List[Dict[str, Any]]) -> Dict[str, Any]:
    """The newest committed line; {} when there is none."""
    return next((line for line in reversed(lines) if line.get("result") == "committed"), {})


def write(place: Place, service: str, line: Dict[str, Any]) -> None:
    """On the disk when this returns. A deploy has one line a service, however often it is finished."""
    if find(place, service, line["deploy"]) is None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        files.append_line(place.history_file(service), dict(line, at=at, service=service))
