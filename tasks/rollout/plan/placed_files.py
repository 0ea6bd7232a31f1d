"""The `files` of a service against what lies on a host. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from ..._errors import NotReady
from ...inventory.nearest import first_of
from ..facts import Facts, PlacedFile

if TYPE_CHECKING:
    from ...inventory.model import Service, Target

    Known = list[tuple[Target, Facts]]          # of each target what is on its host

Change = Literal["added", "changed", "removed"]
ABSENT = PlacedFile()


def changes(service: Service, facts: Facts) -> dict[str, Change]:
    """By path, in order."""
    wanted = {content.path: (content.sha256, content.mode) for content in service.file_contents}
    changed: dict[str, Change] = {}
    for path, content in wanted.items():
        there = facts.files.get(path, ABSENT)
        if there.sha256 is None:
            changed[path] = "added"
        elif (there.sha256, there.mode) != content:
            changed[path] = "changed"
    changed.update((path, "removed") for path, there in facts.files.items()
                   if path not in wanted and there.written and there.sha256)
    return dict(sorted(changed.items()))


def edited(service: Service, facts: Facts) -> list[str]:
    """Paths of files that are neither as the last deploy wrote them nor as this one will."""
    wanted = {content.path: content.sha256 for content in service.file_contents}
    return sorted({path for tree in facts.left_by(service.strategy) for path, there in tree.files.items()
                   if (path in wanted or there.written)
                   and there.sha256 not in (None, there.written, wanted.get(path))})


def obstacles(service: Service, facts: Facts) -> list[str]:
    """What stands in the way; a new release has nothing in it."""
    if service.strategy != "in_place":
        return []
    there = (facts.clone_state or facts).files
    problems = (there.get(content.path, ABSENT).problem for content in service.file_contents)
    return [f"{problem}, where `files` puts a file" for problem in dict.fromkeys(filter(None, problems))]


def in_the_way(known: Known) -> Iterator[NotReady]:
    """What is in the way of files, by host."""
    lines = _lines(known, obstacles)
    if lines:
        yield NotReady("\n".join(first_of(lines)), "move it away on the host")


def edited_files(known: Known) -> Iterator[NotReady]:
    """Files that somebody edited or put there, by host."""
    lines = _lines(known, edited)
    if lines:
        yield NotReady("files that hosts.yaml names were edited on the host:\n" + "\n".join(first_of(lines)),
                       "take what is there into the file beside hosts.yaml; or add --set-aside: a copy stays in"
                       " .fabvisor/SERVICE/set-aside")


def _lines(known: Known, find: Callable[[Service, Facts], list[str]]) -> list[str]:
    return [f"{target.host.name}: {line} ({target.service.name})"
            for target, facts in known for line in find(target.service, facts)]
