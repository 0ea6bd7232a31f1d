"""The `in_place` strategy: the service directory is the clone, and the build happens in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.inventory.model import Service
from tasks.rollout.facts import Facts
from tasks.rollout.steps import Action, Step

if TYPE_CHECKING:
    from tasks.rollout.goal import Goal


def fetch(service: Service, facts: Facts, goal: Goal) -> Step:
    """Objects only. Where there was no clone there will be none again, should the deploy not be committed."""
    remove = None if facts.clone else Action("remove_clone", {"existed": facts.directory_exists})
    do = Action("fetch", {"commit": goal.commit, "requires": list(service.requires)})
    return Step(name="fetch", phase="prepare", do=do, undo=remove, undo_last=True)


def checkout(facts: Facts, goal: Goal) -> Step:
    set_aside = bool(facts.edited) and goal.set_aside
    where = {"commit": facts.commit, "branch": facts.branch, "set_aside": set_aside}
    back = Action("checkout_back", where) if facts.commit else None
    do = Action("checkout", {"commit": goal.commit, "set_aside": goal.set_aside})
    return Step(name="checkout", phase="prepare", do=do, undo=back)


def build(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Going back builds the old commit again, the way it was built."""
    if not service.build:
        return []
    new = _build(service, list(service.build), dict(service.variables, RUN_MODE=service.run_mode))
    old = facts.committed if facts.committed.get("to") == facts.commit else {}
    undo = _build(service, old.get("build") or list(service.build), old.get("variables") or new.args["variables"])
    return [Step(name="build", phase="prepare", do=new, undo=undo if facts.commit else None)]


def _build(service: Service, commands: list[str], variables: dict[str, str]) -> Action:
    return Action("build", {"commands": commands, "variables": variables, "timeout": service.build_timeout})
