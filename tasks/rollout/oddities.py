"""What a person should know about a service on a host, each with its remedy. Pure: facts in, words out."""

from __future__ import annotations

from datetime import datetime, timezone

from ..program.files import digest
from .facts import Facts, Program

# Seconds. A program that came up alone a moment ago will perhaps be gone in a moment.
YOUNG = 60.0
# supervisord tells whole seconds, and so does the history.
TOLERANCE = 2.0

STATES = {
    "STOPPED": "fab start {name}",
    "EXITED": "it has ended{why}: fab start {name}",
    "STARTING": "not up yet",
    "STOPPING": "on its way down",
    "BACKOFF": "it is crash-looping: it ends as soon as it is started{why}",
    "FATAL": "it does not stay up, and supervisord has given up{why}: put it right, then fab start {name}",
    "absent": "supervisord does not know it: fab deploy {name} --force",
}


def oddities(name: str, facts: Facts) -> list[str]:
    """Nothing but who is at it while a command is changing things."""
    if facts.holder:
        holder = facts.holder
        doing = "going back" if holder.get("restoring") else "in progress"
        return [f"{holder.get('command')} {doing} by {holder.get('by')} since {holder.get('since')}"]
    if not facts.clone and facts.program.state == "absent":
        return [f"not deployed yet: fab deploy {name}"]
    found = [*_program(name, facts), *_disk(name, facts), *_program_file(name, facts)]
    for deploy, by in zip(facts.due, facts.due_by or ["?"] * len(facts.due), strict=False):
        found.append(f"deploy {deploy} by {by} was interrupted and is to be undone: fab recover {name}")
    return found


def disagreement(name: str, host: str, commits: dict[str, str | None]) -> list[str]:
    """This host has another commit than the lowest-named one; `commits`: by host, in name order."""
    first = next(iter(commits))
    if commits[host] == commits[first]:
        return []
    return [f"another commit than on {first} ({_short(commits[first])}): fab deploy {name}"]


def _program(name: str, facts: Facts) -> list[str]:
    program = facts.program
    if program.state == "RUNNING":
        return _restarted(name, facts, program)
    if program.state in STATES:
        why = f" ({program.why})" if program.why and program.state != "STOPPED" else ""
        said = f"{program.state}: {STATES[program.state].format(name=name, why=why)}"
    else:
        said = "; ".join(filter(None, [f"{program.state} ({program.why})", program.hint]))
    return ["\n".join([f"not running: {said}", *(f"| {line}" for line in facts.words)])]


def _restarted(name: str, facts: Facts, program: Program) -> list[str]:
    """Up for a moment only, and not because anybody here did it: perhaps it dies again and again."""
    last = facts.history[-1].get("at") if facts.history else None
    if last is None or program.start is None or program.uptime is None or program.uptime > YOUNG:
        return []
    known = datetime.strptime(last, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    if program.start <= known + TOLERANCE:
        return []
    return [f"it was started again a moment ago, not by fab: if it is crash-looping, fab logs {name} tells why"]


def _disk(name: str, facts: Facts) -> list[str]:
    found = []
    if not facts.clone:
        found.append(f"{facts.directory} is no clone: fab deploy {name}")
    if facts.current is not None and facts.current not in [one.name for one in facts.releases]:
        found.append(f"`current` points to a release that is not there: {_short(facts.current)}: fab deploy {name}")
    if facts.edited:
        found.append("edited files: " + ", ".join(map(str.strip, facts.edited))
                     + f"; commit them elsewhere, or fab deploy {name} --set-aside")
    if facts.started_from not in (None, facts.commit):
        found.append(f"it runs {_short(facts.started_from)}, on disk is {_short(facts.commit)}:"
                     f" fab deploy {name}, or fab restart {name}")
    return found


def _program_file(name: str, facts: Facts) -> list[str]:
    found, written = [], facts.committed.get("program_sha256")
    if facts.elsewhere:
        found.append("also defined in {}:{}: move that section to {}".format(*facts.elsewhere, facts.program_path))
    if facts.clone and facts.program_file is None:
        found.append(f"{facts.program_path} is missing: fab deploy {name}")
    if written and facts.program_file is not None and digest(facts.program_file) != written:
        loaded = ", and supervisord has not loaded it" if facts.unloaded else ""
        found.append(f"the program file was changed by hand{loaded}: {facts.program_path};"
                     f" fab deploy {name} writes it anew")
    return found


def _short(commit: str | None) -> str:
    return (commit or "none")[:8]
