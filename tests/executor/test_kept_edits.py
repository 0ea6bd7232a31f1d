"""What a person does in a tree before the undo of a deploy is kept; what git or a build wrote there is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tasks.executor import errors
from tasks.executor.git import Locked
from tasks.executor.state import history
from tasks.executor.steps import Step
from tasks.executor.steps.releases import remove_release
from tasks.executor.transaction import kept_edits
from tasks.executor.transaction.tree_times import TreeTimes
from tests.executor.place import Place, next_commit, quiet
from tests.executor.test_unfinished_checkout import cut_off, kill_at
from tests.support.lab import git, wait_for

pytestmark = pytest.mark.promise(11)
FIRST = "for name in changed gone same; do echo first > $name; done"
SECOND = "echo second > changed; rm gone; echo second > new; echo second > zoo"


def undo(place: Place, to: str, times: TreeTimes | None = None) -> None:
    args = {"commit": place.was, "branch": place.branch, "set_aside": False}
    kept_edits.keep(place.ctx, {"from": place.was, "to": to}, [args], times)
    place.back()


@contextmanager
def noted(times: TreeTimes, action: str) -> Iterator[None]:
    """As an action of a step; what follows is later by the clock of the disk, which ticks every few milliseconds."""
    with times.noted(action):
        yield
    wait_for_tick(times)


def wait_for_tick(times: TreeTimes) -> None:
    now = times._now()
    wait_for(lambda: times._now() > now, "a tick of the disk's clock")


def kept(place: Place, path: str = ".") -> list[str]:
    """The files in the newest entry of the stash that it does not have as its commit has them."""
    if not git(place.folder / path, "stash", "list"):
        return []
    return git(place.folder / path, "diff", "--name-only", "stash^", "stash").splitlines()


@pytest.mark.parametrize("edited", ["changed", "gone", "same", ""])
@pytest.mark.rows(2)
def test_edit_in_a_half_made_checkout_is_kept(place: Place, edited: str) -> None:
    place.forward(place.commit(FIRST))
    second = place.commit(SECOND)
    kill_at(place.folder, "zoo")
    cut_off(place, second)
    if edited:
        (place.folder / edited).write_text("mine\n")
    before = kept(place)
    undo(place, second)
    assert (edited in kept(place), before) == (bool(edited), [])
    assert {name: (place.folder / name).read_text() for name in ("changed", "gone", "same")} == dict.fromkeys(
        ("changed", "gone", "same"), "first\n")


CHECKOUTS = {
    "git refuses it": lambda place: place.commit(SECOND),
    "attributes": lambda place: place.commit(SECOND + "; echo '* eol=crlf' > .gitattributes"),
    "an edit of the last build": lambda place: built(place, SECOND),
}


def built(place: Place, second: str) -> str:
    """What the last build changed in a file is no edit, and the checkout overwrites it."""
    (place.folder / "changed").write_text("built\n")
    history.write(place.layout, "a", {"deploy": "1", "to": place.ctx.clone.head(), "result": "committed",
                                      "left": place.ctx.clone.state().edits, "release": None})
    return place.commit(second)


@pytest.mark.parametrize("case", CHECKOUTS.values(), ids=list(CHECKOUTS))
@pytest.mark.rows(2)
def test_edit_between_the_look_and_the_checkout_is_kept(place: Place, case: Callable[[Place], str]) -> None:
    place.forward(place.commit(FIRST))
    second = case(place)

    @contextmanager
    def meanwhile() -> Iterator[None]:
        (place.folder / "gone").write_text("mine\n")
        yield

    with pytest.raises(errors.HostError):
        place.forward(second, limit=meanwhile())
    undo(place, second)
    assert "gone" in kept(place)


@pytest.mark.parametrize("path", ["part/inner", ".", "part"])
@pytest.mark.rows(1)
def test_edit_since_the_build_is_kept_and_what_the_build_changed_is_not(nested: Place, path: str) -> None:
    second = next_commit(nested, ".")
    times = TreeTimes(nested.ctx.clone)
    with noted(times, "checkout"):
        nested.forward(second)
    with noted(times, "build"):
        (nested.folder / "file").write_text("built\n")
        (nested.folder / "part/file").write_text("built\n")
    undo(nested, second, times)
    assert not any(kept(nested, each) for each in (".", "part", "part/inner"))
    with noted(times, "checkout"):
        nested.forward(second)
    (nested.folder / path / "file").write_text("mine\n")
    undo(nested, second, times)
    assert "file" in kept(nested, path)
    assert git(nested.folder / path, "show", "stash:file") == "mine"


def test_edit_that_came_with_its_folder_is_kept(place: Place) -> None:
    """Its own times are those of before the deploy."""
    place.forward(place.commit("mkdir -p d/e; echo first > d/e/x"))
    second = place.commit(SECOND)
    place.run("mkdir -p ../new/e; echo mine > ../new/e/x")
    times = TreeTimes(place.ctx.clone)
    with noted(times, "checkout"):
        place.forward(second)
    place.run("mv d ../old; mv ../new d")
    undo(place, second, times)
    assert git(place.folder, "show", "stash:d/e/x") == "mine"


@pytest.mark.long
def test_edit_in_a_submodule_that_the_build_changed_later_is_kept(nested: Place) -> None:
    second = next_commit(nested, ".")
    times = TreeTimes(nested.ctx.clone)
    with noted(times, "checkout"):
        nested.forward(second)
    (nested.folder / "part/file").write_text("mine\n")
    wait_for_tick(times)
    with noted(times, "build"):
        (nested.folder / "part/.gitignore").write_text("built\n")
    undo(nested, second, times)
    assert git(nested.folder / "part", "show", "stash:file") == "mine"


def test_file_that_was_meant_to_be_added_is_kept(place: Place) -> None:
    place.forward(place.commit(FIRST))
    place.run("echo mine > intended; git add -N intended")
    undo(place, place.commit(SECOND))
    assert git(place.folder, "show", "stash:intended") == "mine"


def test_lock_of_git_while_edits_are_kept_is_told_for_what_it_is(place: Place) -> None:
    """So that the undo waits for it."""
    place.forward(place.commit(FIRST))
    (place.folder / "same").write_text("mine\n")
    (place.folder / ".git/index.lock").touch()
    with pytest.raises(Locked):
        kept_edits.keep(place.ctx, {}, [], None)


@pytest.mark.long
def test_folder_in_the_place_of_a_submodule_that_the_deploy_took_away_is_kept(nested: Place) -> None:
    """It lies there since before the deploy, in nobody's way but that of the submodule's return."""
    nested.run("rm -r part; mkdir part; echo mine > part/file")
    second = nested.commit("git rm --quiet part")
    times = TreeTimes(nested.ctx.clone)
    with noted(times, "checkout"):
        nested.forward(second)
    undo(nested, second, times)
    assert git(nested.folder, "show", "stash^3:part/file") == "mine"


def test_commit_that_somebody_made_meanwhile_is_kept_and_named(place: Place) -> None:
    place.forward(place.commit(FIRST))
    second = place.commit(SECOND)
    place.forward(second)
    place.run("echo mine > same; git commit --quiet --all --message mine")
    made, said = place.ctx.clone.head(), list[str]()
    place.ctx.warn = said.append
    undo(place, second)
    assert [git(place.folder, "rev-parse", line.rpartition(" ")[2]) for line in said] == [made]


def test_half_done_merge_stops_the_undo_with_the_command_that_gives_it_up(place: Place) -> None:
    place.forward(place.commit(FIRST))
    second = place.commit(SECOND)
    place.forward(second)
    place.run("echo mine > changed; git stash --quiet; echo other > changed; git commit --quiet --all --message mine;"
              "git stash pop --quiet || true")
    with pytest.raises(errors.NotReady, match="a merge was left half-done") as error:
        undo(place, second)
    assert "reset --merge" in error.value.hint


IN_THE_WAY = {
    "file": ("gone", "echo mine > {}"),
    "folder for a file": ("gone", "mkdir {0}.new; echo mine > {0}.new/x; mv {0}.new {0}"),
    "file for a folder": ("d", "echo mine > {}"),
    "ignored": ("gone.o", "echo mine > {}"),
}


@pytest.mark.parametrize("case", IN_THE_WAY.values(), ids=list(IN_THE_WAY))
@pytest.mark.rows(1)
def test_file_of_no_commit_in_the_way_back_is_kept_and_what_the_build_left_there_is_not(
        place: Place, case: tuple[str, str]) -> None:
    path, write = case
    place.forward(place.commit("echo first > gone; echo first > gone.o; mkdir d; echo first > d/x"))
    second = place.commit("rm -r gone gone.o d; echo '*.o' > .gitignore")
    times = TreeTimes(place.ctx.clone)
    with noted(times, "checkout"):
        place.forward(second)
    with noted(times, "build"):
        place.run(write.format(path))
    undo(place, second, times)
    assert git(place.folder, "stash", "list") == "", "the build made it"
    with noted(times, "checkout"):
        place.forward(second)
    place.run(write.format(path))
    undo(place, second, times)
    assert git(place.folder, "ls-tree", "-r", "--name-only", "stash^3").startswith(path)
    assert git(place.folder, "grep", "-h", "mine", "stash^3") == "mine"
    assert (place.folder / "gone").read_text() == (place.folder / "d/x").read_text() == "first\n"


REPLACEMENTS = {
    "folder for a file": ("f", "rm f; mkdir f; echo mine > f/x"),
    "file for a folder": ("d", "rm -r d; echo mine > d"),
    "link for a folder, which has the file": ("d", "mv d ../moved; ln -s ../moved d"),
    "in a submodule": ("part/file", "rm part/file; mkdir part/file; echo mine > part/file/x"),
}


@pytest.mark.parametrize("case", REPLACEMENTS.values(), ids=list(REPLACEMENTS))
@pytest.mark.parametrize("is_before", [True, False])
@pytest.mark.rows(2)
def test_what_a_person_put_in_the_place_of_tracked_files_is_kept(nested: Place, case: tuple[str, str], is_before: bool
                                                                 ) -> None:
    """Before the deploy, with --set-aside, or while it is on its way."""
    path, command = case
    nested.forward(nested.commit("echo first > f; mkdir d; echo first > d/x"))
    second = nested.commit("echo second > f; echo second > d/x")
    if is_before:
        nested.run(command)
        before = nested.snapshot()
        nested.forward(second, set_aside=True)
        nested.back(set_aside=True)
        assert nested.snapshot() == before
    else:
        nested.forward(second)
        nested.run(command)
        undo(nested, second)
        folder = nested.folder / ("part" if path.startswith("part") else "")
        entries = git(folder, "stash", "list", "--format=%gd").splitlines()
        kept = [git(folder, "ls-tree", "-r", "--name-only", f"{entry}^3") for entry in entries if git(
            folder, "rev-list", "--parents", "-1", entry).count(" ") == 3]
        assert [name.startswith(path.removeprefix("part/")) for name in kept] == [True]


@pytest.mark.long
@pytest.mark.parametrize("path", ["part/inner", "part"])
def test_file_in_the_way_back_of_a_submodule_is_kept(nested: Place, path: str) -> None:
    folder = nested.work / path
    git(folder, "rm", "--quiet", ".gitignore")
    second = next_commit(nested)
    nested.forward(second)
    (nested.folder / path / ".gitignore").write_text("mine\n")
    undo(nested, second)
    assert git(nested.folder / path, "show", "stash^3:.gitignore") == "mine"


@pytest.mark.parametrize("edit", ["", "echo mine > part/file", "git -C part commit --quiet --allow-empty -m mine"])
@pytest.mark.rows(2)
def test_submodule_whose_commit_nobody_pushed_is_no_edit_of_its_own(nested: Place, edit: str) -> None:
    """The clone was copied: the index of each submodule has other times than its files."""
    git(nested.work / "part", "checkout", "--quiet", "--detach")
    git(nested.work / "part", "commit", "--quiet", "--allow-empty", "--message", "never pushed")
    second = nested.commit()
    shutil.move(nested.work / "part", nested.work / "away")      # else its objects would be found there
    with pytest.raises(errors.HostError, match="does not have that commit"):
        nested.forward(second)
    nested.run(edit)
    undo(nested, second)
    part = nested.folder / "part"
    assert bool(git(part, "stash", "list") or git(part, "for-each-ref", "refs/fabvisor/set-aside")) == bool(edit)


@pytest.mark.parametrize("name", ["gone", "changed", "same"])
@pytest.mark.rows(2)
def test_repository_in_the_way_back_or_in_the_place_of_a_file_is_refused_by_name(place: Place, name: str) -> None:
    place.forward(place.commit(FIRST))
    second = place.commit(SECOND)
    place.forward(second)
    place.run(f"rm -f {name}; git init --quiet {name}; echo mine > {name}/x")
    with pytest.raises(errors.NotReady, match=rf"in the way of the version before .*: {name}"):
        undo(place, second)
    if name != "gone":
        with pytest.raises(errors.NotReady, match=rf"in the place of tracked files, .* repositories .*: {name}"):
            place.forward(place.commit("echo third > new"), set_aside=True)
    assert (place.folder / name / "x").read_text() == "mine\n"


INSIDE = {"edit": "echo mine > {}/file", "commit": "git -C {} commit --quiet --allow-empty --message mine"}


@pytest.mark.parametrize("edit", ["", *INSIDE.values()], ids=["none", *INSIDE])
@pytest.mark.rows(2)
def test_failed_release_stays_where_its_submodules_were_edited(nested: Place, edit: str) -> None:
    """Their repositories, with what was kept in them, are parts of it."""
    releases, head = nested.ctx.releases, str(nested.ctx.clone.head())
    tree = releases.tree(head)
    tree.make(head, quiet)
    releases.switch(head)
    nested.run(edit.format(f"releases/{head}/part/inner"))
    kept_edits.keep(nested.ctx, {"from": None, "to": head}, [], None)
    releases.switch(None)
    said: list[str] = []
    nested.ctx.warn = said.append
    remove_release(nested.ctx, Step({"release": head}, quiet))
    assert (nested.folder / "releases" / head / "part/inner").exists() == bool(edit)
    assert [line.count("part/inner") for line in said] == [1] * bool(edit)
