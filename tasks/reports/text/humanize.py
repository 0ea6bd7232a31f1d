"""Turns values into words, so that every format says the same. No screen, no clock."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...rollout.events import Result

DONE = MappingProxyType({"rollback": "rolled back", "start": "started", "stop": "stopped", "restart": "restarted",
                         "recover": "recovered", "remove": "removed", "setup": "set up"})


def text_lines(text: str) -> list[str]:
    """Without the empty ones."""
    return [line for line in text.split("\n") if line.strip()]


def in_words(outcome: str, command: str | None) -> str:
    """How a command ended for a service on a host: JSON has the terms of the protocol, people read what happened."""
    if outcome == "committed":
        return DONE.get(command or "", "deployed")
    return "went back" if outcome == "restored" else outcome.replace("_", " ")


def short(commit: str | None, none: str = "-") -> str:
    return commit[:8] if commit else none


def version(commit: str | None, source: str | None, none: str = "-") -> str:
    """A commit; where a client made it, the one that it was built from before it: several may be built from one."""
    return f"{short(source)} + build {short(commit)}" if source else short(commit, none)


def tried_version(result: Result, none: str = "-") -> str:
    return version(result.tried, result.source or None, none)


def version_now(result: Result, none: str = "-") -> str:
    source = result.source if result.now == result.tried else None
    return version(result.now, source or None, none)


def move(starts: Collection[str | None], to: str | None, source: str | None, arrow: str, none: str = "-", width: int = 0
         ) -> str:
    """From which commit to which, where hosts had these before; a restart has only one. `width`: of the first."""
    if set(starts) == {to}:
        return version(to, source, none)
    start = "several" if len(set(starts)) > 1 else short(next(iter(starts)), none)
    return f"{start.ljust(width)} {arrow} {version(to, source, none)}"


def duration(seconds: float) -> str:
    """A duration: 1.2 s, 42 s, 2 min 5 s, 1 h 4 min."""
    if seconds < 9.95:
        return f"{max(seconds, 0.0):.1f} s"
    return _units(round(seconds))


def uptime(seconds: float | None, none: str = "-") -> str:
    """An uptime: 45 s, 12 min, 4 h 12 min, 3 d 4 h."""
    if seconds is None:
        return none
    return f"{int(seconds // 60)} min" if 60 <= seconds < 3600 else _units(seconds)


def time_of(moment: str | None) -> datetime | None:
    """A time of ISO 8601, in UTC unless it says otherwise; None for a text that is no time."""
    try:
        then = datetime.fromisoformat((moment or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return then if then.tzinfo else then.replace(tzinfo=timezone.utc)


def ago(moment: str | None, now: datetime) -> str:
    """ISO 8601 as `2 h ago`; a text that is no time is shown as it is."""
    then = time_of(moment)
    if then is None:
        return moment or ""
    seconds = (now - then).total_seconds()
    return "just now" if seconds < 60 else f"{_units(seconds, most=1)} ago"


def _units(seconds: float, most: int = 2) -> str:
    days, rest = divmod(int(max(seconds, 0)), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    amounts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next((at for at, (amount, _) in enumerate(amounts) if amount), len(amounts) - 1)
    words = [f"{amount} {unit}" for amount, unit in amounts[first : first + most] if amount]
    return " ".join(words) or "0 s"


def who(by: str | None, none: str = "-") -> str:
    """user@host as it is; of `user URL` the user and the number of the job (GitLab) or of the run (GitHub)."""
    name, _, url = (by or "").partition(" ")
    for kind in ("job", "run"):
        number = url.rpartition(f"/{kind}s/")[2]
        if number.isdecimal():
            return f"{name}, {kind} {number}"
    return by or none


def distance(back: int | None, forward: int | None) -> str:
    """Empty when nothing that the hosts have is left behind."""
    if not back:
        return ""
    return f"back {count(back, 'commit')}" + (f" and on {count(forward, 'other')}" if forward else "")


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def label(service: str, programs: Sequence[str]) -> str:
    """The service; or its programs where it is about these alone, as a user addresses them: shop:web, shop:beat."""
    return ", ".join(f"{service}:{program}" for program in programs) or service


def listed(names: list[str]) -> str:
    """web1 · web1 and web2 · web1, web2 and 5 more."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
