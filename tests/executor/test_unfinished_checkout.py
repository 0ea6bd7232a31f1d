"""A checkout that is killed while git writes: going back leaves none of its files, and all of a person's."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tasks.executor import errors
from tests.executor.driver import Example
from tests.executor.place import Place, next_commit
from tests.support.lab import git
from tests.support.largest_file import largest_file

FIRST = """
mkdir -p changed folder gone link-was
for number in 1 2 3; do echo "first $number" > changed/$number; echo "first $number" > gone/$number; done
echo first > becomes-folder; echo first > folder/file; ln -s /nowhere a-link; printf 'a\\nb\\n' > lines.txt
"""
# New files, changed ones, deleted ones; a file becomes a folder, and a folder a file; links; odd names; attributes.
SECOND = """
rm -r gone folder becomes-folder a-link
mkdir -p new/deep becomes-folder
for number in 1 2 3; do echo "second $number" > changed/$number; echo "second $number" > new/deep/$number; done
echo second > becomes-folder/file; echo second > folder; ln -s /elsewhere a-link; ln -s ../file new/link
echo second > 'odd "name" ü
2'; echo '*.txt eol=crlf' > .gitattributes; printf 'a\\nc\\n' > lines.txt; printf 'a\\nb\\n' > new/lines.txt
printf '#!/bin/sh\\n' > new/run; chmod +x new/run; : > new/empty
"""


def kill_at(clone: Path, path: str) -> Path:
    """Let git be killed when it comes to this path, by a filter, which is its child. Returns the file that says so."""
    git(clone, "config", "filter.kill.smudge", "kill -9 $PPID")
    attributes = Path(git(clone, "rev-parse", "--absolute-git-dir")) / "info/attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text(f"{quoted(path)} filter=kill\n")
    return attributes


def quoted(path: str) -> str:
    escaped = "".join(f"\\{byte:03o}" if byte > 126 or byte < 32 else chr(byte) for byte in path.encode())
    return '"' + escaped.replace('"', '\\"') + '"'


def cut_off(place: Place, commit: str, set_aside: bool = False, limit: AbstractContextManager[None] | None = None
            ) -> None:
    with pytest.raises(errors.HostError, match="signal"):
        place.forward(commit, set_aside, limit)
    (place.folder / ".git/info/attributes").unlink(missing_ok=True)
    place.ctx.clone.remove_stale_locks()            # as every undo does first


def written(work: Path) -> list[str]:
    """The files that a checkout of the last commit writes through a filter."""
    listed = git(work, "diff", "-z", "--raw", "--no-renames", "--diff-filter=AMT", "HEAD~1", "HEAD").split("\0")
    return [path for change, path in zip(listed[::2], listed[1::2], strict=False)
            if change.split()[1].startswith("100") and path != "new/empty"]


def seeds() -> list[object]:
    return [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 40))]


@pytest.mark.promise(3)
@pytest.mark.parametrize("seed", seeds())
def test_checkout_that_is_killed_at_any_file_leaves_nothing(place: Place, seed: int) -> None:
    place.forward(place.commit(FIRST))
    place.run("echo mine > notes; mkdir -p new; echo mine > new/notes")
    before, second = place.snapshot(), place.commit(SECOND)
    path = random.Random(seed).choice(written(place.work))
    kill_at(place.folder, path)
    cut_off(place, second)
    place.back()
    assert place.snapshot() == before, path
    place.forward(second)
    assert place.ctx.clone.state().commit == second and not place.ctx.clone.state().edits


@pytest.mark.promise(3)
@pytest.mark.parametrize("name", ["new.bin", "file"])
@pytest.mark.rows(1)
def test_file_that_is_half_written_goes_or_is_whole_again(place: Place, name: str) -> None:
    place.forward(place.commit("echo first > file"))
    before, second = place.snapshot(), place.commit(f"head -c 3000000 /dev/zero > {name}")
    place.ctx.clone.remote.fetch(lambda line: None)
    cut_off(place, second, limit=largest_file(1_000_000))
    assert not (place.folder / name).exists() or (place.folder / name).stat().st_size <= 1_000_000
    place.back()
    assert place.snapshot() == before


@pytest.mark.promise(11)
def test_file_that_a_person_wrote_meanwhile_stays(place: Place) -> None:
    place.forward(place.commit("echo first > file"))
    second = place.commit("echo second > new; echo second > other; echo second > zoo")
    kill_at(place.folder, "zoo")
    cut_off(place, second)
    (place.folder / "new").write_text("mine\n")
    place.back()
    assert (place.folder / "new").read_text() == "mine\n"
    assert not (place.folder / "other").exists()


@pytest.mark.promise(11)
@pytest.mark.parametrize("left", ["", "second"])
@pytest.mark.rows(1)
def test_what_a_person_left_in_the_way_comes_back_even_if_it_is_the_same(place: Place, left: str) -> None:
    place.forward(place.commit("echo first > file"))
    (place.folder / "new").write_text(left)
    before, second = place.snapshot(), place.commit("printf second > new; echo second > zoo")
    kill_at(place.folder, "zoo")
    cut_off(place, second, set_aside=True)
    place.back(set_aside=True)
    assert place.snapshot() == before


@pytest.mark.promise(11)
def test_file_in_the_way_stays_when_a_deploy_ends_before_its_checkout(place: Place, monkeypatch: pytest.MonkeyPatch
                                                                      ) -> None:
    from tasks.executor.git.stash import Stash

    place.forward(place.commit("echo first > file"))
    (place.folder / "new").write_text("second\n")
    before, second = place.snapshot(), place.commit("echo second > new")
    with monkeypatch.context() as patch:
        patch.setattr(Stash, "take_away", lambda *args: (_ for _ in ()).throw(errors.HostError("signal", "")))
        cut_off(place, second, set_aside=True)
    place.back()
    assert place.snapshot() == before


@pytest.mark.promise(11)
def test_edits_come_back_when_the_checkout_is_killed_after_they_were_set_aside(place: Place) -> None:
    place.forward(place.commit(FIRST))
    place.run("echo mine > changed/1; rm changed/2")
    before, second = place.snapshot(), place.commit(SECOND)
    kill_at(place.folder, "new/run")
    cut_off(place, second, set_aside=True)
    place.back(set_aside=True)
    assert place.snapshot() == before


@pytest.mark.promise(3)
def test_checkout_goes_back_though_the_edits_to_set_aside_were_undone_before_it(place: Place) -> None:
    """The plan says `set_aside`, and nothing was."""
    place.forward(place.commit(FIRST))
    before = place.snapshot()
    place.forward(place.commit(SECOND), set_aside=True)
    place.back(set_aside=True)
    assert place.snapshot() == before


@pytest.mark.promise(3)
def test_first_checkout_that_is_killed_in_an_empty_clone_leaves_nothing(place: Place) -> None:
    place.ctx.clone.create()
    before, first = place.snapshot_of_files(), place.commit(FIRST)
    kill_at(place.folder, "lines.txt")
    cut_off(place, first)
    place.back()
    assert place.snapshot_of_files() == before


@pytest.mark.long
@pytest.mark.promise(3)
@pytest.mark.parametrize("path", ["part", "part/inner"])
def test_submodule_whose_checkout_is_killed_leaves_nothing(nested: Place, path: str) -> None:
    before = nested.snapshot()
    for name in ("new", "zoo"):
        (nested.work / path / name).write_text("second\n")
        git(nested.work / path, "add", name)
    second = next_commit(nested)
    attributes = kill_at(nested.folder / path, "zoo")
    with pytest.raises(errors.HostError):
        nested.forward(second)
    assert (nested.folder / path / "new").exists()
    attributes.unlink()
    nested.ctx.clone.remove_stale_locks()
    nested.back()
    assert nested.snapshot() == before
    nested.forward(second)
    assert not nested.ctx.clone.state().edits


@pytest.mark.promise(3)
def test_what_the_last_build_made_of_tracked_files_is_there_after_a_failed_checkout(example: Example) -> None:
    """The checkout overwrites it: to go back is to build again."""
    example.service = example.with_(build=("cp source built", "echo built > notes"))
    example.write(notes="a\n")
    example.committed()
    example.write(zoo="x")
    kill_at(example.directory, "zoo")
    with example.deploy() as deploy:
        deploy.look().plan()
        assert deploy.ending()["event"] == "restored"
    assert (example.directory / "notes").read_text() == "built\n"
    assert not (example.directory / "zoo").exists()
