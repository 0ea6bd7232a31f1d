"""The journal: what must be undone is on the disk before the first change."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tasks.executor import errors
from tasks.executor.layout import Layout
from tasks.executor.state import history, journal


def head(layout: Layout, deploy: str = "d1", services: str = "ab", **record: Any) -> dict[str, Any]:
    steps = [{"name": name, "undo": {"action": f"{name}_back", "args": {}} if name != "verify" else None,
              "undo_last": name == "fetch"} for name in ("fetch", "checkout", "verify")]
    parts = {name: {"directory": name, "repo": "r", "record": {"deploy": deploy, **record}, "steps": steps}
             for name in services}
    return {"deploy": deploy, "by": "ann", "command": "deploy", "place": layout.settings, "services": parts}


@pytest.mark.promise(4)
def test_journal_is_read_back_as_it_was_written(layout: Layout) -> None:
    written = journal.create(layout, head(layout))
    for service, step in (("a", "fetch"), ("b", "fetch"), ("b", "checkout"), ("a", "verify")):
        written.begin(service, step)
    (read,) = journal.unfinished(layout)
    assert (read.head, read.begun) == (written.head, written.begun)
    undos = [(service, step["name"]) for service, step in read.undos()]
    assert undos == [("b", "checkout"), ("a", "fetch"), ("b", "fetch")]
    assert os.stat(written.path).st_mode & 0o777 == 0o600


@pytest.mark.promise(4)
def test_journal_ignores_a_torn_begin_line(layout: Layout) -> None:
    written = journal.create(layout, head(layout))
    written.begin("a", "fetch")
    with open(written.path, "ab") as file:
        file.write(b'{"begin": ["a", "chec')
    (read,) = journal.unfinished(layout)
    assert read.begun == [("a", "fetch")]
    read.begin("b", "fetch")
    assert journal.unfinished(layout)[0].begun == [("a", "fetch"), ("b", "fetch")]


@pytest.mark.parametrize("size", [10, 300_000])
def test_journal_of_any_size_is_found(layout: Layout, size: int) -> None:
    journal.create(layout, head(layout, variables={"BIG": "ü" * size}))
    assert len(journal.unfinished(layout)) == 1


@pytest.mark.promise(4)
@pytest.mark.parametrize("text", ["", "rubbish\n", '{"deploy": "d1"}\n', "\0" * 512])
def test_unreadable_journal_is_an_error(layout: Layout, text: str) -> None:
    Path(layout.journal_file("d1")).write_text(text)
    with pytest.raises(errors.CannotRestore, match=r"d1\.json"):
        journal.unfinished(layout)


def test_journal_keeps_backups_and_removes_them_with_itself(layout: Layout) -> None:
    program = Path(layout.program_file("a"))
    program.write_text("program")
    program.chmod(0o640)
    written = journal.create(layout, head(layout))
    backup = Path(layout.backup("a", "d1"))
    assert {path.name: path.read_text() for path in backup.iterdir() if path.is_file()} == {"program": "program"}
    assert (backup / "program").stat().st_mode & 0o777 == 0o640
    assert os.listdir(layout.backup("b", "d1")) == ["failed"]
    written.remove()
    assert not backup.exists() and not os.path.exists(written.path)


def test_tidy_spares_what_a_journal_names(layout: Layout) -> None:
    journal.create(layout, head(layout, "d2"))
    for name in ("before-d1", "resolve-x1"):
        os.makedirs(os.path.join(layout.service_state("a"), name, "deep"))
    journal.tidy(layout, "a")
    assert os.listdir(layout.service_state("a")) == ["before-d2"]


@pytest.mark.promise(4)
def test_first_history_line_is_the_commit_record(layout: Layout) -> None:
    written = journal.create(layout, head(layout))
    assert not written.committed()
    history.write(layout, "b", {"deploy": "d0", "result": "committed"})
    history.write(layout, "b", {"deploy": "d1", "result": "restored"})
    assert not written.committed()
    history.write(layout, "a", {"deploy": "d1", "result": "committed"})
    assert written.committed()
    written.commit({})
    assert journal.unfinished(layout) == []


def test_journal_is_synced_once_for_what_must_be_undone(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync takes a disk some milliseconds, and a deploy waits for it."""
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    Path(layout.program_file("a")).write_text("[program:a]\n")
    state, copies = layout.service_state("a"), layout.backup("a", "d1")
    written = journal.create(layout, head(layout, services="a"))
    assert synced == [state, f"{copies}/program", copies, f"{layout.journals}/.d1.json.fabvisor.new", layout.journals]
    synced.clear()
    for step in ("checkout", "verify"):             # the second has no undo
        written.begin("a", step)
    assert synced == [written.path]


def test_journal_file_is_lines_of_json(layout: Layout) -> None:
    written = journal.create(layout, head(layout))
    written.begin("a", "fetch")
    lines = Path(written.path).read_text().splitlines()
    assert json.loads(lines[0])["deploy"] == "d1" and json.loads(lines[1]) == {"begin": ["a", "fetch"]}
