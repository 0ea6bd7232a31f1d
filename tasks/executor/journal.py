"""What must be undone, on the disk before the first change.

The first line is the whole plan but for what it does: of each step its name and its undo. Then a line
before each step begins. The files that a deploy replaces lie beside it, in `before-<deploy>` folders.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Callable, Container, Dict, Mapping

from . import files, history
from .errors import CannotRestore
from .layout import Layout

Step = Dict[str, Any]


class Journal:
    """`head`: deploy, by, command, place, services: {name: {directory, repo, record, steps: [{name, undo}]}}."""

    def __init__(self, layout: Layout, head: dict[str, Any], begun: list[tuple[str, str]]) -> None:
        self.layout = layout
        self.head = head
        self.begun = begun
        self.path = layout.journal_file(head["deploy"])

    @property
    def deploy(self) -> str:
        return str(self.head["deploy"])

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.head["services"]
        return found

    def begin(self, service: str, step: str) -> None:
        self.begun.append((service, step))
        files.append_line(self.path, {"begin": [service, step]})

    def undos(self, replaced: Container[str] = ()) -> list[tuple[str, Step]]:
        """(service, step) of what was begun and has an undo, in the recipe's order; of services that are `replaced`
        also what brings the program back.

        What a first deploy created is removed last: the program may still stand in it until then.
        """
        found = [(service, step) for service, step in self._undoable()
                 if (service, step["name"]) in self.begun
                 or (service in replaced and step["undo"]["action"] == "program_back")]
        return [pair for pair in found if not pair[1].get("undo_last")] + \
               [pair for pair in found if pair[1].get("undo_last")]

    def ways_back(self, action: str) -> list[tuple[str, Step]]:
        """(service, step) with that undo, begun or not, of services where something is to be undone."""
        touched = {service for service, step in self._undoable() if (service, step["name"]) in self.begun}
        return [(service, step) for service, step in self._undoable()
                if service in touched and step["undo"]["action"] == action]

    def _undoable(self) -> list[tuple[str, Step]]:
        return [(service, step) for service, part in sorted(self.services.items()) for step in part["steps"]
                if step["undo"]]

    def committed(self) -> bool:
        """One history line is enough: the next command writes the others."""
        lines = (history.find(self.layout, service, self.deploy) for service in self.services)
        return any(line and line.get("result") == "committed" for line in lines)

    def commit(self, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the history lines: each record of the journal, with the service's outcome. Then remove the journal.

        The first line is the commit record of the whole deploy on this host. After a power cut in between, the next
        command writes the others, without their outcomes.
        """
        for service, part in sorted(self.services.items()):
            history.write(self.layout, service, {**part["record"], **outcomes.get(service, {}), "result": "committed"})
        self.remove()

    def remove(self) -> None:
        """The journal before the backups that it speaks of: one without the other would undo too much."""
        files.remove(self.path)
        for service in self.services:
            shutil.rmtree(self.layout.backup(service, self.deploy), ignore_errors=True)


def create(layout: Layout, head: dict[str, Any]) -> Journal:
    """Backups first, then the journal that speaks of them; or nothing of it."""
    journal = Journal(layout, head, [])
    try:
        for service in head["services"]:
            _back_up(layout, service, head["deploy"])
        files.write_atomic(journal.path, json.dumps(head).encode() + b"\n")
    except OSError:
        journal.remove()
        raise
    return journal


def unfinished(layout: Layout) -> list[Journal]:
    """The journals on this host, oldest first."""
    names = sorted(os.listdir(layout.journals)) if os.path.isdir(layout.journals) else []
    return [_read(layout, os.path.join(layout.journals, name)) for name in names if name.endswith(".json")]


def due(layout: Layout) -> list[Journal]:
    """Those whose deploys are to be undone."""
    return [left for left in unfinished(layout) if not left.committed()]


def tidy(layout: Layout, service: str) -> None:
    """Backups without a journal, clones only made to resolve a revision, files aside: the power went meanwhile."""
    state = layout.service_state(service)
    for name in os.listdir(state):
        if name.startswith("resolve-"):
            shutil.rmtree(os.path.join(state, name), ignore_errors=True)
        if name.startswith("before-") and not os.path.exists(layout.journal_file(name[len("before-"):])):
            shutil.rmtree(os.path.join(state, name), ignore_errors=True)
        if name.startswith(".") and name.endswith(".new"):
            files.remove(os.path.join(state, name))


def tidy_asides(layout: Layout, at_work: Callable[[], Container[str]]) -> None:
    """Journals that were never renamed: their deploys, killed meanwhile, had begun nothing."""
    found = [name for name in os.listdir(layout.journals) if name.startswith(".")]
    busy = at_work() if found else ()
    for name in found:
        if name[1:].partition(".")[0] not in busy:
            files.remove(os.path.join(layout.journals, name))


def _read(layout: Layout, path: str) -> Journal:
    lines = list(files.read_lines(path))
    if not lines or "services" not in lines[0]:
        raise CannotRestore(f"the journal {path} cannot be read: what an interrupted deploy left is not known",
                            "see by hand that the service is well, then remove that file")
    begun = [(line["begin"][0], line["begin"][1]) for line in lines[1:] if "begin" in line]
    # Where things were then: hosts.yaml may say otherwise by now.
    return Journal(Layout(dict(lines[0]["place"], root=layout.root)), lines[0], begun)


def _back_up(layout: Layout, service: str, deploy: str) -> None:
    """Copies of the files that a deploy replaces; a missing copy says that there was no file."""
    folder = layout.backup(service, deploy)
    files.ensure_dir(folder, 0o700)
    for name, path in (("program", layout.program_file(service)), ("env", layout.env_file(service))):
        data = files.read_bytes(path)
        if data is not None:
            mode = os.stat(path).st_mode & 0o777
            files.write_atomic(os.path.join(folder, name), data, mode)
    files.sync_dir(layout.service_state(service))
