"""fab ci.init: what a CI server needs to run the same tasks."""

from __future__ import annotations

from . import inventory, pipelines, rollout
from ._command import command
from ._context import Command
from ._errors import Mistake, SelectionError


@command(
    name="ci.init",
    positional=["service"],
    ignores=["env", "host"],
    help={
        "service": "a name, a comma list, or `all`",
        "for": "gitlab or github; github is also for Gitea and Forgejo",
        "project": "the project that holds hosts.yaml; and this tool, unless --tool names another",
        "ref": "its branch, tag or commit",
        "tool": "the project that holds this tool",
        "tool_ref": "its branch, tag or commit",
    },
)
def init(run: Command, service: str, for_: str = "gitlab", project: str = "ops/deploy", ref: str = "main",
         tool: str = "", tool_ref: str = "main") -> rollout.events.Finished:
    """Print a service's pipeline: a deploy job for each environment where it runs. No host is contacted.

    Example: fab ci.init monitor >../monitor/.gitlab-ci.yml
    """
    write = pipelines.servers.SERVERS.get(for_)
    if write is None:
        raise SelectionError(f"--for {for_}: no such CI server",
                             "gitlab, or github, which is also for Gitea and Forgejo")
    if tool_ref != "main" and not tool:
        raise SelectionError("--tool-ref is of the project of --tool, and none was given", "--ref is that of --project")
    for option, path in (("--project", project), ("--tool", tool)):
        if path and not pipelines.sources.PATH.fullmatch(path):
            raise SelectionError(f"{option} {path}: that is no path of a project", "such as ops/deploy, as in its URL")
    services = inventory.selection.services_of_file(run.inventory, service)
    nowhere = services - pipelines.environments.deployed(run.inventory)
    if nowhere and service != "all":
        raise Mistake(f"{', '.join(sorted(nowhere))}: runs in no environment but a sandbox",
                      f"add an environment to {run.inventory.source}")
    sources = pipelines.sources.Sources(project, ref, tool, tool_ref)
    run.report.on(rollout.events.Document(text=write(run.inventory, services, sources)))
    groups = pipelines.environments.of_repositories(run.inventory, services)
    if len(groups) > 1:
        run.report.on(rollout.events.Notice(level="warning", message=(
            "a pipeline deploys a commit of its own repository, and these services are of several; print one for each: "
            f"{'; '.join(groups)}")))
    return run.done()
