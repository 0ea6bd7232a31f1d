"""The summary of a job of GitHub: Markdown that shows on the page of the run."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from ...rollout.events import Error, Finished, Started
from ..text.humanize import in_words, listed, short, text_lines
from ..text.verdict import results, verdict

ROWS = 200
# GitHub takes no summary that is larger than 1 MiB.
ERRORS = 20
MESSAGE = 2000                                      # characters of an error


def summary(started: Started, errors: Iterable[Error], finished: Finished, seconds: float) -> str:
    """What was done where, a row for each host and service, and why it failed. What hosts say cannot format it."""
    what = " ".join(filter(None, [started.command, listed(started.services)]))
    lines = [f"### {_plain(f'{what}, {started.environment}')}", "",
             _plain(verdict(finished, seconds) or finished.outcome), ""]
    rows = results(finished)
    if rows:
        lines += ["| host | service | was | now | outcome |", "|---|---|---|---|---|"]
        lines += ["| " + " | ".join(map(_plain, (host, service, short(result.was), short(result.now),
                                                  in_words(result.outcome, started.command)))) + " |"
                  for host, service, result in rows[:ROWS]]
        lines += ["", f"and {len(rows) - ROWS} more"] if len(rows) > ROWS else [""]
    for error in [*errors][:ERRORS]:
        lines += [f"- {_plain(line)}" for line in text_lines(error.message[:MESSAGE])]
    if started.url:
        lines += ["", f"<{started.url}>"]
    return "\n".join(lines) + "\n\n"


def _plain(text: str) -> str:
    """The text as Markdown that shows it, and nothing else."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~>-])", r"\\\1", html.escape(text.replace("\n", " "), quote=False))
