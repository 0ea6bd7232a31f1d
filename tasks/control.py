"""fab start, stop, restart: the supervised program alone, with the same verification as a deploy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import rollout
from ._command import command
from ._confirmation import confirmation
from ._context import Command
from ._errors import NotReady
from ._options import SERIAL
from .executor.protocol import STOPPABLE

if TYPE_CHECKING:
    from .inventory.model import Service
    from .inventory.serial import Serial
    from .rollout.facts import Facts
    from .rollout.steps import Step

HELP = {"service": "a name, SERVICE:PROGRAM, a comma list, or `all`"}
Steps = Callable[["Service", "Facts"], "list[Step]"]


@command(positional=["service"], help=HELP)
def start(run: Command, service: str) -> rollout.events.Finished:
    """Start programs that do not run, and prove that they do.

    Example: fab start monitor --host web1
    """
    def steps(chosen: Service, facts: Facts) -> list[Step]:
        stopped = chosen.only(program for program in chosen.programs if not facts.is_whole(program))
        return rollout.recipe.supervised.start_steps(stopped, facts) if stopped.programs else []

    return _control(run, service, steps)


@command(positional=["service"], help={
    **HELP, "yes": "do not ask about `all`, although the environment says `confirm: true`"})
def stop(run: Command, service: str, yes: bool = False) -> rollout.events.Finished:
    """Stop programs, and wait until they have stopped.

    Example: fab stop monitor --env develop
    """
    def steps(chosen: Service, facts: Facts) -> list[Step]:
        stoppable = any(process.state in STOPPABLE for process in facts.of(chosen.programs))
        return [rollout.recipe.supervised.stop(chosen, facts)] if stoppable else []

    return _control(run, service, steps, starts=False, yes=yes or "all" not in map(str.strip, service.split(",")))


@command(positional=["service"], help={**HELP, "serial": SERIAL})
def restart(run: Command, service: str, serial: str = "") -> rollout.events.Finished:
    """Restart programs, and prove that they run.

    Example: fab restart monitor
    """
    return _control(run, service, rollout.recipe.supervised.restart_steps, run.serial(serial))


def _control(run: Command, service: str, steps: Steps, serial: Serial | None = None, *, starts: bool = True,
             yes: bool = True) -> rollout.events.Finished:
    targets, confirm = run.choose(lambda environment: (
        run.with_secrets_of_drain(run.select_programs(environment, service)), confirmation(run, yes)))
    if confirm:
        confirm()
    fleet = run.fleet(targets)
    deployment = run.deployment(targets, serial=serial, needs_sockets=starts, keeps_version=True)
    planner = _planner(steps, starts)
    return rollout.transaction.coordinator.Coordinator(deployment, fleet, run.report, planner).roll_out()


def _with_hooks(service: Service, facts: Facts, steps: Steps) -> list[Step]:
    made = steps(service, facts)
    return rollout.recipe.hooks.around(service, facts, made) if made else made


def _planner(steps: Steps, starts: bool) -> rollout.goal.Planner:
    key = rollout.goal.key
    same_version = rollout.plan.planner.same_version

    def plan(targets, facts, goals):  # type: ignore[no-untyped-def]
        missing = {f"{target.host.name}: {label}": target for target in targets
                   for label in rollout.plan.planner.not_deployed(target.service, facts[key(target)], starts)}
        if missing:
            removals = {label: facts[key(target)].removal for label, target in missing.items()}
            lines = [", ".join(filter(None, [label, removal])) for label, removal in removals.items()]
            names = ",".join(sorted({target.service.name for target in missing.values()}))
            back = f"; or the version that ran: fab rollback {names}" if all(removals.values()) else ""
            raise NotReady("\n".join(["not deployed:" if any(removals.values()) else "not deployed yet:", *lines]),
                           f"fab deploy {names}{back}")
        return {key(target): same_version(target.service, facts[key(target)],
                                          _with_hooks(target.service, facts[key(target)], steps)) for target in targets}

    return plan
