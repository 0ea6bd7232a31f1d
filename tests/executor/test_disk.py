"""files, journal, history, locks: what is on the disk, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.executor import errors, files, history, journal, locks, undo
from tasks.executor.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout({"root": str(tmp_path), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"})
    made.prepare()
    (tmp_path / "conf.d").mkdir()
    for service in "ab":
        os.makedirs(made.service_state(service))
    return made


def head(layout: Layout, deploy: str = "d1", services: str = "ab", **record: Any) -> dict[str, Any]:
    steps = [{"name": name, "undo": {"action": f"{name}_back", "args": {}} if name != "verify" else None,
              "undo_last": name == "fetch"} for name in ("fetch", "checkout", "verify")]
    parts = {name: {"directory": name, "repo": "r", "record": {"deploy": deploy, **record}, "steps": steps}
             for name in services}
    return {"deploy": deploy, "by": "ann", "command": "deploy", "place": layout.settings, "services": parts}


def test_write_atomic_replaces_the_file_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text("old")
    path.chmod(0o644)
    files.write_atomic(str(path), b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    files.write_atomic(str(path), b"x" * 3_000_000, 0o640)
    assert (path.stat().st_size, path.stat().st_mode & 0o777) == (3_000_000, 0o640)
    assert os.listdir(tmp_path) == ["env"]


def test_write_atomic_leaves_nothing_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    with pytest.raises(OSError):
        files.write_atomic(str(tmp_path / "env"), b"new")
    assert os.listdir(tmp_path) == ["env"]


@pytest.mark.promise(4)
def test_write_atomic_syncs_before_and_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut cannot be had here: the order of the calls is what can be checked."""
    calls: list[str] = []
    real = {name: getattr(os, name) for name in ("fsync", "replace", "unlink", "write")}
    for name in real:
        monkeypatch.setattr(os, name, lambda *args, name=name: (calls.append(name), real[name](*args))[1])
    files.write_atomic(str(tmp_path / "a"), b"x")
    assert calls == ["write", "fsync", "replace", "fsync"]
    calls.clear()
    files.append_line(str(tmp_path / "b"), {})
    assert calls == ["write", "fsync", "fsync"]
    calls.clear()
    files.remove(str(tmp_path / "b"))
    assert calls == ["unlink", "fsync"]


@pytest.mark.parametrize("rubbish", [b'{"torn": ', b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"[1]\n", b'"x"\n',
                                     b"\0" * 4096, b"NaN\n", b"\n\n\r\n"])
def test_read_lines_skips_torn_and_foreign_lines(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "lines"
    files.append_line(str(path), {"n": 1})
    with path.open("ab") as file:
        file.write(rubbish)
    files.append_line(str(path), {"n": 2})
    assert list(files.read_lines(str(path))) == [{"n": 1}, {"n": 2}]


def test_read_lines_of_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert list(files.read_lines(str(tmp_path / "none"))) == []
    (tmp_path / "file").touch()
    assert list(files.read_lines(str(tmp_path / "file/below"))) == []
    assert files.read_bytes(str(tmp_path / "file/below")) is None
    files.remove(str(tmp_path / "none"))


@pytest.mark.parametrize(("count", "since", "lines"), [
    (2, 0, ["b", "c"]), (9, 0, ["a", "b", "c"]), (9, 2, ["b", "c"]), (9, 6, []), (9, 99, ["a", "b", "c"]), (0, 0, [])])
def test_last_lines_returns_the_end_of_a_file(tmp_path: Path, count: int, since: int, lines: list[str]) -> None:
    (tmp_path / "log").write_text("a\nb\nc\n")
    assert files.last_lines(str(tmp_path / "log"), count, since) == lines
    assert files.last_lines(str(tmp_path / "none"), 5) == []


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
    assert {path.name: path.read_text() for path in backup.iterdir()} == {"program": "program"}
    assert (backup / "program").stat().st_mode & 0o777 == 0o640
    assert list(Path(layout.backup("b", "d1")).iterdir()) == []
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
    undo.commit(written)
    assert journal.unfinished(layout) == []


def test_history_keeps_one_line_a_deploy(layout: Layout) -> None:
    for result in ("committed", "restored"):
        history.write(layout, "a", {"deploy": "d1", "result": result, "to": "c1"})
    history.write(layout, "a", {"deploy": "d2", "result": "restored", "to": "c2"})
    lines = history.read(layout, "a")
    assert [(line["deploy"], line["result"]) for line in lines] == [("d1", "committed"), ("d2", "restored")]
    assert history.last_committed(lines)["to"] == "c1"
    assert history.last_committed([]) == {} and history.find(layout, "a", "d3") is None
    assert lines[0]["service"] == "a" and lines[0]["at"].endswith("Z")


@pytest.mark.promise(5)
def test_lock_of_one_holder_refuses_another_and_names_it(layout: Layout) -> None:
    first, second = locks.Locks(layout, {"by": "ann"}), locks.Locks(layout, {"by": "bob"})
    first.take(["b"])
    with pytest.raises(locks.Held) as held:
        second.take(["a", "b"])
    assert (held.value.service, held.value.holder["by"]) == ("b", "ann")
    assert second.held() == []
    assert locks.holder_of(layout, "a") == {} and locks.holder_of(layout, "b")["by"] == "ann"
    first.describe(by="a much longer name than before")
    first.describe(by="ann")
    assert locks.holder_of(layout, "b")["by"] == "ann"
    first.release()
    assert locks.holder_of(layout, "b") == {}
    second.take(["a", "b"])
    second.release()


def test_lock_survives_a_removed_lock_file(layout: Layout) -> None:
    first, second = locks.Locks(layout, {}), locks.Locks(layout, {})
    first.take(["a"])
    os.unlink(layout.lock_file("a"))
    second.take(["a"])                              # as the kernel sees it, the first has lost it
    third = locks.Locks(layout, {})
    with pytest.raises(locks.Held):
        third.take(["a"])
    first.release()
    with pytest.raises(locks.Held):
        third.take(["a"])
    second.release()


@pytest.mark.promise(5)
def test_child_process_holds_no_lock(layout: Layout) -> None:
    first, second = locks.Locks(layout, {}), locks.Locks(layout, {})
    first.take(["a"])
    child = subprocess.Popen(["sleep", "100"])
    first.release()
    second.take(["a"])
    second.release()
    child.kill()
    child.wait()


def test_reload_lock_times_out_when_it_is_not_released(layout: Layout) -> None:
    with locks.reload_lock(layout), pytest.raises((OSError, errors.HostError), match="supervisord"), \
            locks.waiting(layout.reload_lock, 0.1, lambda: None):
        pass
    with locks.waiting(layout.reload_lock, 0.1, lambda: None):
        pass


@pytest.mark.parametrize("text", ["", "rubbish", '{"pid": 1}', '{"pid": "x", "start": []}', "[]"])
def test_unreadable_holder_counts_as_unknown(layout: Layout, text: str) -> None:
    Path(layout.lock_file("a")).write_text(text)
    assert locks.holder_of(layout, "a") == {}


def test_layout_resolves_paths_below_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Layout({"root": "~/r", "supervisord_conf": "/etc/s.conf", "program_dir": "../p"})
    assert (made.root, made.supervisord_conf, made.program_dir) == (f"{tmp_path}/r", "/etc/s.conf", f"{tmp_path}/p")
    with pytest.raises(errors.NotReady, match="does not exist"):
        made.prepare()


def test_journal_file_is_lines_of_json(layout: Layout) -> None:
    written = journal.create(layout, head(layout))
    written.begin("a", "fetch")
    lines = Path(written.path).read_text().splitlines()
    assert json.loads(lines[0])["deploy"] == "d1" and json.loads(lines[1]) == {"begin": ["a", "fetch"]}
