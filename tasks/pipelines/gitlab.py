"""A service's .gitlab-ci.yml, from the environments of hosts.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from ..inventory.loading import Inventory
from ..inventory.model import Environment


class Sources(NamedTuple):
    """Where GitLab has hosts.yaml; and this tool, unless that is the same project. The defaults are those of
    templates/deploy.yml."""

    project: str = "ops/deploy"
    ref: str = "main"
    tool: str = ""
    tool_ref: str = "main"

    def inputs(self) -> dict[str, str]:
        """What the template must be told."""
        defaults = Sources()._asdict()
        return {name: value for name, value in self._asdict().items() if value != defaults[name]}

    def template(self) -> dict[str, str]:
        """Where the template itself is."""
        return {"project": self.tool or self.project, "ref": self.tool_ref if self.tool else self.ref}


# As GitLab guesses from a name (app/models/environment.rb, guess_tier); the first that fits counts.
TIERS = (
    ("development", r"dev|review|trunk"),
    ("testing", r"test|tst|int|ac(ce)?pt|qa|qc|control|quality"),
    ("staging", r"sta?g|mode?l|pre|demo|non"),
    ("production", r"pro?d|live"),
)


def text(inventory: Inventory, services: set[str], sources: Sources) -> str:
    """YAML: the stages, and an include for each environment and repository whose services run there; sandboxes aside.
    """
    includes = [
        {**sources.template(), "file": "/templates/deploy.yml", "inputs": {**inputs, **sources.inputs()}}
        for environment in _environments(inventory)
        for inputs in _inputs(environment, services)
    ]
    stages = yaml.safe_dump({"stages": ["build", "test", "deploy"]}, default_flow_style=None)
    return stages + "\n" + yaml.safe_dump({"include": includes}, sort_keys=False)


def deployed(inventory: Inventory) -> set[str]:
    """The services that run anywhere but in a sandbox."""
    return {target.service.name for environment in _environments(inventory) for target in environment.targets}


def tier(name: str) -> str:
    return next((tier for tier, pattern in TIERS if re.search(pattern, name, re.IGNORECASE)), "other")


def _environments(inventory: Inventory) -> Iterator[Environment]:
    for name in inventory.environments:
        environment = inventory.environment(name)
        if not environment.sandbox:
            yield environment


def _inputs(environment: Environment, services: set[str]) -> Iterator[dict[str, Any]]:
    """The inputs of each job: services of one repository go together, as one deploy. In production, and where a deploy
    asks first, a job waits for a click."""
    kind = tier(environment.name)
    chosen = {target.service.name: target.service for target in environment.targets if target.service.name in services}
    by_repo: dict[str, list[str]] = {}
    for name in sorted(chosen):
        by_repo.setdefault(chosen[name].repo, []).append(name)
    for names in by_repo.values():
        no_revision = {"revision": ""} if chosen[names[0]].is_folder else {}
        waits = {"run": "manual"} if environment.confirm or kind == "production" else {}
        yield {"service": ",".join(names), "environment": environment.name, "branch": environment.branch, "tier": kind,
               **waits, **no_revision}
