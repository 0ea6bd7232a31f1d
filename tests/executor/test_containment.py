"""Whether a path lies in a folder: on a real disk, with real links."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.executor.disk.containment import is_inside, is_named_inside, name_inside

Inside = Callable[[str, str], bool]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`app`, and `way`, a link to it; in it `out`, a link to a file elsewhere, and `self`, one to it; and `app2`
    beside it."""
    for folder in ("app/sub", "app2", "else"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "else/python").touch()
    (tmp_path / "app/out").symlink_to(tmp_path / "else/python")
    (tmp_path / "app/self").symlink_to(".")
    (tmp_path / "way").symlink_to("app")
    monkeypatch.chdir(tmp_path / "app")
    return tmp_path


@pytest.mark.parametrize(("path", "top", "inside", "named"), [
    ("app", "app", True, True), ("app/sub", "app", True, True), ("app/sub/", "app/", True, True),
    ("app2", "app", False, False), ("app2/x", "app", False, False), ("else", "app", False, False),
    ("app/sub/../../app2", "app", False, False), ("app2/../app/sub", "app", True, True),
    ("way/sub", "app", True, True), ("app/sub", "way", True, True), ("way", "app", True, True),
    ("app/out", "app", False, True), ("way/out", "app", False, True), ("app/self", "app", True, True),
    ("app (deleted)", "app", False, False), ("app/gone/x", "app", True, True)])
def test_path_is_inside_a_folder_by_its_words_or_where_links_lead(disk: Path, path: str, top: str, inside: bool,
                                                                  named: bool) -> None:
    path, top = f"{disk}/{path}", f"{disk}/{top}"
    assert (is_inside(path, top), is_named_inside(path, top)) == (inside, named)


@pytest.mark.parametrize("is_in", [is_inside, is_named_inside])
def test_root_holds_everything_and_an_unknown_path_is_nowhere(disk: Path, is_in: Inside) -> None:
    assert is_in(str(disk), "/") and is_in("/", "/")
    assert not is_in("", str(disk)) and not is_in("", os.getcwd())


@pytest.mark.parametrize(("path", "name"), [
    ("/a/b", "b"), ("/a/b/c", "b"), ("/a", ""), ("/a/", ""), ("/ab/c", ""), ("", "")])
def test_first_name_inside_a_folder(path: str, name: str) -> None:
    assert name_inside(path, "/a") == name
    assert name_inside("/b/c", "/") == "b"
