"""fab ci.init: what GitLab needs to run the same tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._command import Command, command
from ._errors import Mistake

if TYPE_CHECKING:
    from .rollout.events import Finished


@command(
    name="ci.init",
    positional=["service"],
    help={
        "service": "a name, a comma list, or `all`",
        "project": "the GitLab project that holds this tool and hosts.yaml",
        "ref": "its branch, tag or commit",
    },
)
def init(run: Command, service: str, project: str = "ops/deploy", ref: str = "main") -> Finished:
    """Print a service's .gitlab-ci.yml: a deploy job for each environment where it runs. No host is contacted.

    Example: fab ci.init monitor >../monitor/.gitlab-ci.yml
    """
    from .inventory import selection
    from .pipelines import gitlab
    from .rollout.events import Document, Finished

    services = selection.services_of_file(run.inventory, service)
    nowhere = services - gitlab.deployed(run.inventory)
    if nowhere and service != "all":
        raise Mistake(f"{', '.join(sorted(nowhere))}: runs in no environment but a sandbox",
                      f"add an environment to {run.inventory.source}")
    run.report.on(Document(text=gitlab.text(run.inventory, services, project, ref)))
    return Finished(command=run.name, outcome="unchanged", exit_code=0)
