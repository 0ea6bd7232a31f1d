"""The part of the steps that the strategies have in common: the service directory is a clone."""

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
    remove = protocol.RemoveClone(existed=facts.directory_exists, keep=facts.contents)
    return Step(name="fetch", phase="prepare", do=_fetch(service, goal),
                undo=None if facts.clone else Action("remove_clone", remove), undo_last=True)


def _fetch(service: Service, goal: Goal) -> Action:
    """`goal.parts` is empty where no revision was resolved: a rollback goes to a commit that hosts have."""
    requires = list(service.requires)
    files = [file.path for file in service.files]
    if service.fetch == "host":
        return Action("fetch", protocol.Fetch(commit=goal.commit, revision=goal.revision, requires=requires,
                                              files=files))
    parts = [protocol.RepositoryCommit(repo=repo, commit=commit)
             for repo, commit in goal.parts or ((service.repo, goal.commit),)]
    return Action("receive", protocol.Receive(
        commit=goal.commit, branch=None if goal.source else goal.branch, requires=requires, files=files,
        parts=parts))


def build_arguments(service: Service) -> protocol.Build:
    """The commands of a build, and what they run with."""
    return protocol.Build(commands=list(service.build), variables=service.environment_variables(),
                          timeout=service.build_timeout, subdirectory=service.subdirectory)


def file_arguments(service: Service, facts: Facts, goal: Goal) -> protocol.PlaceFiles:
    """The `files` of the service, and who may read them."""
    users = {program.options.get("user", facts.default_user) for program in service.programs}
    return protocol.PlaceFiles(
        files=[protocol.PlacedFile(path=content.path, data=content.data, mode=content.mode, secrecy=content.secrecy)
               for content in service.file_contents],
        users=sorted(filter(None, users)), set_aside=goal.set_aside or goal.force)
