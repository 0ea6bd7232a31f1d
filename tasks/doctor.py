"""fab doctor: what hinders, or will hinder, a deploy; each with the remedy to type."""

from __future__ import annotations

import os

from . import rollout
from ._command import command
from ._context import Command, Targets
from ._errors import FabvisorError


@command(help={"service": "only what these services need: a name or a comma list"})
def doctor(run: Command, service: str = "all") -> rollout.events.Finished:
    """Examine all hosts: login, git, disk, supervisord, programs, leftovers. Changes nothing.

    Example: fab doctor --env production
    """
    targets, lacking = _with_values(run, service)
    run.announce(targets)
    return rollout.queries.examination.examine(targets, run.named_services(), run.environment.branch, run.report,
                                               os.environ, lacking)


def _with_values(run: Command, service: str) -> tuple[Targets, FabvisorError | None]:
    """With the contents of `files`, which may be edited on a host; or why this machine lacks secrets or files."""
    try:
        return run.targets_with_secrets(service), None
    except FabvisorError as error:
        return run.targets(service), error
