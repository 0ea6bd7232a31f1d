"""fab check: hosts.yaml, and the files beside it that it names."""

from __future__ import annotations

from . import program, reports, rollout
from ._command import command
from ._context import Command


@command(ignores=["host"])
def check(run: Command) -> rollout.events.Finished:
    """Check hosts.yaml, and say every mistake with its line; contacts no host.

    Example: fab check --inventory ops/hosts.yaml
    """
    count = reports.text.humanize.count
    names = [run.environment_name] if run.options["env"] else run.inventory.environments
    environments = [run.described(name).environment(name) for name in names]
    targets = [target for environment in environments for target in environment.targets]
    for environment in environments:
        program.file_contents.FileContents(run.inventory).check(environment.targets)
    hosts = {target.host.name for target in targets}
    services = {target.service.name for target in targets}
    counts = [count(len(environments), "environment"), count(len(hosts), "host"), count(len(services), "service")]
    run.report.on(rollout.events.Notice(message=f"{run.inventory.source} has no mistake: {', '.join(counts)}"))
    return run.done()
