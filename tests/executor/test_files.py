"""Files on the disk: written whole and in private, read line by line whatever stands in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.executor.disk import files, json_lines


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
    json_lines.append(str(tmp_path / "b"), {})
    assert calls == ["write", "fsync", "fsync"]
    calls.clear()
    files.remove(str(tmp_path / "b"))
    assert calls == ["unlink", "fsync"]


@pytest.mark.parametrize("rubbish", [b'{"torn": ', b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"[1]\n", b'"x"\n',
                                     b"\0" * 4096, b"NaN\n", b"\n\n\r\n"])
def test_read_lines_skips_torn_and_foreign_lines(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "lines"
    json_lines.append(str(path), {"n": 1})
    with path.open("ab") as file:
        file.write(rubbish)
    json_lines.append(str(path), {"n": 2})
    assert list(json_lines.read(str(path))) == [{"n": 1}, {"n": 2}]


def test_read_lines_of_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert list(json_lines.read(str(tmp_path / "none"))) == []
    (tmp_path / "file").touch()
    assert list(json_lines.read(str(tmp_path / "file/below"))) == []
    assert files.read_bytes(str(tmp_path / "file/below")) is None
    files.remove(str(tmp_path / "none"))
