"""A service's .gitlab-ci.yml, from the environments of hosts.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..inventory.loading import Inventory
from ..inventory.model import Environment
from . import yaml_text
from .environments import by_repository, environments_of, tier, waits_for_a_click
from .sources import Sources


def text(inventory: Inventory, services: set[str], sources: Sources) -> str:
    """YAML: the stages, and an include for each environment and repository whose services run there; sandboxes aside.
    """
    includes = [
        {**sources.template(), "file": "/templates/deploy.yml", "inputs": {**inputs, **sources.inputs()}}
        for environment in environments_of(inventory)
        for inputs in _inputs(environment, services)
    ]
    stages = yaml_text.dump({"stages": ["build", "test", "deploy"]}, default_flow_style=None)
    return stages + "\n" + yaml_text.dump({"include": includes})


def _inputs(environment: Environment, services: set[str]) -> Iterator[dict[str, Any]]:
    """The inputs of each job: services of one repository go together, as one deploy. In production, and where a deploy
    asks first, a job waits for a click."""
    for deployed in by_repository(environment, services):
        built = {"revision": "", "git_strategy": "empty"} if deployed[0].is_folder else {}      # by an earlier job
        waits = {"run": "manual"} if waits_for_a_click(environment) else {}
        yield {"service": ",".join(service.name for service in deployed), "environment": environment.name,
               "branch": environment.branch, "tier": tier(environment.name), **waits, **built}
