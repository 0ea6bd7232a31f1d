"""The lines of events that all formats for people show alike."""

from __future__ import annotations

from ...rollout.events import Batch, Resolved, Started
from ..text.humanize import distance, duration, label, listed, short
from ..text.table import Line
from ..text.verdict import READING


def opening(event: Started) -> Line | None:
    if event.command in READING:
        return None
    way = "to" if event.command == "deploy" else "on"
    where = f"{event.environment}: {listed(event.hosts)}"
    programs = event.programs or {}
    names = [label(service, programs.get(service, ())) for service in event.services]
    return [(f"{event.command} {', '.join(names)}".rstrip(), "head"), (f" {way} {where}", "dim")]


def resolved(event: Resolved) -> Line:
    commit = short(event.commit)
    is_hash = event.commit.startswith(event.revision)
    name = commit if is_hash else f"{event.revision} is {commit}"
    line: Line = [(f"{event.service}: {name}", "")]
    back = distance(event.back, event.forward)
    line += [(f", {back}", "bad")] if back else []
    return [*line, (f"  {event.subject}", "dim")] if event.subject else line


def batch(event: Batch) -> Line:
    pause = f"; pause {duration(event.pause)}" if event.pause else ""
    return [(f"batch {event.number} of {event.of}: ", "head"), (f"{listed(event.hosts)}{pause}", "")]
