"""fab sandbox.up, sandbox.down: two hosts on this machine, for an environment with `sandbox: true`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import BESIDE, Command, command

if TYPE_CHECKING:
    from .rollout.events import Finished


@command(name="sandbox.up")
def up(run: Command) -> Finished:
    """Start the sandbox, unless it is up. Deploying to it starts it, too.

    Example: fab sandbox.up
    """
    from . import embedded
    from .rollout.events import Finished, Notice

    sandbox = embedded.up(BESIDE)
    for host in sandbox.hosts:
        variables = " ".join(f"{name}={value}" for name, value in sandbox.variables[host.name].items())
        run.report.on(Notice(host=host.name, message=f"ssh port {host.port}, {variables}, root {host.root}"))
    run.report.on(Notice(message=f"the sandbox is up; its example service, to edit, commit and push: {sandbox.clone}"))
    return Finished(command=run.name, outcome="unchanged", exit_code=0)


@command(name="sandbox.down")
def down(run: Command) -> Finished:
    """End the sandbox and remove all of it.

    Example: fab sandbox.down
    """
    from . import embedded
    from .rollout.events import Finished, Notice

    gone = embedded.down(BESIDE)
    run.report.on(Notice(message="the sandbox is down" if gone else "the sandbox was not up"))
    return Finished(command=run.name, outcome="unchanged", exit_code=0)
