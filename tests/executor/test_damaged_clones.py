"""A clone or submodule that a power cut, a bad disk or a person damaged is refused, with the command that mends it."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from tasks.executor import errors
from tests.executor.place import Place, next_commit, short
from tests.support.lab import git

DAMAGE = {
    "index": "echo x > .git/index", "HEAD": ": > .git/HEAD", "nothing": "rm -r .git; mkdir .git",
    "elsewhere": "rm -r .git; echo 'gitdir: /nowhere' > .git", "config": "echo '[[' >> .git/config",
    "bare": "git config core.bare true", "references": "printf '\\0\\0' > .git/packed-refs",
    "packs": "head -c 100 /dev/zero > .git/objects/pack/multi-pack-index", "shallow": "printf '\\0\\0' > .git/shallow",
    "newer": "git config core.repositoryFormatVersion 1; git config extensions.later true"}


@pytest.mark.parametrize("damage", short(DAMAGE, "HEAD"))
def test_damaged_clone_is_named_with_the_command_that_mends_it(place: Place, damage: str) -> None:
    place.forward(place.commit("echo first > file"))
    place.run(damage)
    new = place.commit("echo second > file")
    with pytest.raises(errors.HostError, match=f"cannot read the clone {place.folder}: ") as error:
        place.forward(new)
    assert error.value.kind == "not_ready"
    place.run(error.value.hint.removeprefix("on the host: "))
    place.forward(new, set_aside=True)
    assert place.snapshot_of_files() == {"file": b"second\n"}


@pytest.mark.parametrize("damage", short({
    "no repository": "rm -r .git/modules/part", "a link": "mv part ../part; ln -s ../part part"}))
def test_damaged_submodule_is_named_with_the_command_that_moves_it_away(nested: Place, damage: str) -> None:
    nested.run(damage)
    new = next_commit(nested)
    with pytest.raises(errors.HostError, match="cannot read the clone") as error:
        nested.forward(new)
    assert error.value.kind == "not_ready"
    nested.run(error.value.hint.partition("on the host: ")[2].partition(";")[0])
    nested.forward(new, set_aside=True)
    assert (nested.folder / "part/file").read_text() == "part 2\n"


REFS = {"empty": ": > .git/refs/heads/broken", "to nothing": f"echo {'1' * 40} > .git/refs/heads/broken",
        "ours": ": > .git/refs/fabvisor/heads/main",
        "packed": f"git pack-refs --all; echo {'1' * 40} refs/tags/v9 >> .git/packed-refs"}


@pytest.mark.promise(4)
@pytest.mark.parametrize("broken", short(REFS, "empty", "packed"))
def test_broken_reference_is_named_with_the_commands_that_remove_it(place: Place, broken: str) -> None:
    """A power cut leaves some of a git that a person ran: no fetch works then."""
    place.forward(place.commit("echo first > file"))
    place.run(broken)
    new = place.commit("echo second > file")
    with pytest.raises(errors.HostError, match=f"cannot read the clone {place.folder}: .*bad object refs") as error:
        place.forward(new)
    assert error.value.kind == "not_ready"
    subprocess.run(error.value.hint.removeprefix("on the host: "), shell=True, check=True)
    place.forward(new)
    assert place.snapshot_of_files() == {"file": b"second\n"}


@pytest.mark.promise(3)
@pytest.mark.parametrize("path", short({"clone": ".", "outer": "part", "inner": "part/inner"}, "clone"))
@pytest.mark.parametrize("damage", short({"lost": "rm -f", "emptied": "truncate --size=0"}, "emptied"))
def test_clone_that_could_not_go_back_is_refused_with_the_command_that_mends_it(nested: Place, path: str,
                                                                                damage: str) -> None:
    """A power cut, or a bad disk: only the way back reads what is there now."""
    blob, folder = (shlex.quote(git(nested.folder / path, "rev-parse", name)) for name in ("HEAD:file", "--git-dir"))
    nested.run(f'cd {path}; for pack in {folder}/objects/pack/*.pack; do if [ -e "$pack" ]; then mv "$pack" ../pack;'
               f"git unpack-objects -q < ../pack; fi; done; {damage} {folder}/objects/{blob[:2]}/{blob[2:]}")
    before, new = nested.snapshot_of_files(), next_commit(nested, path)
    with pytest.raises(errors.HostError, match="file, as it is there now, and no deploy could go back") as error:
        nested.forward(new)
    assert error.value.kind == "not_ready" and nested.snapshot_of_files() == before
    command, _, option = error.value.hint.partition("on the host: ")[2].partition("; then add ")
    subprocess.run(command, shell=True, check=True, cwd="/")
    nested.forward(new, set_aside=option == "--set-aside")
    assert (nested.folder / path / "file").read_text() == f"{path} 2\n"


@pytest.mark.promise(3)
def test_way_back_needs_each_file_that_the_checkout_changes_removes_or_makes_a_link(place: Place) -> None:
    names = ("changed", "removed", "linked")
    place.forward(place.commit("; ".join(f"echo {name} > {name}" for name in names)))
    new = place.commit("echo 2 > changed; rm removed; ln -sf changed linked")
    for name in names:
        blob = git(place.folder, "rev-parse", f"HEAD:{name}")
        place.run(f"mv .git/objects/{blob[:2]}/{blob[2:]} ../lost")
        with pytest.raises(errors.HostError, match=f"{name}, as it is there now, and no deploy could go back"):
            place.forward(new)
        place.run(f"mv ../lost .git/objects/{blob[:2]}/{blob[2:]}")
    place.forward(new)
