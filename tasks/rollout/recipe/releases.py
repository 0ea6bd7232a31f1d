"""The `releases` strategy: each release is a git worktree of the clone, built beside the one that runs.

What runs is what `current` points to; it is switched at once, and back at once.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ...executor import protocol
from ...program import files
from ..steps import Action, Step
from . import clone

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ..facts import Facts
    from ..goal import Goal

fetch = clone.fetch


def directory(facts: Facts) -> str:
    return f"{facts.directory}/current"


def built_in(service: Service, facts: Facts, goal: Goal) -> str:
    return f"{facts.directory}/releases/{release(service, facts, goal)}"


def checkout(service: Service, facts: Facts, goal: Goal) -> Step:
    """A release that is there and complete is left alone; one that this deploy made goes again if it fails."""
    name = release(service, facts, goal)
    do = protocol.CheckoutRelease(
        release=name, commit=goal.commit, digest=digest(service), shared=list(service.shared),
        set_aside=goal.set_aside, complete=not service.build)
    # Last: until it has been restarted, the program may still stand in it.
    return Step(name="checkout", phase="prepare", do=Action("checkout_release", do),
                undo=Action("remove_release", protocol.RemoveRelease(release=name)), undo_last=True)


def build(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    if not service.build:
        return []
    do = protocol.BuildRelease(release=release(service, facts, goal), digest=digest(service),
                               **clone.build_arguments(service))
    return [Step(name="build", phase="prepare", do=Action("build_release", do))]


def switch(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Right before the restart: a program that dies in between would start in the new release, and stay there though
    the deploy failed."""
    do, undo = (protocol.Switch(release=name) for name in (release(service, facts, goal), facts.current))
    return [Step(name="switch", phase="activate", do=Action("switch", do), undo=Action("switch", undo))]


def tidy(service: Service, facts: Facts) -> Action | None:
    return Action("tidy_releases", protocol.TidyReleases(keep=service.keep_releases))


def release(service: Service, facts: Facts, goal: Goal) -> str:
    """The folder's name: the commit; with a number behind it where that one must not be touched.

    Files of a running release never change: what has to be built anew is built beside it.
    """
    ready = [one.name for one in facts.releases if _is_ready(one.name, one.digest, service, facts, goal)]
    if ready:
        return facts.current if facts.current in ready else ready[-1]
    taken = {one.name for one in facts.releases if one.digest or one.in_use or one.name == facts.current}
    numbered = (f"{goal.commit}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([goal.commit], numbered) if name not in taken)


def digest(service: Service) -> str:
    """Of what makes two builds of one commit differ."""
    import json

    parts = [list(service.build), service.variables, service.run_mode, list(service.shared)]
    return files.digest(json.dumps(parts, sort_keys=True))


def _is_ready(name: str, built: str | None, service: Service, facts: Facts, goal: Goal) -> bool:
    """Of the one that runs we know whether somebody edited it; of the others the host looks before it takes them."""
    if name.partition("-")[0] != goal.commit or built != digest(service):
        return False
    if goal.force and facts.commit == goal.commit:
        return False                        # asked to do again what is there
    return name != facts.current or (facts.commit == goal.commit and not facts.edited)
