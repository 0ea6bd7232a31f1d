"""fab start, stop, restart: the supervised program alone, with the same verification as a deploy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ._command import Command, command
from ._errors import NotReady
from .executor.protocol import STOPPABLE

if TYPE_CHECKING:
    from .inventory.model import Service
    from .rollout.events import Finished
    from .rollout.facts import Facts
    from .rollout.goal import Planner
    from .rollout.steps import Step

HELP = {"service": "a name, a comma list, or `all`"}
Steps = Callable[["Service", "Facts"], "list[Step]"]


@command(positional=["service"], help=HELP)
def start(run: Command, service: str) -> Finished:
    """Start programs that do not run, and prove that they do.

    Example: fab start monitor --host web1
    """
    from .rollout.recipe import supervised

    return _control(run, service, lambda chosen, facts: (
        [] if facts.program.state == "RUNNING" else supervised.restart_steps(chosen, facts)))


@command(positional=["service"], help=HELP)
def stop(run: Command, service: str) -> Finished:
    """Stop programs, and wait until they have stopped.

    Example: fab stop monitor --env develop
    """
    from .rollout.recipe import supervised

    return _control(run, service, lambda chosen, facts: (
        [supervised.stop(chosen, facts)] if facts.program.state in STOPPABLE else []))


@command(positional=["service"], help=HELP)
def restart(run: Command, service: str) -> Finished:
    """Restart programs, and prove that they run.

    Example: fab restart monitor
    """
    from .rollout.recipe import supervised

    return _control(run, service, supervised.restart_steps)


def _control(run: Command, service: str, steps: Steps) -> Finished:
    targets = run.targets(service)
    fleet = run.fleet(targets)
    from .rollout.coordinator import Coordinator

    return Coordinator(run.deployment(targets), fleet, run.report, _planner(steps)).roll_out()


def _planner(steps: Steps) -> Planner:
    from .rollout.goal import key
    from .rollout.planner import same_version

    def plan(targets, facts, goals):  # type: ignore[no-untyped-def]
        missing = [f"{host}: {name}" for (host, name), known in facts.items() if known.program_file is None]
        if missing:
            raise NotReady("not deployed yet:\n" + "\n".join(missing), "fab deploy SERVICE")
        return {key(target): same_version(facts[key(target)], steps(target.service, facts[key(target)]))
                for target in targets}

    return plan
