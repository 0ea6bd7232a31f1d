"""fab plan: what a deploy would do, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import Command, command

if TYPE_CHECKING:
    from .rollout.events import Finished


@command(
    positional=["service"],
    help={
        "service": "a name, a comma list, or `all`",
        "revision": "a commit, branch or tag, or . for this folder's commit; the environment's branch unless given",
        "fetch": "client: fab fetches, and sends hosts what they lack; host: each host; hosts.yaml's unless given",
    },
)
def plan(run: Command, service: str, revision: str = "", fetch: str = "") -> Finished:
    """Show what a deploy would do: commits, program file, variables, steps; fetches, and changes nothing else.

    Example: fab plan monitor --env production --revision v1.2
    """
    wanted = run.revision("revision", revision) if revision else run.environment.branch
    targets = run.fetched_by(run.targets_with_secrets(service), fetch, wanted)
    fleet = run.fleet(targets)
    from .deploy import recipe
    from .rollout.coordinator import Coordinator
    from .rollout.planner import unchecked_planner

    planner = unchecked_planner(recipe, set_aside=True)
    return Coordinator(run.deployment(targets, wanted), fleet, run.report, planner,
                       sources=run.sources(targets)).dry_run()
