"""A service's workflow for GitHub, Gitea or Forgejo, from the environments of hosts.yaml.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from .._errors import Mistake
from ..inventory.loading import Inventory
from ..inventory.model import Environment, Service
from . import yaml_text
from .environments import by_repository, environments_of, waits_for_a_click
from .sources import Sources

LOGIN = ("SSH_PRIVATE_KEY", "SSH_KNOWN_HOSTS")
# GitHub's own token cannot read another private repository.
TOKEN = "${{ secrets.DEPLOY_TOKEN || github.token }}"
RESERVED = "GITHUB_"
CLONE = "service"                       # the folder of the service's repository, where the job sends its commits


def text(inventory: Inventory, services: set[str], sources: Sources) -> str:
    """YAML: a job for each environment and repository whose services run there; sandboxes aside."""
    jobs: dict[str, Any] = {}
    branches: list[str] = []
    for environment in environments_of(inventory):
        # GitHub need not keep what this command prints.
        prints_secrets = "secrets_from" in inventory.data["environments"][environment.name]
        for deployed in by_repository(environment, services):
            branches.append(environment.branch)
            job = _job(environment, deployed, sources, [] if prints_secrets else _secrets(environment, deployed))
            jobs[_id("-".join(["deploy", *(service.name for service in deployed), environment.name]), jobs)] = job
    workflow = {
        "name": f"Deploy {', '.join(sorted(services))}",
        "on": {"push": {"branches": [*dict.fromkeys(map(exactly, branches))]}, "workflow_dispatch": {}},
        "permissions": {"contents": "read"},
        "jobs": jobs}
    # `on`, which YAML 1.1 would quote, is a word to everybody who reads workflows.
    return yaml_text.dump(workflow, width=120).replace("'on':", "on:", 1)


def exactly(branch: str) -> str:
    """A filter that matches this branch alone. git allows no other character in a branch that is special there."""
    return re.sub(r"([+!])", r"\\\1", branch)


def _job(environment: Environment, services: list[Service], sources: Sources, secrets: list[str]) -> dict[str, Any]:
    """It runs for a push to the environment's branch; where a deploy waits for a click, for *Run workflow* only."""
    branch = environment.branch.replace("'", "''")
    event = " && github.event_name == 'workflow_dispatch'" if waits_for_a_click(environment) else ""
    names = ",".join(service.name for service in services)
    in_clone = any(service.fetch == "client" for service in services) and not services[0].is_folder
    steps, tool = _checkouts(sources, in_clone)
    revision = "" if services[0].is_folder else "--revision ." if in_clone else '--revision "$GITHUB_SHA"'
    options = ["--env", environment.name, "--yes", *filter(None, [revision])]
    return {
        "if": f"github.ref_name == '{branch}'{event}",
        "runs-on": "ubuntu-latest",
        "environment": {"name": environment.name, **({"url": environment.url} if environment.url else {})},
        "concurrency": {"group": f"deploy-{names}-{environment.name}", "cancel-in-progress": False},
        # `exec`: a cancelled step's shell alone gets the signals, and would not hand them on.
        "steps": [*steps, {"run": " ".join(["exec", tool[0], "deploy", names, *tool[1:], *options]),
                           **({"working-directory": CLONE} if in_clone else {}),
                           "env": {name: f"${{{{ secrets.{name} }}}}" for name in (*LOGIN, *secrets)}}]}


def _checkouts(sources: Sources, in_clone: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """The steps that bring hosts.yaml and this tool, and how the tool is called then: in a whole clone of the service,
    which comes last; or beside them, where hosts fetch the service."""
    inventory = {"repository": sources.project, "ref": sources.ref, "token": TOKEN}
    clone = [_checkout({"path": CLONE, "fetch-depth": 0})] if in_clone else []
    up = "../" if in_clone else ""
    if not sources.tool:
        return [_checkout(inventory), *clone], ["../fab", "--inventory ../hosts.yaml"] if in_clone else ["./fab"]
    tool = {"repository": sources.tool, "ref": sources.tool_ref, "token": TOKEN, "path": "fabvisor"}
    return [_checkout({**inventory, "path": "inventory"}), _checkout(tool), *clone], [
        f"{up}fabvisor/fab", f"--inventory {up}inventory/hosts.yaml"]


def _checkout(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"uses": "actions/checkout@v4", "with": inputs}


def _secrets(environment: Environment, services: list[Service]) -> list[str]:
    """The names of the values that the job needs, also those of one host alone. Raises Mistake for one of GitHub's own:
    GITHUB_TOKEN would be the token of the job."""
    deployed = {service.name for service in services}
    of_services = {name for target in environment.targets if target.service.name in deployed
                   for name in target.service.names_of_secrets().values()}
    names = sorted({*of_services, *(told.webhook for told in environment.notify if told.webhook)})
    kept = [name for name in names if name.upper().startswith(RESERVED)]
    if kept:
        raise Mistake(f"{kept[0]}: GitHub keeps secrets that begin with {RESERVED} to itself",
                      f"take another name: secrets: {{{kept[0]}: OUR_{kept[0].upper()}}}")
    return names


def _id(text: str, taken: dict[str, Any]) -> str:
    base = re.sub(r"[^A-Za-z0-9_-]", "-", text)
    numbered = (f"{base}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([base], numbered) if name not in taken)
