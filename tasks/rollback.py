"""fab rollback: to the version before the one that runs, by the hosts' own histories."""

from __future__ import annotations

from . import rollout
from ._command import command
from ._context import Command
from ._options import ROLLOUT, RolloutOptions, check_revision
from .deploy import recipe, roll_out


@command(
    positional=["service"],
    help={
        **ROLLOUT,
        "service": "a name, a comma list, or `all`",
        "to": "a commit, branch or tag, instead of the version before",
        "force": "roll back though that version already runs, or though another process holds the port in PORT",
    },
)
def rollback(run: Command, service: str, to: str = "", *, options: RolloutOptions) -> rollout.events.Finished:
    """Go back to the newest version before this one that was committed; repeat it to go back further.

    Example: fab rollback monitor --env production
    """
    if to:
        check_revision("to", to)

    def make_planner() -> rollout.goal.Planner:
        planner = rollout.plan.planner.deploy_planner(recipe, force=options.force, set_aside=options.set_aside,
                                                      keeps_files=True)
        return planner if to else rollout.commits.previous_version.planner_for(planner)

    return roll_out(run, options, lambda environment: run.origin_of_rollback(environment, service, to, options.fetch),
                    make_planner)
