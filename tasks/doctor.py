"""fab doctor: what hinders, or will hinder, a deploy; each with the remedy to type."""

from __future__ import annotations

import os

from . import rollout
from ._command import command
from ._context import Command


@command(help={"service": "only what these services need: a name or a comma list"})
def doctor(run: Command, service: str = "all") -> rollout.events.Finished:
    """Examine all hosts: login, git, disk, supervisord, programs, leftovers. Changes nothing.

    Example: fab doctor --env production
    """
    targets = run.targets(service)
    run.report.on(rollout.events.Started(
        command=run.name, environment=run.environment.name, hosts=sorted({target.host.name for target in targets}),
        services=sorted({target.service.name for target in targets})))
    return rollout.examination.examine(targets, run.named_services(), run.report, os.environ)
