"""Steps about the supervised program, whatever the strategy: program, restart, stop, verify, health."""

from __future__ import annotations

import re

from msgspec import to_builtins

from ...executor import protocol
from ...inventory.model import Service
from ...inventory.program_options import DEFAULTS
from ...program import files
from ..facts import Facts
from ..steps import Action, Step
from . import strategy_of

# supervisord kills after stopwaitsecs: the wait for it must be longer.
GRACE = 20.0


def paths(service: Service, facts: Facts) -> files.Paths:
    directory = strategy_of(service).directory(facts)
    return files.Paths(directory=directory, env_file=facts.env_path, log=facts.log,
                       user=facts.default_user)


def program(service: Service, facts: Facts) -> Step:
    do = protocol.ProgramFiles(program_file=files.program_file(service, paths(service, facts)),
                               env_file=files.env_file(service))
    return Step(name="program", phase="activate", do=Action("program", do), undo=Action("files_back"))


def restart(service: Service, facts: Facts) -> Step:
    do = Action("restart", protocol.Restart(patience=timeout(service, facts)))
    return Step(name="restart", phase="activate", do=do, undo=_as_it_was(service, facts))


def stop(service: Service, facts: Facts) -> Step:
    do = Action("stop", protocol.Restart(patience=timeout(service, facts)))
    return Step(name="stop", phase="activate", do=do, undo=_as_it_was(service, facts))


def verify(service: Service) -> Step:
    do = protocol.Verify(startsecs=startsecs(service), exitcodes=_exit_codes(service))
    return Step(name="verify", phase="activate", do=Action("verify", do))


def health(service: Service) -> list[Step]:
    if service.health is None:
        return []
    do = protocol.Health(health=to_builtins(service.health), variables=service.environment_variables())
    return [Step(name="health", phase="activate", do=Action("health", do))]


def restart_steps(service: Service, facts: Facts) -> list[Step]:
    """Restart, and prove that it runs."""
    return [restart(service, facts), verify(service), *health(service)]


def startsecs(service: Service) -> float:
    return files.seconds(service, "startsecs", 1)


def timeout(service: Service, facts: Facts) -> float:
    """Seconds for the program to stop, also for the one that runs now: it may have been given longer."""
    return max(files.seconds(service, "stopwaitsecs", 10), _before(facts, "stopwaitsecs", 10)) + GRACE


def _before(facts: Facts, option: str, default: float) -> float:
    """The value of this option, in seconds, in the program file that is on the host now."""
    values = re.findall(rf"^\s*{option}\s*[=:]\s*(\d+)", facts.program_file or "",
                        re.MULTILINE | re.IGNORECASE)
    return max(map(float, values), default=default)


def _exit_codes(service: Service) -> list[int] | None:
    """With which a program may end at once: one that need not stay up, and is not started again. None: it must."""
    if startsecs(service) or service.program.get("autorestart", DEFAULTS["autorestart"]) == "true":
        return None
    return [int(code) for code in service.program.get("exitcodes", "0").split(",")]


def _as_it_was(service: Service, facts: Facts) -> Action:
    """RUNNING, STOPPED or absent; a program that was neither up nor absent counts as stopped."""
    state = facts.program.state
    was = "RUNNING" if state in ("RUNNING", "STARTING") else "absent" if state == "absent" else "STOPPED"
    return Action("program_back", protocol.ProgramBack(
        was=was, state=state, pid=facts.program.pid, start=facts.program.start, patience=timeout(service, facts),
        startsecs=_before(facts, "startsecs", 1)))
