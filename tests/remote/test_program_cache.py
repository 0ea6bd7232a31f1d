"""What is sent to hosts is packed once, and again when a source has changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tasks.remote.sent_executor.program_cache import kept
from tests.support.largest_file import largest_file


class Sources:
    """A folder with two modules, and a file beside it. `made`: how often something was made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "executor"
        (self.folder / "git").mkdir(parents=True)
        self.module, self.nested = self.folder / "main.py", self.folder / "git/state.py"
        self.packer = folder / "packer.py"
        for path in (self.module, self.nested, self.packer):
            path.write_text("one")
        self.made = 0

    def ask(self, name: str = "rollout") -> bytes:
        return kept(name, self.folder, [self.packer], self._make)

    def cached(self) -> list[Path]:
        return sorted(self.folder.rglob("*.program"))

    def _make(self) -> bytes:
        self.made += 1
        return b"%d\n" % self.made * 1000


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return Sources(tmp_path)


def test_program_is_packed_once(sources: Sources) -> None:
    assert sources.ask() == sources.ask() == b"1\n" * 1000
    assert sources.ask("status") == b"2\n" * 1000, "each has its own"
    assert {path.parent.name for path in sources.cached()} == {"__pycache__"} and len(sources.cached()) == 2
    assert not [path for path in sources.folder.rglob("*") if path.suffix not in ("", ".py", ".program")]


@pytest.mark.parametrize("change", ["module", "nested", "packer", "new", "gone", "damage"])
def test_program_is_packed_anew_when_anything_has_changed(sources: Sources, change: str) -> None:
    sources.ask()
    if change == "new":
        (sources.folder / "git/index.py").write_text("")
    elif change == "gone":
        sources.nested.unlink()
    elif change == "damage":
        (cached,) = sources.cached()
        cached.write_bytes(cached.read_bytes()[:-1])
    else:
        path: Path = getattr(sources, change)
        path.write_text("two")                      # of the same size
    assert sources.ask() == sources.ask() == b"2\n" * 1000


@pytest.mark.parametrize("why", ["PYTHONDONTWRITEBYTECODE", "closed"])
def test_program_is_packed_each_time_where_it_cannot_be_kept(sources: Sources, monkeypatch: pytest.MonkeyPatch,
                                                            why: str) -> None:
    if why == "closed":
        (sources.folder / "__pycache__").write_text("no folder")
    else:
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert sources.ask() != sources.ask() and not sources.cached()


def test_full_disk_keeps_no_half_of_a_program(sources: Sources) -> None:
    with largest_file(100):
        assert sources.ask()
    assert not list(sources.folder.glob("__pycache__/*"))
