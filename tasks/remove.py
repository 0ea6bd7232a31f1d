"""fab remove: take a service off its hosts."""

from __future__ import annotations

from . import inventory, rollout
from ._command import command
from ._confirmation import confirmation
from ._context import Command
from ._options import ROLLOUT


@command(positional=["service"], help={
    "service": "a name, a comma list, or `all`; also of what hosts.yaml no longer names",
    "purge": "also remove its clone, its releases, its logs and its history",
    "yes": ROLLOUT["yes"],
})
def remove(run: Command, service: str, purge: bool = False, yes: bool = False) -> rollout.events.Finished:
    """Stop a service, and take its program file and its environment file away; or leave all as it was.

    Example: fab remove monitor --host web2.example.com
    """
    confirm = confirmation(run, yes)
    targets = run.with_secrets_of_drain(_targets(run, service))
    if confirm:
        confirm()
    fleet = run.fleet(targets)
    deployment = run.deployment(targets, needs_sockets=False, keeps_version=True)
    planner = rollout.plan.removal.planner(purge)
    return rollout.transaction.coordinator.Coordinator(deployment, fleet, run.report, planner).roll_out()


def _targets(run: Command, services: str) -> tuple[inventory.model.Target, ...]:
    """What the user chose; services that hosts.yaml does not have on a chosen host are looked for there."""
    here = inventory.selection.select(run.environment, "all", run.options["host"] or None)
    known = {target.service.name for target in here} | {"all"}
    others = [name for name in map(str.strip, services.split(",")) if name and name not in known]
    if not others or any(":" in name for name in others):
        return run.targets(services)
    hosts = {target.host.name: target.host for target in run.targets("all")}
    orphans = rollout.queries.orphans.find(others, tuple(hosts.values()), run.environment, run.named_services(),
                                           run.report)
    rest = ",".join(name.strip() for name in services.split(",") if name.strip() not in others)
    chosen = (*(run.targets(rest) if rest else ()), *orphans)
    return tuple(sorted(chosen, key=rollout.goal.key))
