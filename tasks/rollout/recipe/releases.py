"""The `releases` strategy: each release is a git worktree of the clone, built beside the one that runs.

The link `current` points to the release that runs; it is switched atomically, and back.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from ...executor import protocol
from ...program import files
from ..steps import Action, Step
from . import clone

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ..facts import Facts, Release
    from ..goal import Goal

fetch = clone.fetch
TAKES_OTHER_RELEASES = True             # they are the versions before


def directory(facts: Facts) -> str:
    return f"{facts.directory}/current"


def built_in(service: Service, facts: Facts, goal: Goal) -> str:
    return f"{facts.directory}/releases/{release(service, facts, goal)}"


def checkout(service: Service, facts: Facts, goal: Goal) -> Step:
    """A complete release stays as it is; the undo removes a release that this deploy made."""
    name = release(service, facts, goal)
    do = protocol.CheckoutRelease(
        release=name, commit=goal.commit, digest=digest(service, goal), shared=list(service.shared),
        set_aside=goal.set_aside, complete=not service.build or bool(goal.source), carried=service.fetch == "client")
    if service.shared_directory:
        do["shared_directory"] = service.shared_directory
    # Last: until it has been restarted, the program may still stand in it.
    return Step(name="checkout", phase="prepare", do=Action("checkout_release", do),
                undo=Action("remove_release", protocol.RemoveRelease(release=name)), undo_last=True)


def build(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    if not service.build or goal.source:
        return []
    do = protocol.BuildRelease(release=release(service, facts, goal), digest=digest(service, goal),
                               **clone.build_arguments(service))
    return [Step(name="build", phase="prepare", do=Action("build_release", do))]


def switch(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Right before the restart: a program that dies in between would start in the new release, and stay there though
    the deploy failed."""
    return [Step(name="switch", phase="activate", undo=Action("switch", _switch_back(facts)),
                 do=Action("switch", protocol.Switch(release=release(service, facts, goal))))]


def _switch_back(facts: Facts) -> protocol.Switch:
    """What is not ours gets its own link back, letter by letter: another tool may compare it."""
    ours = [built.name for built in facts.releases if built.is_ours]
    if facts.current_target is None or facts.current in ours:
        return protocol.Switch(release=facts.current)
    return protocol.Switch(release=facts.current, target=facts.current_target)


def tidy(service: Service, facts: Facts) -> Action | None:
    return Action("tidy_releases", protocol.TidyReleases(keep=service.keep_releases))


def release(service: Service, facts: Facts, goal: Goal) -> str:
    """The name of the folder: the commit, with a number behind it where a folder of that name must stay as it is.

    Files of a running release never change: what has to be built anew is built beside it.
    """
    ready = [built.name for built in facts.releases if _is_ready(built, service, facts, goal)]
    if ready:
        return facts.current if facts.current in ready else ready[-1]
    others = [built.name for built in facts.releases if built.commit == goal.commit]
    if others and goal.is_previous:
        return others[-1]
    taken = {other.name for other in facts.releases if other.digest or other.in_use or other.name == facts.current}
    numbered = (f"{goal.commit}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([goal.commit], numbered) if name not in taken)


def digest(service: Service, goal: Goal) -> str:
    """A hash of what makes two builds of one commit differ; one that a client built holds its only build."""
    shared = list(service.shared)
    folder = [service.subdirectory] if service.subdirectory else []
    parts: list[object] = [list(service.build), service.variables, service.run_mode, shared, *folder]
    if goal.source:
        parts = [shared]
    where = [service.shared_directory] if service.shared_directory else []
    return files.digest(json.dumps([*parts, *where], sort_keys=True))


def _is_ready(built: Release, service: Service, facts: Facts, goal: Goal) -> bool:
    """The facts say whether somebody edited the release that runs; the host checks another one before it takes it."""
    if built.name.partition("-")[0] != goal.commit or built.digest != digest(service, goal):
        return False
    if goal.force and facts.commit == goal.commit:
        return False                        # --force builds the present commit anew
    return built.name != facts.current or (facts.commit == goal.commit and not facts.edited)
