"""What the strategies have in common: the service directory is a clone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..steps import Action, Step

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ..facts import Facts
    from ..goal import Goal


def fetch(service: Service, facts: Facts, goal: Goal) -> Step:
    """Objects only. Where there was no clone there will be none again, should the deploy not be committed."""
    there = {"existed": facts.directory_exists, "keep": facts.contents}
    remove = None if facts.clone else Action("remove_clone", there)
    do = Action("fetch", {"commit": goal.commit, "requires": list(service.requires)})
    return Step(name="fetch", phase="prepare", do=do, undo=remove, undo_last=True)


def building(service: Service) -> dict[str, Any]:
    """What the commands of a build are, and run with."""
    return {"commands": list(service.build), "variables": service.environment_variables(),
            "timeout": service.build_timeout}
