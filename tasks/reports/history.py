"""`fab history`: one row a deploy; where hosts differ, one for each kind of end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ..rollout.events import History
from .humanize import ago, clean, clean_lines, listed, short
from .screen import Marks
from .table import Column, Line, Span, paragraph, short_hosts, table

# Of a deploy's id the time, to the minute or the second: enough for `fab logs --deploy`, where it is unique.
BRIEF = (len("20240501-1000"), len("20240501-100000"))


def history_lines(told: Sequence[History], width: int, marks: Marks, now: datetime) -> list[Line]:
    if not told:
        return [[("nothing was deployed yet", "dim")]]
    rows = _merged(told)
    firsts = [group[0] for group in rows]
    head, *body = table(_columns(rows, marks, now), width, marks.cut)
    lines = [head]
    for line, first in zip(body, firsts, strict=True):
        lines.append(line)
        why = clean_lines(first.why or "")[:1]
        if why and first.result != "committed":
            lines += paragraph("  ", why[0], width, "dim")
    return lines


def _merged(told: Sequence[History]) -> list[list[History]]:
    """Lines that say the same of different hosts, in the order in which the deploys ended."""
    groups: dict[tuple[str | None, ...], list[History]] = {}
    begin: dict[str | None, int] = {}
    for line in told:
        begin.setdefault(line.deploy, len(begin))
        key = (line.deploy, line.service, line.command, line.by, line.from_, line.to, line.result, line.why)
        groups.setdefault(key, []).append(line)
    return sorted(groups.values(), key=lambda group: begin[group[0].deploy])


def _columns(rows: list[list[History]], marks: Marks, now: datetime) -> list[Column]:
    firsts = [group[0] for group in rows]
    services: list[Span] = [(clean(line.service), "") for line in firsts]
    columns = [
        Column("deploy", [(name, "dim") for name in _brief([line.deploy or marks.none for line in firsts])]),
        Column("when", [(ago(line.at, now) or marks.none, "") for line in firsts], drop=4),
        Column("command", [(clean(line.command or marks.none), "") for line in firsts], drop=2),
        Column("service", services, least=7, drop=0 if len(set(services)) > 1 else 9),
        Column("by", [(clean(line.by or marks.none), "") for line in firsts], least=5, drop=3),
        Column("commit", [(_move(line, marks), "") for line in firsts]),
        Column("result", [(clean(line.result or marks.none), _tone(line)) for line in firsts]),
    ]
    hosts = _hosts(rows)
    return columns if set(hosts) == {"all"} else [*columns, Column("hosts", [(text, "") for text in hosts], 5, drop=1)]


def _hosts(rows: list[list[History]]) -> list[str]:
    every = sorted({line.host for group in rows for line in group})
    brief = short_hosts(every)
    return ["all" if len({line.host for line in group}) == len(every)
            else listed([clean(brief[host]) for host in sorted({line.host for line in group})]) for group in rows]


def _move(line: History, marks: Marks) -> str:
    """From which commit to which; a restart has only one."""
    to = short(line.to, marks.none)
    return to if line.from_ == line.to else f"{short(line.from_, marks.none).ljust(8)} {marks.arrow} {to}"


def _brief(deploys: list[str]) -> list[str]:
    """As short as still tells them apart."""
    for length in BRIEF:
        if len({one[:length] for one in deploys}) == len(set(deploys)):
            return [clean(one[:length]) for one in deploys]
    return [clean(one) for one in deploys]


def _tone(line: History) -> str:
    return "good" if line.result == "committed" else "bad"
