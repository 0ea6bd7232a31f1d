"""The text of a notification: what was done where, how it ended, which commit, who, and where to read more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..reports.text.humanize import listed, short
from ..reports.text.verdict import verdict
from ..rollout.events import Error, Finished, Resolved, Started

ERRORS = 3
LONGEST = 300                           # characters of a line
SERVICES = 10


def text(started: Started, resolved: Mapping[str, Resolved], errors: Iterable[Error], finished: Finished, by: str,
         seconds: float) -> str:
    """In Slack's form: https://docs.slack.dev/messaging/formatting-message-text/. `by`: who, and perhaps the URL of
    the job. What others wrote cannot call a channel or hide a link."""
    outcome = verdict(finished, seconds) or finished.outcome
    title = f"{started.command} of {listed(started.services)}, {started.environment}: {outcome}"
    lines = [title, *_commits(started, resolved, finished), *_reasons(errors), f"by {by}"]
    return "\n".join(_escaped(line[:LONGEST]) for line in lines)


def _commits(started: Started, resolved: Mapping[str, Resolved], finished: Finished) -> list[str]:
    several = len(started.services) > 1
    lines = []
    for service in started.services[:SERVICES]:
        results = [of_host[service] for of_host in finished.hosts.values() if service in of_host]
        tried = next((result.tried for result in results if result.tried), None)
        commit = resolved[service].commit if service in resolved else tried
        words = [short(commit), resolved[service].subject] if service in resolved else [short(commit)]
        lines += [" ".join(filter(None, [f"{service}:" if several else "", *words]))] if commit else []
    return lines


def _reasons(errors: Iterable[Error]) -> list[str]:
    """The first line of the first errors: hosts that stop with another one say nothing new."""
    return list(dict.fromkeys(error.message.partition("\n")[0] for error in errors))[:ERRORS]


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
