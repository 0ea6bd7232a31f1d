"""The `releases` strategy: each release is a git worktree of the clone, built beside the one that runs.

The link `current` points to the release that runs; it is switched atomically, and back.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

from ...executor import protocol
from ...program.files import digest as files_digest
from ..steps import Action, Step
from . import clone

if TYPE_CHECKING:
    from ...inventory.model import Service
    from ..facts import Facts, Release
    from ..goal import Goal

fetch = clone.fetch
TAKES_OTHER_RELEASES = True             # they are the versions before
SEPARATOR = "+"                         # between the digests of a build and of its files


def directory(facts: Facts) -> str:
    return f"{facts.directory}/current"


def built_in(service: Service, facts: Facts, goal: Goal) -> str:
    return f"{facts.directory}/releases/{release(service, facts, goal)}"


def checkout(service: Service, facts: Facts, goal: Goal) -> Step:
    """A complete release stays as it is; the undo removes a release that this deploy made."""
    name = release(service, facts, goal)
    do = protocol.CheckoutRelease(
        release=name, commit=goal.commit, digest=_digest_of(name, service, facts, goal), shared=list(service.shared),
        set_aside=goal.set_aside, complete=not _is_built(service, goal) and not service.file_contents,
        carried=service.fetch == "client")
    if service.shared_directory:
        do["shared_directory"] = service.shared_directory
    if service.file_contents and _keeps_files(name, service, facts, goal):
        do["as_it_is"] = True
    # Last: until it has been restarted, the program may still stand in it.
    return Step(name="checkout", phase="prepare", do=Action("checkout_release", do),
                undo=Action("remove_release", protocol.RemoveRelease(release=name)), undo_last=True)


def files(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    """The release that a rollback leads to has its own files."""
    name = release(service, facts, goal)
    if not service.file_contents or _keeps_files(name, service, facts, goal):
        return []
    do = protocol.PlaceReleaseFiles(release=name, digest=digest(service, goal), complete=not _is_built(service, goal),
                                    **clone.file_arguments(service, facts, goal))
    return [Step(name="files", phase="prepare", do=Action("place_release_files", do))]


def build(service: Service, facts: Facts, goal: Goal) -> list[Step]:
    if not _is_built(service, goal):
        return []
    name = release(service, facts, goal)
    do = protocol.BuildRelease(release=name, digest=_digest_of(name, service, facts, goal),
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
    ready = _ready(service, facts, goal)
    if ready:
        return facts.current if facts.current in ready else ready[-1]
    others = [built.name for built in facts.releases if built.commit == goal.commit]
    if others and goal.is_previous:
        return others[-1]
    taken = {other.name for other in facts.releases if other.digest or other.in_use or other.name == facts.current}
    numbered = (f"{goal.commit}-{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([goal.commit], numbered) if name not in taken)


def digest(service: Service, goal: Goal) -> str:
    """A hash of what makes two builds of one commit differ; one that a client built holds its only build. Where the
    service has `files`, a hash of these follows."""
    contents = [[content.path, content.mode, content.sha256] for content in service.file_contents]
    of_files = [files_digest(json.dumps(contents))] if contents else []
    return SEPARATOR.join([_build_digest(service, goal), *of_files])


def _build_digest(service: Service, goal: Goal) -> str:
    shared = list(service.shared)
    folder = [service.subdirectory] if service.subdirectory else []
    parts: list[object] = [list(service.build), service.variables, service.run_mode, shared, *folder]
    if goal.source:
        parts = [shared]
    where = [service.shared_directory] if service.shared_directory else []
    return files_digest(json.dumps([*parts, *where], sort_keys=True))


def _digest_of(name: str, service: Service, facts: Facts, goal: Goal) -> str:
    """That of a release which is ready; else the one that it will have."""
    ready = _ready(service, facts, goal)
    return next((built.digest or "" for built in facts.releases if built.name == name in ready), digest(service, goal))


def _keeps_files(name: str, service: Service, facts: Facts, goal: Goal) -> bool:
    """Whether it is a release with files of its own. Those of another tool are not ours to change."""
    others = [built.name for built in facts.releases if not built.is_ours]
    return goal.keeps_files and name in [*others, *_ready(service, facts, goal)]


def _is_built(service: Service, goal: Goal) -> bool:
    return bool(service.build) and not goal.source


def _ready(service: Service, facts: Facts, goal: Goal) -> list[str]:
    """The names of the releases that can run as they are."""
    return [built.name for built in facts.releases if _is_ready(built, service, facts, goal)]


def _is_ready(built: Release, service: Service, facts: Facts, goal: Goal) -> bool:
    """The facts say whether somebody edited the release that runs; the host checks another one before it takes it."""
    if built.name.partition("-")[0] != goal.commit or not built.digest:
        return False
    if built.digest != digest(service, goal) and not (
            goal.keeps_files and built.digest.partition(SEPARATOR)[0] == _build_digest(service, goal)):
        return False
    if goal.force and facts.commit == goal.commit:
        return False                        # --force builds the present commit anew
    if built.name != facts.current:
        return True
    return facts.commit == goal.commit and not facts.edited and not facts.edited_placed_files
