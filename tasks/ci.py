"""fab ci.init: what GitLab needs to run the same tasks."""

from __future__ import annotations

from . import inventory, pipelines, rollout
from ._command import command
from ._context import Command
from ._errors import Mistake


@command(
    name="ci.init",
    positional=["service"],
    help={
        "service": "a name, a comma list, or `all`",
        "project": "the GitLab project that holds hosts.yaml; and this tool, unless --tool names another",
        "ref": "its branch, tag or commit",
        "tool": "the GitLab project that holds this tool",
        "tool_ref": "its branch, tag or commit",
    },
)
def init(run: Command, service: str, project: str = "ops/deploy", ref: str = "main", tool: str = "",
         tool_ref: str = "main") -> rollout.events.Finished:
    """Print a service's .gitlab-ci.yml: a deploy job for each environment where it runs. No host is contacted.

    Example: fab ci.init monitor >../monitor/.gitlab-ci.yml
    """
    services = inventory.selection.services_of_file(run.inventory, service)
    nowhere = services - pipelines.gitlab.deployed(run.inventory)
    if nowhere and service != "all":
        raise Mistake(f"{', '.join(sorted(nowhere))}: runs in no environment but a sandbox",
                      f"add an environment to {run.inventory.source}")
    run.report.on(rollout.events.Document(text=pipelines.gitlab.text(
        run.inventory, services, pipelines.gitlab.Sources(project, ref, tool, tool_ref))))
    return rollout.events.Finished(command=run.name, outcome="unchanged", exit_code=0)
