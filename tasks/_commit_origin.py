"""The origin of a command's commits: what the options say, and what goes together."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import inventory, mirror
from ._errors import SelectionError
from ._options import HERE

if TYPE_CHECKING:
    from .inventory.model import Target

Targets = tuple["Target", ...]


class Origin(NamedTuple):
    """`revisions`: by service; one without is left to the planner. `artifact`: what an earlier job built."""

    targets: Targets
    revisions: dict[str, str]
    artifact: mirror.artifact.Artifact | None = None


def of_deploy(targets: Targets, revision: str, fetch: str, artifact: str, branch: str) -> Origin:
    shipped = _artifact(artifact, targets)
    revision = revision or (shipped.revision if shipped else "")
    targets = _fetched_by(targets, fetch, revision, shipped is not None)
    return Origin(targets, _revisions(targets, revision, branch), shipped)


def of_rollback(targets: Targets, to: str, fetch: str) -> Origin:
    targets = _fetched_by(targets, fetch, to)
    return Origin(targets, {target.service.name: to for target in targets if to})


def _artifact(path: str, targets: Targets) -> mirror.artifact.Artifact | None:
    """The artifact of --artifact. Raises SelectionError where it cannot be a part of this command, and NotReady."""
    if not path:
        return None
    services = {target.service.name: target.service for target in targets}
    if len(services) != 1:
        raise SelectionError(f"--artifact is of one service, and {', '.join(sorted(services))} are chosen",
                             "deploy one service at a time")
    (service,) = services.values()
    if service.is_folder:
        raise SelectionError(f"--artifact has no commit to stand on: the `repo` of {service.name} is a folder",
                             "leave out --artifact")
    artifact = mirror.artifact.Artifact(Path(path))
    wrong = inventory.rules.values.check_revision(artifact.revision) if artifact.revision else ""
    if wrong:
        raise SelectionError(f"REVISION in {path}: {wrong}", "write a commit, branch or tag into it, or none")
    return artifact


def _fetched_by(targets: Targets, fetch: str, revision: str, has_artifact: bool = False) -> Targets:
    """The targets with --fetch in place of hosts.yaml's; what this machine makes or has, it sends itself."""
    if fetch not in ("", "host", "client"):
        raise SelectionError(f"--fetch {fetch!r}: no such way", "--fetch client, or --fetch host")
    if fetch == "host":
        for cause in _made_here(targets, revision, has_artifact):
            raise SelectionError(f"{cause} is on this machine: hosts cannot fetch it", "leave out --fetch host")
    way = "client" if revision == HERE or has_artifact else fetch
    return tuple(target.fetched_by(way) for target in targets) if way else targets


def _revisions(targets: Targets, revision: str, branch: str) -> dict[str, str]:
    """By service what deploy and plan bring: the revision, else the environment's branch; of a folder its files."""
    folders = [target.service.name for target in targets if target.service.is_folder]
    if revision and folders:
        raise SelectionError(f"{folders[0]} has no revisions: its `repo` is a folder", "leave out --revision")
    return {target.service.name: target.service.repo if target.service.is_folder else revision or branch
            for target in targets}


def _made_here(targets: Targets, revision: str, has_artifact: bool) -> Iterable[str]:
    if revision == HERE:
        yield "the commit of --revision ."
    if has_artifact:
        yield "the file of --artifact"
    for target in targets:
        if target.service.is_folder:
            yield f"what stands in {target.service.repo}"
        elif target.service.build_on == "client":
            yield f"what {target.service.name} is built to (`build_on: client`)"
