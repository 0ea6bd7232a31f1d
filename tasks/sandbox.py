"""fab sandbox.up, sandbox.down: two hosts on this machine, for an environment with `sandbox: true`."""

from __future__ import annotations

from . import embedded, rollout
from ._command import command
from ._context import Command
from ._installation import home

NO_CHOICE = ("env", "host", "inventory")


@command(name="sandbox.up", ignores=NO_CHOICE)
def up(run: Command) -> rollout.events.Finished:
    """Start the sandbox, unless it is up. Deploying to it starts it, too.

    Example: fab sandbox.up
    """
    Notice = rollout.events.Notice
    sandbox = embedded.lifecycle.up(home())
    for host in sandbox.hosts:
        variables = " ".join(f"{name}={value}" for name, value in sandbox.variables[host.name].items())
        run.report.on(Notice(host=host.name, message=f"ssh port {host.port}, {variables}, root {host.root}"))
    run.report.on(Notice(message=f"the sandbox is up; its example service, to edit, commit and push: {sandbox.clone}"))
    return run.done()


@command(name="sandbox.down", ignores=NO_CHOICE)
def down(run: Command) -> rollout.events.Finished:
    """End the sandbox and remove all of it.

    Example: fab sandbox.down
    """
    was_up = embedded.lifecycle.down(home())
    run.report.on(rollout.events.Notice(message="the sandbox is down" if was_up else "the sandbox was not up"))
    return run.done()
