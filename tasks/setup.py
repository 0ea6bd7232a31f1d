"""fab setup: make a host ready for deploys."""

from __future__ import annotations

from . import provision, rollout
from ._command import command
from ._confirmation import question
from ._context import Command


@command(help={
    "service": "only what these services need: a name or a comma list",
    "dry_run": "print the script, and run nothing",
    "yes": "do not ask",
})
def setup(run: Command, service: str = "all", dry_run: bool = False, yes: bool = False) -> rollout.events.Finished:
    """Make hosts ready: root, supervisord that starts with the host, a key for the git server. Can be run again.

    Example: fab setup --env production --dry-run
    """
    if dry_run:
        return provision.conversation.show_script(run.targets(service), run.report)
    confirm = None if yes else question(run, "it changes hosts", "set up these hosts?")
    return provision.conversation.set_up(run.targets(service), run.report, run.environment.name, confirm)
