"""Commands of the service itself: those of its build, and its hooks."""

from __future__ import annotations

import errno
import os
from typing import Any, Mapping

from .. import git
from ..disk import files
from ..errors import HostError, disk_remedy
from ..masking import Mask, secret_names, values
from ..service.context import ServiceContext, process_tag
from ..system import processes, shell
from ..system.login_env import joined
from .step import Result, Step

# By what a build prints before it fails.
REMEDIES = {
    "Text file busy": "the running program is that file: let `build` write another one and rename it (mv), or write"
                      " strategy: releases",
    "No space left on device": disk_remedy(errno.ENOSPC),
}


def run_commands(ctx: ServiceContext, step: Step, directory: str, variables: Mapping[str, str]) -> None:
    """Run `commands` in `directory`, at most `timeout` seconds. Raises CommandFailed."""
    shell.run(shell.script(step.args["commands"]), cwd=directory, env=ctx.with_variables(variables),
              timeout=step.args["timeout"], say=step.say, check=ctx.check, mask=ctx.mask)


def run_build(ctx: ServiceContext, step: Step, tree: git.Clone) -> None:
    """Run a build in a tree, and end what it left in the background, also in sessions of its own.

    Raises HostError where it left the tree at another commit: that would run, on this host alone. How a version before
    was built is no longer to be judged.
    """
    commit = tree.head()
    variables = dict(step.args["variables"])
    is_of_version_before = "certain" in step.args       # a deploy knows how to build: only an undo says how sure it is
    if is_of_version_before:
        variables["PATH"] = joined(variables.get("PATH", ctx.env["PATH"]), _path_before(ctx))
    try:
        run_commands(ctx, step, os.path.join(tree.directory, step.args.get("subdirectory", "")), variables)
    except shell.CommandFailed as failure:
        failure.hint = next((remedy for words, remedy in REMEDIES.items()
                             if any(words in line for line in failure.output)), "")
        raise
    processes.end_tagged(process_tag(ctx.layout, ctx.deploy))
    now = tree.head()
    if now != commit and not is_of_version_before:
        raise HostError(f"the build left {tree.directory} at {now or 'no commit'}, and not at {commit}",
                        "take out of `build` what moves it, such as git pull, git checkout or git commit")


def _path_before(ctx: ServiceContext) -> str:
    """PATH that the programs of the version before have: that of the login lead to the tools of its build."""
    env = files.read_text(os.path.join(ctx.layout.backup(ctx.name, ctx.deploy), "env"))
    return values(env).get("PATH", "")


def is_idle(planned: Mapping[str, Any]) -> bool:
    """Whether a step of a plan runs nothing, and is there for its undo: the client runs that hook."""
    return planned["action"] == "hook" and not planned["args"]["commands"]


def hook(ctx: ServiceContext, step: Step) -> Result:
    """Run a hook, with all that the program has in its environment, and more."""
    run_commands(ctx, step, _folder(ctx, step), {**step.args["secrets"], **step.args["variables"]})
    return Result(True)


def drain_back(ctx: ServiceContext, step: Step) -> Result:
    """Undoes `undrain`: drain the host again, because its programs stop. They do so even where it fails."""
    try:
        return run_back(ctx, step)
    except HostError as failure:
        ctx.warn(f"{ctx.name}: its programs stop, though `drain` failed: {failure.message}")
        return Result(True)


def run_back(ctx: ServiceContext, step: Step) -> Result:
    """Run a hook on the way back, or behind it, with the secrets that the deploy left for that."""
    text = files.read_text(ctx.layout.hook_env(ctx.name, ctx.deploy))
    variables = values(text)
    secrets = {name: variables[name] for name in secret_names(text)}
    mask = Mask()
    mask.learn(text)
    shell.run(shell.script(step.args["commands"]), cwd=_folder(ctx, step), timeout=step.args["timeout"], say=step.say,
              env=ctx.with_variables({**secrets, **step.args["variables"]}), check=ctx.check, mask=mask)
    return Result(True)


def _folder(ctx: ServiceContext, step: Step) -> str:
    """Where the hook runs. The version before may lack the folder, and after a first deploy there is none at all."""
    folders = (step.args["directory"], ctx.directory, ctx.layout.root)
    return next(folder for folder in folders if os.path.isdir(folder))
