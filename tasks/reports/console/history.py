"""The table of `fab history`: a row for each deploy; two where some hosts kept it and others did not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ...rollout.events import History
from ..screen import Marks
from ..text.humanize import ago, in_words, move, text_lines, who
from ..text.table import Column, Line, Span, fits, paragraph, short_hosts, table

# Of a deploy's id the time, to the minute or the second: enough for `fab logs --deploy`, where it is unique.
BRIEF = (len("20240501-1000"), len("20240501-100000"))
ONE_SERVICE = 9                         # a column that says the same in all rows goes first


def history_lines(entries: Sequence[History], width: int, marks: Marks, now: datetime) -> list[Line]:
    if not entries:
        return [[("nothing was deployed yet", "dim")]]
    rows = _merged(entries)
    columns = _columns(rows, marks, now, lambda by: by or marks.none)
    if not fits(columns, width):            # who deployed is worth more than its link, or the service of all rows
        columns = [column for column in _columns(rows, marks, now, lambda by: who(by, marks.none))
                   if column.drop != ONE_SERVICE]
    head, *body = table(columns, width, marks.cut)
    lines = [head]
    for line, group in zip(body, rows, strict=True):
        lines.append(line)
        why = text_lines(_why(group))[:1]
        if why and group[0].result != "committed":
            lines += paragraph("  ", why[0], width, "dim")
    return lines


def _merged(entries: Sequence[History]) -> list[list[History]]:
    """Entries of a deploy on different hosts, in the order in which the deploys ended. Those of a failed one are
    together: it failed on one host, and the others say which."""
    groups: dict[tuple[str | None, ...], list[History]] = {}
    begin: dict[str | None, int] = {}
    for entry in entries:
        begin.setdefault(entry.deploy, len(begin))
        kept = (entry.result, entry.from_, entry.why) if entry.result == "committed" else ()
        key = (entry.deploy, entry.service, entry.command, entry.by, entry.to, *kept)
        groups.setdefault(key, []).append(entry)
    return sorted(map(_restored_first, groups.values()), key=lambda group: begin[group[0].deploy])


def _restored_first(group: list[History]) -> list[History]:
    """The first gives the row its result."""
    return sorted(group, key=lambda entry: entry.result == "not_reached")


def _why(group: list[History]) -> str:
    """The reason of a host that names the host that failed; else that of the first."""
    hosts = tuple(f"{entry.host}: " for entry in group)
    reasons = [entry.why for entry in group if entry.why]
    return next((why for why in reasons if why.startswith(hosts)), reasons[0] if reasons else "")


def _columns(rows: list[list[History]], marks: Marks, now: datetime, by: Callable[[str | None], str]) -> list[Column]:
    firsts = [group[0] for group in rows]
    services: list[Span] = [(entry.service, "") for entry in firsts]
    columns = [
        Column("deploy", [(name, "dim") for name in _brief([entry.deploy or marks.none for entry in firsts])]),
        Column("when", [(ago(entry.at, now) or marks.none, "") for entry in firsts], drop=4),
        Column("command", [(entry.command or marks.none, "") for entry in firsts], drop=2),
        Column("service", services, least=7, drop=0 if len(set(services)) > 1 else ONE_SERVICE),
        Column("by", [(by(entry.by), "") for entry in firsts], least=5, drop=3),
        Column("commit", [(move({entry.from_ for entry in group}, group[0].to, group[0].source, marks.arrow,
                                 marks.none, width=8), "") for group in rows]),
        Column("result", [(in_words(entry.result or marks.none, entry.command), _tone(entry)) for entry in firsts]),
    ]
    hosts = _hosts(rows)
    where = Column("hosts", [(text, "") for text in hosts], least=10, drop=1)
    return columns if set(hosts) == {"all"} else [*columns, where]


def _hosts(rows: list[list[History]]) -> list[str]:
    every = sorted({entry.host for group in rows for entry in group})
    brief = short_hosts(every)
    of_rows = [sorted({entry.host for entry in group}) for group in rows]
    return ["all" if len(hosts) == len(every) else ", ".join(brief[host] for host in hosts) if len(hosts) < 3
            else f"{len(hosts)} of {len(every)}" for hosts in of_rows]


def _brief(deploys: list[str]) -> list[str]:
    """Cut as short as they still differ."""
    for length in BRIEF:
        if len({deploy[:length] for deploy in deploys}) == len(set(deploys)):
            return [deploy[:length] for deploy in deploys]
    return deploys


def _tone(entry: History) -> str:
    return "good" if entry.result == "committed" else "bad"
