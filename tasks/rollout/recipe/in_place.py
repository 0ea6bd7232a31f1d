"""The `in_place` strategy: the clone itself is built, and the program runs in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...executor import protocol
from ..steps import Action, Step
from . import clone

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ..facts import Facts
    from ..goal import Goal

fetch = clone.fetch
TAKES_OTHER_RELEASES = False            # it would check out among the folders of the other tool


def directory(facts: Facts) -> str:
    return facts.directory


def built_in(service: Service, facts: Facts, goal: Goal) -> str:
    return facts.directory


def checkout(service: Service, facts: Facts, goal: Goal) -> Step:
    was = facts.clone_state or facts
    back = protocol.CheckoutBack(commit=was.commit, branch=was.branch, set_aside=bool(was.edited) and goal.set_aside)
    do = protocol.Checkout(commit=goal.commit, set_aside=goal.set_aside, carried=service.fetch == "client",
                           replaces=bool(goal.source))
    return Step(name="checkout", phase="prepare", do=Action("checkout", do),
                undo=Action("checkout_back", back) if facts.clone else None)


def files(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Files of ours that hosts.yaml no longer names go."""
    there = (facts.clone_state or facts).files
    if not service.file_contents and not any(state.written for state in there.values()):
        return []
    back = protocol.PlaceFilesBack(paths=[content.path for content in service.file_contents])
    return [Step(name="files", phase="prepare", undo=Action("place_files_back", back),
                 do=Action("place_files", clone.file_arguments(service, facts, goal)))]


def build(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """Going back builds the old commit again, the way it was built; not where the program runs in a release."""
    if not service.build or goal.source:
        return []
    new = clone.build_arguments(service)
    known = facts.committed if facts.committed.get("to") == facts.commit else {}
    if known.get("source"):
        return [Step(name="build", phase="prepare", do=Action("build", new))]       # the old commit holds its build
    commands = known.get("build")               # [] of a version without a build, None where nobody knows
    folder = known.get("subdirectory") or (service.subdirectory if commands is None else "")
    old = protocol.Build(commands=new["commands"] if commands is None else commands,
                         variables=known.get("variables") or new["variables"], timeout=new["timeout"],
                         certain=commands is not None, subdirectory=folder)
    runs_here = facts.commit is not None and facts.clone_state is None and commands != []
    return [Step(name="build", phase="prepare", do=Action("build", new),
                 undo=Action("build", old) if runs_here else None)]


def switch(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """The new files are there since the build."""
    return []


def tidy(service: Service, facts: Facts) -> Action | None:
    """The releases of a service that was deployed as releases before."""
    ours = [built for built in facts.releases if built.is_ours]
    return Action("tidy_releases", protocol.TidyReleases(keep=0)) if ours or facts.current else None
