"""The end of the terminal and plain formats: the table of results, the commits that run now, the deploy's id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ...rollout.events import Finished, Resolved, Result, Started
from ..screen import Marks
from ..text.humanize import in_words, label, short, text_lines, tried_version, version_now
from ..text.table import Column, Line, name_columns, paragraph, table
from ..text.verdict import SETTLED, results


def result_lines(finished: Finished, width: int, marks: Marks, is_shown: Callable[[str], bool]) -> list[Line]:
    """host, service, was → tried → now, outcome; below a row why, unless that is shown already."""
    rows = results(finished)
    if not rows:
        return []
    commits = _commit_columns([result for _, _, result in rows], marks)
    outcomes = Column("outcome", [(in_words(result.outcome, finished.command), _outcome_tone(result.outcome))
                                  for _, _, result in rows])
    others = [*commits, outcomes]
    names = name_columns([(host, label(name, result.programs or ()), _row_tone(result))
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
