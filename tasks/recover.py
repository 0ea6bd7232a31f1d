"""fab recover: finish what an interrupted deploy left."""

from __future__ import annotations

from . import rollout
from ._command import command
from ._context import Command


@command(positional=["service"], help={
    "service": "a name, a comma list, or `all`",
    "accept": "undo nothing: keep what is on the hosts now",
})
def recover(run: Command, service: str, accept: bool = False) -> rollout.events.Finished:
    """Finish an interrupted deploy; waits while a host still restores the version before by itself.

    Example: fab recover monitor
    """
    targets = run.choose(lambda environment: run.with_secrets_of_drain(run.select(environment, service), on="client"))
    fleet = run.fleet(targets)
    deployment = run.deployment(targets, unfinished="accept" if accept else "undo", keeps_version=True)
    return rollout.transaction.recovery.recover(deployment, fleet, run.report)
