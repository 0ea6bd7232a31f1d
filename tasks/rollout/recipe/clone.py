"""What the strategies have in common: the service directory is a clone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...executor import protocol
from ..steps import Action, Step

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ..facts import Facts
    from ..goal import Goal


def fetch(service: Service, facts: Facts, goal: Goal) -> Step:
    """Objects only. Where there was no clone there will be none again, should the deploy not be committed."""
    do = protocol.Fetch(commit=goal.commit, requires=list(service.requires))
    remove = protocol.RemoveClone(existed=facts.directory_exists, keep=facts.contents)
    return Step(name="fetch", phase="prepare", do=Action("fetch", do),
                undo=None if facts.clone else Action("remove_clone", remove), undo_last=True)


def build_arguments(service: Service) -> protocol.Build:
    """The commands of a build, and what they run with."""
    return protocol.Build(commands=list(service.build), variables=service.environment_variables(),
                          timeout=service.build_timeout)
