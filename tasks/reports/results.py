"""The end of the terminal and plain formats: the table of results, the table of states, an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ..rollout.events import Error, Finished, Resolved, Result, Started, Status
from .humanize import ago, in_words, label, short, text_lines, tried_version, uptime, version, version_now, who
from .screen import Marks
from .status_rows import complete, is_well, program_rows, state
from .table import Column, Line, Span, paragraph, short_hosts, table
from .verdict import SETTLED, results

Name = tuple[str, str, str]  # host, service, tone
SERVICE = 14                 # columns that its name keeps while another column can give some


def error_lines(error: Error) -> list[Line]:
    named = not error.host or error.message.startswith((f"{error.host}: ", f"{error.host} ("))
    host = "" if named else f"{error.host}: "
    lines: list[Line] = [[("error: ", "bad"), (host + line, "")] for line in text_lines(error.message)]
    return lines + hint_lines(error.hint)


def hint_lines(hint: str) -> list[Line]:
    return [[("hint:  ", "dim"), (line, "")] for line in text_lines(hint)]


def result_lines(finished: Finished, width: int, marks: Marks, is_shown: Callable[[str], bool]) -> list[Line]:
    """host, service, was → tried → now, outcome; below a row why, unless that is shown already."""
    rows = results(finished)
    if not rows:
        return []
    commits = _commit_columns([result for _, _, result in rows], marks)
    outcomes = Column("outcome", [(in_words(result.outcome, finished.command), _outcome_tone(result.outcome))
                                  for _, _, result in rows])
    others = [*commits, outcomes]
    names = _name_columns([(host, label(name, result.programs or ()), _row_tone(result))
                           for host, name, result in rows], width, others)
    head, *body = table([*names, *others], width, marks.cut)
    lines = [head]
    for line, (_, _, result) in zip(body, rows, strict=True):
        lines.append(line)
        why = text_lines(result.why or "")[:1]
        if why and result.outcome not in SETTLED and not is_shown(why[0]):
            lines += paragraph("  ", why[0], width, "dim")
    return lines


def deployed_lines(started: Started, resolved: Iterable[Resolved]) -> list[Line]:
    """The commits that run now with their subjects, the deploy's id, and where to look at it."""
    lines: list[Line] = [[(f"{event.service}: {short(event.commit)}", ""), (f"  {event.subject}", "dim")]
                         for event in resolved if event.subject]
    lines += deploy_lines(started)
    return [*lines, [(started.url, "")]] if started.url else lines


def deploy_lines(started: Started) -> list[Line]:
    """The deploy's id, by which its log can be read."""
    return [[(f"deploy {started.deploy}", "dim")]] if started.deploy else []


def _outcome_tone(outcome: str) -> str:
    return {"committed": "good", "unchanged": "dim", "not_reached": "dim"}.get(outcome, "bad")


def _row_tone(result: Result) -> str:
    return "dim" if result.outcome == "unchanged" else ""


def _commit_columns(rows: Sequence[Result], marks: Marks) -> list[Column]:
    """One column where nothing moved (restart, unchanged), none where nothing is known."""
    if all(result.was == result.now and result.tried in (None, result.now) for result in rows):
        still = Column("commit", [(version_now(result, marks.none), _row_tone(result)) for result in rows])
        return [still] if any(result.now for result in rows) else []
    arrow = marks.arrow + " "
    return [
        Column("was", [(short(result.was, marks.none), "dim") for result in rows], drop=1),
        Column("  tried", [(arrow + tried_version(result, marks.none), "dim") for result in rows], drop=2),
        Column("  now", [(arrow + version_now(result, marks.none), _row_tone(result)) for result in rows]),
    ]


def _name_columns(names: Sequence[Name], width: int, others: Sequence[Column]) -> list[Column]:
    """Full host names where there is room, else without their common domain; one service may be dropped. A command that
    is about no service has no such column."""
    hosts = [host for host, _, _ in names]
    only_one = len({service for _, service, _ in names}) == 1
    services: list[Span] = [(service, tone) for _, service, tone in names]
    columns = [
        Column("host", [(host, tone) for host, _, tone in names], least=8),
        Column("service", services, least=SERVICE, drop=9 if only_one else 0),
    ][:2 if any(service for service, _ in services) else 1]
    if sum(column.width + 2 for column in [*columns, *others]) - 2 <= width:
        return columns
    brief = short_hosts(hosts)
    return [Column("host", [(brief[host], tone) for host, _, tone in names], least=8), *columns[1:]]


def status_lines(
    statuses: Sequence[Status], finished: Finished | None, width: int, marks: Marks, now: datetime
) -> list[Line]:
    """One row a service and host, each oddity below it; hosts that gave no answer are rows too."""
    pairs = [(status, row) for status in complete(statuses, finished) for row in program_rows(status)]
    rows = [row for _, row in pairs]
    if not rows:
        return []
    others = [
        Column("state", [(state(row), _state_tone(status, row)) for status, row in pairs]),
        Column("uptime", [_known(uptime(row.uptime, marks.none), marks) for row in rows], drop=2),
        Column("commit", [_known(version(row.commit, row.source, marks.none), marks) for row in rows]),
        Column("branch", [_known(row.branch or marks.none, marks) for row in rows], least=7, drop=1),
        Column("deployed", [(ago(row.deployed_at, now) or marks.none, "dim") for row in rows], drop=3),
        Column("by", [(who(row.deployed_by, marks.none), "dim") for row in rows], least=5, drop=4),
    ]
    names = _name_columns([(row.host, row.service, "") for row in rows], width, others)
    head, *body = table([*names, *others], width, marks.cut)
    lines = [head]
    for line, row in zip(body, rows, strict=True):
        lines.append(line)
        for oddity in row.oddities:
            lines += _oddity_lines(oddity, width)
    return lines + _failed_deploys(statuses, width, now)


def _failed_deploys(statuses: Sequence[Status], width: int, now: datetime) -> list[Line]:
    """Nothing is odd after a deploy that went back; but who looks should know that it is not the newest version."""
    failed = [(status.service, status.deploys[-1]) for status in statuses
              if status.deploys and status.deploys[-1].result != "committed"]
    lines: list[Line] = []
    # Of each service one: hosts may have gone back in different deploys, and the newest counts.
    for service, last in dict(sorted(failed, key=lambda row: (row[0], row[1].at or ""))).items():
        see = f"fab logs {service} --deploy {last.deploy}" if last.deploy else f"fab history {service}"
        lines += paragraph("", f"{service}: the last {last.command or 'deploy'} went back, {ago(last.at, now)}: "
                               f"{short(last.to)} by {who(last.by)}", width) + paragraph("  ", see, width, "dim")
    return lines


def _known(text: str, marks: Marks) -> Span:
    return text, "dim" if text == marks.none else ""


def _oddity_lines(oddity: str, width: int) -> list[Line]:
    """The oddity, and below it the last lines of the program's log, if there are any."""
    parts = text_lines(oddity)
    lines = paragraph("  ! ", " ".join(line for line in parts if not line.startswith("| ")), width, "bad")
    for line in parts:
        if line.startswith("| "):
            lines += paragraph("    ", line, width, "dim")
    return lines


def _state_tone(status: Status, row: Status) -> str:
    if row.state.startswith("RUNNING"):
        return "" if row.oddities else "good"
    return "dim" if is_well(status, row) else "bad"
