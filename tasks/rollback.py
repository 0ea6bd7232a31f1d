"""fab rollback: to the version before the one that runs, by the hosts' own histories."""

from __future__ import annotations

from . import rollout
from ._command import command
from ._context import Command
from ._options import ROLLOUT, RolloutOptions, check_revision
from .deploy import roll_out


@command(
    positional=["service"],
    help={
        **ROLLOUT,
        "service": "a name, a comma list, or `all`",
        "to": "a commit, branch or tag, instead of the version before",
        "force": "roll back though that version already runs",
    },
)
def rollback(run: Command, service: str, to: str = "", *, options: RolloutOptions) -> rollout.events.Finished:
    """Go back to the newest version before this one that was committed; repeat it to go back further.

    Example: fab rollback monitor --env production
    """
    return roll_out(run, service, check_revision("to", to) if to else None, options)
