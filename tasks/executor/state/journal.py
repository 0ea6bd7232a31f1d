"""The journal of a deploy: what must be undone, on the disk before the first change.

Its first line, the head, has the name and the undo of each step. A line more is written before each step begins.
Copies of the files that the deploy replaces lie in the `before-<deploy>` folders of the services.
"""

from __future__ import annotations

import json
import os
import shutil
from types import MappingProxyType
from typing import Any, Callable, Container, Dict, Iterable, Mapping

from ..disk import files, json_lines, placed_backup
from ..disk.placed_files import PlacedFiles
from ..errors import CannotRestore
from ..layout import Layout
from . import history

Step = Dict[str, Any]


class Journal:
    """`head`: deploy, by, command, place, replaces, services: {name: {directory, repo, record, steps: [{name, undo}]}}.

    `replaces`: deploys whose undo failed; older versions name none. `back`: by service what an undo that did not come
    to its end had brought back: `programs` of ProgramBack in protocol.py, with the processes of then."""

    def __init__(self, layout: Layout, head: dict[str, Any], begun: list[tuple[str, str]],
                 back: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.layout = layout
        self.head = head
        self.begun = begun
        self.back = back
        self.path = layout.journal_file(head["deploy"])

    @property
    def deploy(self) -> str:
        return str(self.head["deploy"])

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        services: dict[str, dict[str, Any]] = self.head["services"]
        return services

    def begin(self, service: str, step: str) -> None:
        """On the disk when this returns, if the step has an undo: from now on it must be undone."""
        self.begun.append((service, step))
        json_lines.append(self.path, {"begin": [service, step]}, sync=(service, step) in self._names_of_undoable())

    def note_back(self, service: str, programs: Any) -> None:
        """The programs of the service are as before, in these processes: an undo that begins again leaves them alone.
        """
        self.back = {**self.back, service: programs}
        json_lines.append(self.path, {"back": [service, programs]})

    def undos(self, replaced: Container[str] = ()) -> list[tuple[str, Step]]:
        """(service, step) of each step that was begun and has an undo, in the recipe's order; for services that are
        `replaced` also the step that brings the program back.

        What a first deploy created is removed last: until then the program may still run in it.
        """
        pairs = [(service, step) for service, step in self._undoable()
                 if (service, step["name"]) in self.begun
                 or (service in replaced and step["undo"]["action"] == "program_back")]
        return sorted(pairs, key=lambda pair: bool(pair[1].get("undo_last")))       # stable

    def steps_undone_by(self, action: str) -> list[tuple[str, Step]]:
        """(service, step) with that undo, begun or not, of services where something is to be undone."""
        touched = {service for service, step in self._undoable() if (service, step["name"]) in self.begun}
        return [(service, step) for service, step in self._undoable()
                if service in touched and step["undo"]["action"] == action]

    def _undoable(self) -> list[tuple[str, Step]]:
        return [(service, step) for service, part in sorted(self.services.items())
                for step in _in_order_of_undo(part["steps"]) if step["undo"]]

    def _names_of_undoable(self) -> list[tuple[str, str]]:
        return [(service, step["name"]) for service, step in self._undoable()]

    def committed(self) -> bool:
        """One history line is enough: the next command writes the others."""
        lines = (history.find(self.layout, service, self.deploy) for service in self.services)
        return any(line and line.get("result") == "committed" for line in lines)

    @property
    def replaces(self) -> list[str]:
        return list(self.head.get("replaces", ()))

    def commit(self, outcomes: Mapping[str, Mapping[str, Any]], replaced: Iterable[Journal] = ()) -> None:
        """Write the history lines: each record of the journal, with the service's outcome. Then remove the journal, and
        before it those of the deploys whose place it takes: nothing of them is undone any more.

        The first line is the commit record of the whole deploy on this host. After a power cut in between, the next
        command writes the others, without their outcomes.
        """
        for service, part in sorted(self.services.items()):
            history.write(self.layout, service, {**part["record"], **outcomes.get(service, {}), "result": "committed"})
        for left in replaced:
            left.give_up(f"its undo failed; deploy {self.deploy} took its place")
        self.remove()

    def give_up(self, why: str) -> None:
        """Undo nothing more: write the history lines, and remove the journal."""
        for service, part in sorted(self.services.items()):
            history.write(self.layout, service, {**part["record"], "result": "restored", "why": why})
        self.remove()

    def remove(self) -> None:
        """The journal before its backups: a journal without them would undo too much."""
        files.remove(self.path)
        for service in self.services:
            shutil.rmtree(self.layout.backup(service, self.deploy), ignore_errors=True)


def create(layout: Layout, head: dict[str, Any], hook_envs: Mapping[str, str] = MappingProxyType({})) -> Journal:
    """Back up the files, then write the journal; where that fails, leave neither. Raises OSError.

    `hook_envs`: by service the environment file for hooks on the way back, where one needs it.
    """
    journal = Journal(layout, head, [])
    try:
        for service, part in head["services"].items():
            _back_up(layout, service, head["deploy"], hook_envs.get(service))
            _back_up_placed(layout, service, part, layout.backup(service, head["deploy"]))
        files.write_atomic(journal.path, json.dumps(head).encode() + b"\n")
    except OSError:
        journal.remove()
        raise
    return journal


def unfinished(layout: Layout) -> list[Journal]:
    """The journals on this host, oldest first."""
    return [_read(layout, path) for path in _paths(layout)]


def readable(layout: Layout) -> list[Journal]:
    """As unfinished(), but without those that nobody can read."""
    return [journal for journal in (_try(layout, path) for path in _paths(layout)) if journal]


def remove_unreadable(layout: Layout) -> None:
    for path in _paths(layout):
        if _try(layout, path) is None:
            files.remove(path)


def to_undo(layout: Layout) -> list[Journal]:
    """The journals of deploys that are still to be undone."""
    return [journal for journal in unfinished(layout) if not journal.committed()]


def tidy(layout: Layout, service: str) -> None:
    """Remove what a power cut left: backups without a journal, temporary clones, files not yet renamed."""
    state = layout.service_state(service)
    for name in os.listdir(state) if os.path.isdir(state) else ():      # an undo runs commands that may remove it
        if name.startswith("resolve-"):
            shutil.rmtree(os.path.join(state, name), ignore_errors=True)
        # The copy of a handwritten program file is no backup of a deploy: it stays.
        if (name.startswith("before-") and not name.endswith(".conf")
                and not os.path.exists(layout.journal_file(name[len("before-"):]))):
            shutil.rmtree(os.path.join(state, name), ignore_errors=True)
        if name.startswith(".") and name.endswith(".new"):
            files.remove(os.path.join(state, name))


def tidy_unnamed(layout: Layout, running: Callable[[], Container[str]]) -> None:
    """Remove journals that were not yet renamed. Their deploys, unless `running`, were killed before they began."""
    names = [name for name in os.listdir(layout.journals) if name.startswith(".")]
    deploys = running() if names else ()
    for name in names:
        if name[1:].partition(".")[0] not in deploys:
            files.remove(os.path.join(layout.journals, name))


def _paths(layout: Layout) -> list[str]:
    names = sorted(os.listdir(layout.journals)) if os.path.isdir(layout.journals) else []
    return [os.path.join(layout.journals, name) for name in names if name.endswith(".json")]


def _try(layout: Layout, path: str) -> Journal | None:
    try:
        return _read(layout, path)
    except CannotRestore:
        return None


def _read(layout: Layout, path: str) -> Journal:
    lines = list(json_lines.read(path))
    if not lines or not isinstance(lines[0].get("services"), dict):
        raise CannotRestore(f"the journal {path} cannot be read, so nobody knows what its interrupted deploy left",
                            "look at the host with fab status, then: fab recover SERVICE --accept")
    begun = [(line["begin"][0], line["begin"][1]) for line in lines[1:] if "begin" in line]
    back = dict(line["back"] for line in lines[1:] if "back" in line)
    return Journal(layout.of_deploy(lines[0]["place"], lines[0]["services"]), lines[0], begun, back)


def _in_order_of_undo(steps: list[Step]) -> list[Step]:
    """An undo may run in the place of another step (`undo_at`), after the undo of that one."""
    names = [step["name"] for step in steps]

    def place(step: Step) -> tuple[int, bool]:
        other = step.get("undo_at")             # journals of older versions have none
        return [*names, other].index(other or step["name"]), bool(other)      # behind all, where the host has no such

    return sorted(steps, key=place)


def _back_up_placed(layout: Layout, service: str, part: Mapping[str, Any], folder: str) -> None:
    """The files of `files` in the clone, where a step of the deploy changes them."""
    undos = [step["undo"] for step in part["steps"] if step["undo"]]
    for undo in undos:
        if undo["action"] == "place_files_back":
            placed = PlacedFiles(layout.below_root(part["directory"]), layout.placed_files(service))
            placed_backup.save(placed, undo["args"]["paths"], folder)


def _back_up(layout: Layout, service: str, deploy: str, hook_env: str | None) -> None:
    """Copy the files that a deploy replaces; a missing copy says that there was no file."""
    folder = layout.backup(service, deploy)
    files.ensure_dir(folder, 0o700)
    program = layout.access.program_file(service)
    env_file = layout.env_file(service)
    if program is not None:
        files.write_synced(os.path.join(folder, "program"), program.data, program.mode)
    variables = files.read_bytes(env_file)
    if variables is not None:
        files.write_synced(os.path.join(folder, "env"), variables, owner=files.owner_of(env_file))
    if hook_env is not None:
        files.write_synced(layout.hook_env(service, deploy), hook_env.encode("utf-8", "surrogateescape"))
    os.makedirs(os.path.dirname(layout.failed_program(service, deploy)), 0o700, exist_ok=True)
    files.sync_dir(folder)
