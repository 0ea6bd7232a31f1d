"""Commands of the service itself: those of its build, and its hooks."""

from __future__ import annotations

from typing import Any, Mapping

from .. import processes, shell
from ..context import ServiceContext, mark

Arguments = Mapping[str, Any]


def run_commands(ctx: ServiceContext, args: Arguments, directory: str, variables: Mapping[str, str]) -> None:
    """Run `commands` in `directory`, at most `timeout` seconds. Raises CommandFailed."""
    shell.run(shell.script(args["commands"]), cwd=directory, env=ctx.with_variables(variables),
              timeout=args["timeout"], say=ctx.say, check=ctx.check, mask=ctx.mask)


def run_build(ctx: ServiceContext, args: Arguments, directory: str) -> None:
    """Run a build, and end what it left in the background, also in sessions of its own."""
    run_commands(ctx, args, directory, args["variables"])
    processes.end_marked(mark(ctx.layout, ctx.deploy))


def hook(ctx: ServiceContext, args: Arguments) -> bool:
    """Run a hook, with all that the program has in its environment, and more. Nothing undoes it."""
    run_commands(ctx, args, args["directory"], {**args["secrets"], **args["variables"]})
    return True
