"""fab remove: take a service off its hosts."""

from __future__ import annotations

from . import rollout
from ._command import command
from ._context import Command
from ._options import ROLLOUT


@command(positional=["service"], help={
    "service": "a name, a comma list, or `all`; also of what hosts.yaml no longer names",
    "purge": "also remove its clone, its releases and its history",
    "yes": ROLLOUT["yes"],
})
def remove(run: Command, service: str, purge: bool = False, yes: bool = False) -> rollout.events.Finished:
    """Stop a service, and take its program file and its environment file away; or leave all as it was.

    Example: fab remove monitor --host web2.example.com
    """
    confirm = run.confirmation(yes)
    targets = run.with_secrets_of_drain(run.removable(service))
    if confirm:
        confirm()
    fleet = run.fleet(targets)
    return rollout.coordinator.Coordinator(
        run.deployment(targets), fleet, run.report, rollout.removal.planner(purge)).roll_out()
