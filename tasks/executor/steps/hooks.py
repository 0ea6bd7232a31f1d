"""Commands of the service itself: those of its build, and its hooks."""

from __future__ import annotations

import os
from typing import Mapping

from .. import processes, shell
from ..context import ServiceContext, process_tag
from .step import Result, Step


def run_commands(ctx: ServiceContext, step: Step, directory: str, variables: Mapping[str, str]) -> None:
    """Run `commands` in `directory`, at most `timeout` seconds. Raises CommandFailed."""
    shell.run(shell.script(step.args["commands"]), cwd=directory, env=ctx.with_variables(variables),
              timeout=step.args["timeout"], say=step.say, check=ctx.check, mask=ctx.mask)


def run_build(ctx: ServiceContext, step: Step, directory: str) -> None:
    """Run a build in a tree, and end what it left in the background, also in sessions of its own."""
    folder = os.path.join(directory, step.args.get("subdirectory", ""))
    run_commands(ctx, step, folder, step.args["variables"])
    processes.end_tagged(process_tag(ctx.layout, ctx.deploy))


def hook(ctx: ServiceContext, step: Step) -> Result:
    """Run a hook, with all that the program has in its environment, and more. Nothing undoes it."""
    run_commands(ctx, step, step.args["directory"], {**step.args["secrets"], **step.args["variables"]})
    return Result(True)
