"""`in_place`: whatever lies in a clone and in its submodules is set aside and comes back, gives way, or is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tasks.executor import errors
from tasks.executor.git import Worktree
from tests.executor.place import Place, commit, next_commit, quiet, short
from tests.support.lab import git

pytestmark = pytest.mark.seconds(1)
EDITS = {
    "edit": "echo mine > {}/file",
    "staged": "echo mine > {0}/file; git -C {0} add file",
    "deleted": "rm {}/file",
    "overlooked": "git -C {0} update-index --assume-unchanged file; echo mine > {0}/file",
    "commit": "echo mine > {0}/file; git -C {0} commit -qam mine",
    "commit on a branch": "git -C {0} checkout -q -b topic; echo mine > {0}/file; git -C {0} commit -qam mine",
    "commit and edit": "echo mine > {0}/new; git -C {0} add new; git -C {0} commit -qam mine; echo more > {0}/file",
}


@pytest.mark.promise(11)
@pytest.mark.parametrize("path", short({"outer": "part", "inner": "part/inner"}, "inner"))
@pytest.mark.parametrize("edit", short(EDITS, "commit and edit"))
def test_change_in_a_submodule_is_refused_or_set_aside_and_comes_back(nested: Place, path: str, edit: str) -> None:
    nested.run(edit.format(path))
    before, new = nested.snapshot(), next_commit(nested)
    with pytest.raises(errors.NotReady, match=rf"M part \({path[5:]}.*(file|commit)"):
        nested.forward(new)
    assert nested.snapshot() == before
    nested.forward(new, set_aside=True)
    assert nested.ctx.clone.state().commit == new and not nested.ctx.clone.state().edits
    assert (nested.folder / path / "file").read_text() == f"{path} 2\n"
    kept = git(nested.folder / path, "for-each-ref", "refs/fabvisor/set-aside", "refs/stash")
    assert kept, "nothing was kept"
    nested.back(set_aside=True)
    assert nested.snapshot() == before


@pytest.mark.promise(11)
@pytest.mark.parametrize("path", short({"clone": "", "outer": "part/", "inner": "part/inner/"}, "inner"))
def test_untracked_file_in_the_way_is_refused_by_name_or_stashed(nested: Place, path: str) -> None:
    (nested.folder / f"{path}new").write_text("mine")
    before = nested.snapshot()
    (nested.work / f"{path}new").write_text("theirs")
    if path:
        git(nested.work / path, "add", "new")
    new = next_commit(nested)
    with pytest.raises(errors.NotReady, match="new"):
        nested.forward(new)
    assert nested.snapshot() == before
    nested.forward(new, set_aside=True)
    assert (nested.folder / f"{path}new").read_text() == "theirs"
    assert git(nested.folder / path, "show", "stash@{0}^3:new") == "mine"
    nested.back()
    assert nested.snapshot() == before


@pytest.mark.parametrize("path", short({"clone": "file", "inner": "part/inner/file"}))
def test_pipe_in_the_place_of_a_tracked_file_is_refused_by_name(nested: Place, path: str) -> None:
    nested.run(f"rm {path}; mkfifo {path}")
    new = next_commit(nested)
    for _ in range(2):                  # nothing has changed
        with pytest.raises(errors.NotReady, match=r"in the place of tracked files, .* special files, .*: file"):
            nested.forward(new, set_aside=True)
    nested.run(f"rm {path}")
    nested.forward(new, set_aside=True)
    assert nested.ctx.clone.state().commit == new


WAYS = {
    "ignored file": ("echo built > app.o", "echo '*.o' > .gitignore", "echo theirs > app.o; git add -f app.o"),
    "ignored file, no more ignored": ("echo built > app.o", "echo '*.o' > .gitignore", "rm .gitignore; echo x > app.o"),
    "ignored folder becomes a file": ("mkdir out; echo built > out/x", "echo /out > .gitignore",
                                      "echo theirs > out; git add -f out"),
    "ignored file becomes a folder": ("echo built > out", "echo /out > .gitignore",
                                      "mkdir out; echo theirs > out/x; git add -f out/x"),
    "in a folder that stays": ("mkdir -p d; echo built > d/x.o; echo built > d/y.o", "echo '*.o' > .gitignore",
                               "mkdir d; echo theirs > d/x.o; git add -f d/x.o"),
    "a link": ("ln -s /nowhere app.o", "echo '*.o' > .gitignore", "echo theirs > app.o; git add -f app.o"),
    "odd names": ("echo built > 'a b\\ü.o'", "echo '*.o' > .gitignore", "echo x > 'a b\\ü.o'; git add -f *.o"),
}


@pytest.mark.promise(11)
@pytest.mark.parametrize("way", short(WAYS, "ignored folder becomes a file", "odd names"))
def test_ignored_file_gives_way_to_a_commit_that_tracks_it_and_comes_back(place: Place, way: tuple[str, ...]) -> None:
    left, first, second = way
    place.forward(place.commit(first))
    place.run(left)
    before = place.snapshot()
    place.forward(place.commit(second))
    assert not place.ctx.clone.state().edits
    place.back()
    assert place.snapshot() == before


def test_own_files_beside_the_commit_stay_where_they_are(place: Place) -> None:
    place.forward(place.commit())
    place.ctx.clone.exclude_own_names()
    place.run("mkdir logs; echo line > logs/a.log; echo mine > notes")
    before = place.snapshot()["files"]
    place.forward(place.commit("echo new > new"))
    assert {**before, "new": b"new\n"} == place.snapshot()["files"]


@pytest.mark.parametrize("change", ["echo x > logs", "ln -s /tmp logs", "mkdir logs; echo x > logs/a.log"])
@pytest.mark.rows(2)
def test_log_of_the_running_program_never_gives_way(place: Place, change: str) -> None:
    place.forward(place.commit())
    place.ctx.clone.exclude_own_names()
    place.run("mkdir logs; echo line > logs/a.log")
    with pytest.raises(errors.NotReady, match="logs"):
        place.forward(place.commit(change), set_aside=True)
    assert (place.folder / "logs/a.log").read_text() == "line\n"


@pytest.mark.parametrize("left", short({
    "nothing": "", "built": "echo built > part/x.o", "built inside": "echo built > part/inner/x.o",
    "untracked": "echo mine > part/notes", "edit": "echo mine > part/file"}))
def test_submodule_becomes_a_folder_and_back(nested: Place, left: str) -> None:
    first = nested.was = commit(nested.work, "HEAD")
    nested.run(left or "true")
    before, mine = nested.snapshot(), "mine" in left
    folder = nested.commit("git rm -q part; rm -rf part .git/modules/part; mkdir part; echo folder > part/file;"
                           "echo theirs > part/x.o; git add -f part/x.o")
    if mine:
        with pytest.raises(errors.NotReady, match="part"):
            nested.forward(folder)
        assert nested.snapshot() == before
    nested.forward(folder, set_aside=mine)
    assert (nested.folder / "part/file").read_text() == "folder\n" and not nested.ctx.clone.state().edits
    nested.back(set_aside="file" in left)
    assert nested.snapshot() == before
    nested.forward(folder, set_aside=mine)
    nested.run("echo built > part/y.o")
    nested.forward(first, set_aside=True)               # as a rollback
    assert (nested.folder / "part/inner/file").read_text() == "inner 1\n" and not nested.ctx.clone.state().edits


@pytest.mark.promise(4)
@pytest.mark.parametrize("also", short({"alone": "", "beside an edit": "echo mine > file"}, "beside an edit"))
@pytest.mark.parametrize("attributes", short({"all": "* text eol=lf", "some": "*.txt eol=lf"}, "some"))
def test_file_that_git_always_calls_modified_is_no_obstacle(place: Place, attributes: str, also: str) -> None:
    place.commit("printf 'a\\r\\nb\\r\\n' > notes.txt")
    place.forward(place.commit(f"echo '{attributes}' > .gitattributes"))
    place.run(also or "true")
    os.utime(place.folder / "notes.txt", (1, 1))
    before = place.snapshot()
    for change in ("true", "printf 'a\\r\\nc\\r\\n' > notes.txt", "rm notes.txt"):
        new = place.commit(change)
        place.forward(new, set_aside=bool(also))
        assert place.ctx.clone.state().commit == new and not place.ctx.clone.state().edits
        place.back(set_aside=bool(also))
        assert place.snapshot() == before


@pytest.mark.promise(4)
@pytest.mark.parametrize("at", [pytest.param(at, marks=() if at == 3 else pytest.mark.long) for at in range(14)])
def test_set_aside_that_is_cut_off_anywhere_loses_nothing(nested: Place, monkeypatch: pytest.MonkeyPatch,
                                                          at: int) -> None:
    """As a power cut: neither the way forward nor the way back goes on after the command of git number `at`."""
    nested.run("echo mine > part/file; echo mine > part/inner/file; echo mine > file")
    before, new = nested.snapshot(), next_commit(nested)
    changing = ("stash", "update-ref", "symbolic-ref", "checkout")

    def cut_off(run: Any) -> None:
        from tasks.executor.git.command import Git
        real, count = Git.run, iter(range(1000))

        def cut(git: Git, *args: str, **options: Any) -> Any:
            if any(word in args for word in changing) and next(count) == at:
                raise KeyboardInterrupt
            return real(git, *args, **options)
        with monkeypatch.context() as patch:
            patch.setattr(Git, "run", cut)
            try:
                run()
            except KeyboardInterrupt:
                return

    cut_off(lambda: nested.forward(new, set_aside=True))
    cut_off(lambda: nested.back(set_aside=True, times=1))
    nested.back(set_aside=True)
    assert nested.snapshot() == before


@pytest.mark.promise(11)
def test_commit_that_somebody_made_on_no_branch_is_kept(place: Place) -> None:
    place.forward(place.commit())
    place.run("echo mine > file; git commit -qam mine")
    mine = git(place.folder, "rev-parse", "HEAD")
    place.forward(place.commit("echo new > new"))
    assert git(place.folder, "for-each-ref", "--contains", mine, "refs/fabvisor/set-aside")


@pytest.mark.long
@pytest.mark.parametrize("at", [0, 1])
def test_relative_submodule_follows_a_repository_that_moved(place: Place, tmp_path: Path, at: int) -> None:
    """git resolves its url against `origin`, which is what hosts.yaml says now. An error names the server asked."""
    for home in ("old", "new"):
        (tmp_path / home).mkdir()
    git(tmp_path / "old", "init", "--quiet", "--initial-branch=main", "part")
    git(tmp_path / "old/part", "commit", "--quiet", "--allow-empty", "--message", "one")
    place.work = place.work.rename(tmp_path / "old/work")
    place.moved_to(place.work)
    git(place.work, "submodule", "--quiet", "add", "../part", "part")
    place.forward(place.commit())
    git(tmp_path / "old/part", "commit", "--quiet", "--allow-empty", "--message", "two")
    git(place.work / "part", "pull", "--quiet", "origin", "main")
    new = place.commit()
    (tmp_path / "old/part").rename(tmp_path / "new/part")
    place.moved_to(place.work.rename(tmp_path / "new/work"))
    if at:
        (tmp_path / "new/part").rename(tmp_path / "gone")
        with pytest.raises(errors.NotReady, match=rf"\({tmp_path}/new/part\)"):
            place.forward(new)
        return
    place.forward(new)
    assert git(place.folder / "part", "remote", "get-url", "origin") == f"{tmp_path}/new/part"


ATTRIBUTES = {
    "eol added": ("printf 'a\\n' > x.c", "echo '*.c eol=crlf' > .gitattributes", b"a\r\n"),
    "eol removed": ("printf 'a\\n' > x.c; echo '*.c eol=crlf' > .gitattributes", "git rm -q .gitattributes", b"a\n"),
    "ident in a folder": ("mkdir d; printf '$Id$\\n' > 'd/x.c'", "echo '* ident' > d/.gitattributes", b"$Id: "),
    "encoding": ("echo a > x.c", "echo a | iconv -t UTF-16LE > x.c;"
                 "echo '*.c text working-tree-encoding=UTF-16LE' > .gitattributes", b"a\0\n\0"),
}


@pytest.mark.promise(8)
@pytest.mark.parametrize("case", short(ATTRIBUTES, "ident in a folder"))
def test_file_whose_attributes_changed_is_written_anew(place: Place, case: tuple[str, str, bytes]) -> None:
    """Its content in the commit is the same: git would leave it, and hosts would differ by what they had before."""
    first, second, content = case
    place.forward(place.commit(first))
    before = place.snapshot()
    place.forward(place.commit(second))
    (file,) = place.folder.rglob("x.c")
    assert file.read_bytes().startswith(content)
    place.back()
    assert place.snapshot() == before


@pytest.mark.long
@pytest.mark.promise(11)
@pytest.mark.parametrize("path", short({"outer": "part", "inner": "part/inner"}, "outer"))
def test_folder_in_the_place_of_a_submodule_is_refused_by_name_or_stashed(nested: Place, path: str) -> None:
    """Such as a patched copy without its `.git`: git says nothing of it."""
    nested.run(f"rm -r {path}; mkdir -p {path}/deep; echo mine > {path}/file; ln -s /nowhere {path}/deep/link")
    before, new = nested.snapshot_of_files(), next_commit(nested)
    with pytest.raises(errors.NotReady, match=r"git does not know are in the way .*file"):
        nested.forward(new)
    assert nested.snapshot_of_files() == before
    nested.forward(new, set_aside=True)
    assert (nested.folder / path / "file").read_text() == f"{path} 2\n"
    nested.back(times=1)
    assert before.items() <= nested.snapshot_of_files().items()


def test_flags_that_a_person_set_in_the_index_stay_when_attributes_change(place: Place) -> None:
    place.forward(place.commit("echo a > a; echo b > b"))
    place.run("git update-index --assume-unchanged a; git update-index --skip-worktree b")
    place.forward(place.commit("echo '* eol=crlf' > .gitattributes"))
    assert git(place.folder, "ls-files", "-v", "a", "b") == "h a\nS b"


@pytest.mark.promise(8)
@pytest.mark.long
def test_attributes_of_a_submodule_that_changed_count(nested: Place) -> None:
    (nested.work / "part/.gitattributes").write_text("file eol=crlf\n")
    git(nested.work / "part", "add", ".gitattributes")
    git(nested.work / "part", "commit", "--quiet", "--message", "attributes")
    git(nested.work / "part", "push", "--quiet", "origin", "HEAD:refs/heads/other")
    nested.forward(nested.commit())
    assert (nested.folder / "part/file").read_bytes() == b"part 1\r\n"


HALF_DONE = {
    "merge": "git merge other", "rebase": "git rebase other", "cherry-pick": "git cherry-pick other",
    "revert": "git revert --no-edit HEAD~1", "am": "git format-patch -1 --stdout other | git am -3",
    "reset --merge": "echo x > file; git stash -q; echo z > file; git commit -qam z; git stash pop"}


@pytest.mark.promise(11)
@pytest.mark.parametrize("kind", short({kind: kind for kind in HALF_DONE}, "merge"))
def test_half_done_merge_is_refused_with_the_command_that_gives_it_up(place: Place, kind: str) -> None:
    """git can stash no part of it."""
    place.forward(place.commit("echo first > file"))
    place.run("git checkout -q -b other; echo other > file; git commit -qam other; git checkout -q --detach HEAD~1;"
              "echo mine > file; git commit -qam mine; echo more > file; git commit -qam more;"
              f"{HALF_DONE[kind]} || true")
    before, new = place.snapshot(), place.commit("echo second > file")
    for set_aside in (False, True):
        with pytest.raises(errors.NotReady, match=r"half-done.*conflicts in file") as error:
            place.forward(new, set_aside)
    assert place.snapshot() == before
    command = error.value.hint.rpartition("give it up: ")[2]
    assert command.endswith(kind if " " in kind else f"{kind} --abort")
    place.run(command)
    place.forward(new)


@pytest.mark.promise(11)
@pytest.mark.parametrize("edit", short({
    "folder for a file": "rm file; mkdir file; echo mine > file/notes", "intended": "echo mine > new; git add -N new",
    "file for a folder": "rm -r d; echo mine > d", "link for a folder": "mv d ../shared; ln -s ../shared d",
    "link for a folder in it": "mv d/e ../shared; ln -s ../shared d/e"},
    "folder for a file", "link for a folder in it"))
def test_edit_that_git_cannot_stash_is_set_aside_and_comes_back(place: Place, edit: str) -> None:
    place.forward(place.commit("echo first > file; mkdir -p d/e; echo first > d/e/file"))
    place.run(edit)
    before, new = place.snapshot_of_files(), place.commit("echo second > file; echo second > other")
    with pytest.raises(errors.NotReady, match="edited"):
        place.forward(new)
    place.forward(new, set_aside=True)
    assert (place.folder / "d/e/file").read_text() == "first\n" and not (place.folder / "d").is_symlink()
    place.back(set_aside=True)
    assert place.snapshot_of_files() == before


@pytest.mark.promise(11)
def test_modes_of_what_is_set_aside_come_back(nested: Place) -> None:
    """A secret that somebody put there stays closed. git would open it for everybody who reads the folder."""
    closed = {"file": 0o600, "new": 0o640, "part/file": 0o600, "part/x.o": 0o750}
    nested.run("; ".join(f"echo mine > {path}; chmod {mode:o} {path}" for path, mode in closed.items()))
    new = nested.commit("git rm -qf part; rm -rf part .git/modules/part; echo theirs > file; echo theirs > new")
    nested.forward(new, set_aside=True)
    nested.back(set_aside=True)
    assert {path: stat.S_IMODE((nested.folder / path).stat().st_mode) for path in closed} == closed
    assert not git(nested.folder, "for-each-ref", "refs/fabvisor/modes")


@pytest.mark.long
def test_marks_of_what_was_set_aside_go_with_the_commit(nested: Place) -> None:
    """What a person had stays: stashes, and where the HEAD of a submodule stood."""
    nested.run("echo mine > file; echo mine > part/file")
    nested.forward(next_commit(nested), set_aside=True)
    nested.ctx.clone.set_aside(nested.ctx.deploy).forget_marks()
    for folder, kept in ((nested.folder, "/head"), (nested.folder / "part", "")):
        left = git(folder, "for-each-ref", "--format=%(refname)", "refs/fabvisor/modes",
                   "refs/fabvisor/set-aside")
        assert left == f"refs/fabvisor/set-aside/{nested.ctx.deploy}{kept}"
        assert git(folder, "show", "stash@{0}:file") == "mine"


FIXED = {"repository": ("git init -q new; echo mine > new/x", "echo theirs > new"),
         "in a repository": ("git init -q new; echo mine > new/x", "mkdir new; echo theirs > new/x"),
         "pipe": ("mkfifo new", "echo theirs > new"),
         "pipe in a folder": ("mkdir -p new/.git; mkfifo new/pipe", "echo theirs > new")}


@pytest.mark.promise(11)
@pytest.mark.parametrize("case", short(FIXED, "in a repository", "pipe in a folder"))
def test_what_git_cannot_stash_is_refused_by_name_when_it_is_in_the_way(place: Place, case: tuple[str, str]) -> None:
    mine, theirs = case
    place.forward(place.commit())
    place.run(mine)
    before, new = (place.snapshot_of_files(), place.ctx.clone.state()), place.commit(theirs)
    for set_aside in (False, True):
        with pytest.raises(errors.NotReady, match="cannot stash: new"):
            place.forward(new, set_aside)
    assert (place.snapshot_of_files(), place.ctx.clone.state()) == before


@pytest.mark.promise(3)
def test_names_that_git_could_take_for_others_are_no_trap(place: Place) -> None:
    """A tag called `stash`, and a branch called as the commit to go back to."""
    first = place.commit("git tag stash")
    place.forward(first)
    place.run(f"git branch {first} HEAD~1; echo mine > file")
    before, new = place.snapshot(), place.commit("echo theirs > file")
    place.forward(new, set_aside=True)
    place.back(set_aside=True)
    assert place.snapshot() == before


@pytest.mark.long
@pytest.mark.promise(11)
def test_clone_that_is_sparse_and_partial_stays_so(place: Place) -> None:
    """Each file that is looked for would be fetched, one by one."""
    place.commit("git config uploadpack.allowFilter true; mkdir shown hidden; echo 0 > hidden/a; echo 1 > shown/a")
    git(place.folder.parent, "clone", "-q", "--filter=blob:none", "--sparse", f"file://{place.work}", place.folder.name)
    place.run("git sparse-checkout set shown")
    place.moved_to(place.work, f"file://{place.work}")
    hidden, settings = git(place.work, "rev-parse", "HEAD:hidden/a"), git(place.folder, "config", "--local", "--list")
    theirs = git(place.folder, "for-each-ref", "refs/remotes")
    for file in ("shown/a", "hidden/a"):
        place.forward(place.commit(f"echo {file} > {file}"))
        place.back()
        place.forward(commit(place.work, "HEAD"))
    assert (place.folder / "shown/a").read_text() == "shown/a\n" and not (place.folder / "hidden").exists()
    assert place.ctx.clone.commits.has("HEAD~2"), "the commit that was cloned, whose hidden file is not here"
    listed = git(place.folder, "rev-list", "--objects", "--all", "--missing=print").splitlines()
    assert {f"?{hidden}", f"?{git(place.work, 'rev-parse', 'HEAD:hidden/a')}"} <= {*listed}, "of before, and what came"
    assert git(place.folder, "config", "--local", "--list") == settings
    assert git(place.folder, "for-each-ref", "refs/remotes") == theirs
    place.run("git config remote.origin.url file:///elsewhere")
    place.run(f"git config --add remote.origin.url file://{place.work}")
    place.forward(place.commit("echo 3 > shown/a"))     # git itself fetches from the first


@pytest.mark.promise(11)
@pytest.mark.parametrize("head", ["orphan", "gone"])
@pytest.mark.rows(1)
def test_files_that_are_staged_before_the_first_commit_are_set_aside_and_come_back(place: Place, head: str) -> None:
    place.forward(place.commit("echo first > file"))
    place.run(f"git symbolic-ref HEAD refs/heads/{head}; echo mine > own; git add own; echo mine > file")
    before = place.snapshot_of_files(), place.ctx.clone.state()
    new = place.commit("echo second > file")
    with pytest.raises(errors.NotReady, match="edited"):
        place.forward(new)
    place.forward(new, set_aside=True)
    assert place.snapshot_of_files() == {"file": b"second\n", "own": b"mine\n"}
    place.back(set_aside=True)
    assert (place.snapshot_of_files(), place.ctx.clone.state()) == before


def test_files_of_any_name_give_way_to_a_shared_folder(place: Place) -> None:
    new = place.commit(r"""mkdir d; touch 'd/a"b' 'd/new
line' "$(printf 'd/\377')" d/plain""")
    place.forward(new)
    tree = Worktree(str(place.folder / "releases/x"), place.ctx.clone)
    tree.make(new, quiet)
    assert tree.skip_worktree("d")
    place.run("rm -r releases/x/d; ln -s /nowhere releases/x/d")
    assert not tree.state().edits


def test_origin_with_several_urls_follows_the_inventory(place: Place) -> None:
    place.forward(place.commit())
    place.run("git remote set-url --add origin /nowhere")
    place.forward(place.commit("echo new > new"))
    assert git(place.folder, "config", "--get-all", "remote.origin.url") == str(place.work)


@pytest.mark.promise(3)
@pytest.mark.parametrize("update", short({name: name for name in ("merge", "rebase", "none", "!false")}))
def test_submodule_is_checked_out_whatever_its_clone_says(nested: Place, update: str) -> None:
    """A merge cannot go back: that ended with a host that somebody must look at."""
    nested.run(f"git config submodule.part.update '{update}'")
    before = nested.snapshot()
    nested.forward(next_commit(nested))
    assert (nested.folder / "part/file").read_text() == "part 2\n"
    nested.back()
    assert nested.snapshot() == before


@pytest.mark.long
def test_submodule_that_is_not_wanted_stays_away(nested: Place) -> None:
    git(nested.work, "config", "--file", ".gitmodules", "submodule.part.update", "none")
    new = nested.commit()
    tree = nested.folder.parent / "tree"
    nested.forward(new)
    Worktree(str(tree), nested.ctx.clone).make(new, quiet)
    assert (nested.folder / "part/file").exists() and not list((tree / "part").iterdir())
