"""The last line of a command: how it ended, in one sentence."""

from __future__ import annotations

from ...rollout.events import Finished, Result
from .humanize import count, duration, label, listed, version_now

READING = frozenset({"status", "doctor", "adopt", "logs", "history", "plan", "config", "config.schema", "ci.init",
                     "run"})
SETTLED = frozenset({"committed", "unchanged"})

DONE = {"start": "is started", "stop": "is stopped", "restart": "was restarted",
        "remove": "was removed"}


def verdict(finished: Finished, seconds: float) -> str:
    """Empty where there is nothing to add (`fab logs` that went well)."""
    if finished.outcome == "failed":            # a command of the user: nobody knows what it did
        return ""
    return _by_exit_code(finished) if finished.exit_code else _done(finished, seconds)


def _by_exit_code(finished: Finished) -> str:
    if finished.exit_code == 3:
        return _needs_person(finished)
    if finished.command in READING:
        return _not_read(finished)
    match finished.exit_code:
        case 129 | 130 | 143:
            return "nothing was changed" if finished.outcome == "refused" else "interrupted: every host is as it was"
        case 2:
            return "nothing was changed"
        case 75:
            return f"nothing was changed: {_later(finished)}"
    return f"{'went back' if finished.outcome == 'restored' else 'failed'}: every host is as it was"


def _needs_person(finished: Finished) -> str:
    lost = [(host, result) for host, _, result in results(finished) if result.outcome in ("unknown", "unreachable")]
    hosts = list(dict.fromkeys(host for host, _ in lost))
    if not hosts:
        return _differ(finished)
    if finished.command in READING:
        return f"{listed(hosts)} did not answer"
    sentence = f"{listed(hosts)} {'needs' if len(hosts) == 1 else 'need'} a person"
    why = (lost[0][1].why or "").split("\n", 1)[0]
    return f"{sentence}: {why}" if why and len(hosts) == 1 else sentence


def _differ(finished: Finished) -> str:
    hosts: dict[str, list[str]] = {}
    for host, service, result in results(finished):
        hosts.setdefault(f"{service} is at {version_now(result, 'no commit')}", []).append(host)
    facts = "; ".join(f"{fact} on {listed(names)}" for fact, names in hosts.items())
    return f"a person is needed: {facts}" if facts else "a person is needed"


def _not_read(finished: Finished) -> str:
    if finished.command == "status" and (finished.exit_code == 1 or (finished.exit_code == 2 and finished.hosts)):
        return "something is odd: see the lines marked !"
    if finished.command == "doctor" and finished.exit_code == 1:
        return "something hinders a deploy: see the lines that say failed"
    if is_refused_plan(finished):
        return "a deploy would be refused: see the lines marked !"
    return _later(finished) if finished.exit_code == 75 else ""


def is_refused_plan(finished: Finished) -> bool:
    """Whether a plan was made, and shows what a deploy would be refused for."""
    return finished.command == "plan" and finished.exit_code == 2 and finished.outcome in ("pending", "unchanged")


def _later(finished: Finished) -> str:
    hosts = [host for host, _, result in results(finished) if result.outcome == "unreachable"]
    return f"{listed(list(dict.fromkeys(hosts)))} cannot be reached; try again" if hosts else "try again later"


def _done(finished: Finished, seconds: float) -> str:
    if finished.command in READING:
        return _read(finished)
    if finished.outcome == "restored":
        return "every host is as it was"
    if not finished.hosts:
        return ""
    if finished.outcome == "unchanged":
        return "nothing had to change"
    if finished.command == "setup":
        return f"{listed(list(finished.hosts))} can take deploys now; fab doctor tells more"
    services = _services(finished)
    if len(services) > 3:
        facts = f"{len(services)} services on {count(len(finished.hosts), 'host')}"
    else:
        facts = ", ".join(_fact(finished.command, name, rows) for name, rows in services.items())
    return f"{facts}, {duration(seconds)}"


def _read(finished: Finished) -> str:
    if finished.command == "plan":
        hosts = [host for host, _, result in results(finished) if result.outcome == "pending"]
        where = listed(list(dict.fromkeys(hosts)))
        return f"a deploy would change {where}; nothing was changed now" if hosts else "nothing would change"
    return {"status": "all well", "doctor": "nothing hinders a deploy"}.get(finished.command, "")


def _fact(command: str, service: str, rows: list[Result]) -> str:
    state = DONE.get(command) or f"is at {listed(list(dict.fromkeys(version_now(row, 'no commit') for row in rows)))}"
    return f"{service} {state} {'from' if command == 'remove' else 'on'} {count(len(rows), 'host')}"


def _services(finished: Finished) -> dict[str, list[Result]]:
    services: dict[str, list[Result]] = {}
    for _, service, result in results(finished):
        for name in [label(service, [program]) for program in result.programs or ()] or [service]:
            services.setdefault(name, []).append(result)
    return services


def results(finished: Finished) -> list[tuple[str, str, Result]]:
    return [(host, service, result) for host, rows in finished.hosts.items() for service, result in rows.items()]
