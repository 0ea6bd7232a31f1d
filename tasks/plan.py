"""fab plan: what a deploy would do, and why."""

from __future__ import annotations

from . import rollout
from ._command import command
from ._context import Command
from ._options import ARTIFACT, FETCH, SERIAL, check_revision
from .deploy import recipe


@command(
    positional=["service"],
    help={
        "service": "a name, a comma list, or `all`",
        "revision": "a commit, branch or tag, or . for this folder's commit; the environment's branch unless given",
        "artifact": ARTIFACT,
        "fetch": FETCH,
        "serial": SERIAL,
    },
)
def plan(run: Command, service: str, revision: str = "", artifact: str = "", fetch: str = "",
         serial: str = "") -> rollout.events.Finished:
    """Show what a deploy would do: commits, program file, variables, steps; fetches, and changes nothing else.

    Example: fab plan monitor --env production --revision v1.2
    """
    if revision:
        check_revision("revision", revision)
    batched = run.serial(serial)
    origin = run.choose(lambda environment: run.origin(environment, service, revision, fetch, artifact))
    fleet = run.fleet(origin.targets, verb="plan")
    planner = rollout.plan.planner.unchecked_planner(recipe, set_aside=True)
    deployment = run.deployment(origin.targets, origin.revisions, serial=batched, needs_ports=True)
    coordinator = rollout.transaction.coordinator.Coordinator(deployment, fleet, run.report, planner,
                                                              sources=run.sources(origin))
    return coordinator.dry_run()
