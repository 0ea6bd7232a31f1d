"""The environments of hosts.yaml as pipelines know them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..inventory.loading import Inventory
from ..inventory.model import Environment, Service

# As GitLab guesses from a name (app/models/environment.rb, guess_tier); the first that fits counts.
TIERS = (
    ("development", r"dev|review|trunk"),
    ("testing", r"test|tst|int|ac(ce)?pt|qa|qc|control|quality"),
    ("staging", r"sta?g|mode?l|pre|demo|non"),
    ("production", r"pro?d|live"),
)


def environments_of(inventory: Inventory) -> Iterator[Environment]:
    """All but the sandboxes."""
    for name in inventory.environments:
        environment = inventory.environment(name)
        if not environment.sandbox:
            yield environment


def deployed(inventory: Inventory) -> set[str]:
    """The services that run anywhere but in a sandbox."""
    return {target.service.name for environment in environments_of(inventory) for target in environment.targets}


def by_repository(environment: Environment, services: set[str]) -> list[list[Service]]:
    """Those of the services that run there, in name order: those of one repository go together, as one deploy."""
    chosen = {target.service.name: target.service for target in environment.targets if target.service.name in services}
    groups: dict[str, list[Service]] = {}
    for name in sorted(chosen):
        groups.setdefault(chosen[name].repo, []).append(chosen[name])
    return list(groups.values())


def of_repositories(inventory: Inventory, services: set[str]) -> list[str]:
    """The services, a comma list for each repository. A folder as `repo` is of any."""
    names: dict[str, set[str]] = {}
    for environment in environments_of(inventory):
        for target in environment.targets:
            if target.service.name in services and not target.service.is_folder:
                names.setdefault(target.service.repo, set()).add(target.service.name)
    return sorted({",".join(sorted(group)) for group in names.values()})


def tier(name: str) -> str:
    return next((tier for tier, pattern in TIERS if re.search(pattern, name, re.IGNORECASE)), "other")


def waits_for_a_click(environment: Environment) -> bool:
    """In production, and where a deploy asks first."""
    return environment.confirm or tier(environment.name) == "production"
