"""A filter of git that is not set up on a host is refused: git would write what is stored, and say nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.executor import errors, git
from tests.executor.place import clone_of, commit, quiet
from tests.support.lab import git as run_git

pytestmark = pytest.mark.usefixtures("real_hosts")      # a test starts dozens of gits

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
# As git-crypt: the key lies in the git directory.
CRYPT = """\
#!/bin/sh
key="$(git rev-parse --git-dir)/git-crypt/key"
test -f "$key" || { echo "no key: $key" >&2; exit 1; }
cat
"""


@pytest.fixture
def clone(clone: git.Clone) -> git.Clone:
    clone.create()
    return clone


def add(work: Path, **files: str) -> str:
    for name, text in files.items():
        path = work / name.replace("__", "/").replace("attributes", ".gitattributes")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    run_git(work, "add", "--all")
    run_git(work, "commit", "--quiet", "--message", "filtered")
    return commit(work, "HEAD")


@pytest.mark.promise(8)
@pytest.mark.parametrize(("settings", "message", "hint"), [
    ([], "the filter stamp is not set up for root; needed by d/file.bin", "git config --global filter.stamp.smudge"),
    ([("smudge", "no-such-program %f")], "runs no-such-program, which is not installed", "PATH"),
    ([("process", "no-such-program"), ("smudge", "cat")], "runs no-such-program", "PATH"),
])
def test_commit_is_refused_when_a_filter_of_its_files_is_not_set_up(clone: git.Clone, work: Path, message: str,
                                                                   settings: list[tuple[str, str]], hint: str) -> None:
    new = add(work, d__attributes="*.bin filter=stamp\n", d__file="", **{"d__file.bin": "content"})
    clone.remote.fetch(quiet)
    for name, value in settings:
        run_git(Path(clone.directory), "config", f"filter.stamp.{name}", value)
    with pytest.raises(errors.NotReady) as error:
        git.require_filters(clone.git, new)
    assert message in error.value.message.replace(os.environ.get("USER", "root"), "root")
    assert hint in error.value.hint


def test_filter_that_no_file_needs_is_not_asked_for(clone: git.Clone, work: Path) -> None:
    for attributes in ("*.psd filter=stamp\n", "*.bin filter=stamp\nfile.bin -filter\n",
                       "*.bin filter=stamp\n*.bin !filter\n", "# *.bin filter=stamp\n"):
        new = add(work, attributes=attributes, **{"file.bin": "content"})
        clone.remote.fetch(quiet)
        git.require_filters(clone.git, new)


def test_filter_that_is_set_up_is_taken(clone: git.Clone, work: Path) -> None:
    new = add(work, attributes="[attr]big filter=stamp\n*.bin big\n", **{"file.bin": "content"})
    clone.remote.fetch(quiet)
    for command in ("cat", "exec cat", "sed s/a/b/ | cat", "LC_ALL=C cat", "./filter", "'/bin/cat' %f"):
        run_git(Path(clone.directory), "config", "filter.stamp.smudge", command)
        git.require_filters(clone.git, new)


@pytest.mark.parametrize(("name", "hint"), [
    ("lfs", "install git-lfs on the host, then type there: git lfs install"),
    ("git-crypt", "then type there: git clone {work} {clone}; cd {clone} && git-crypt unlock KEYFILE")])
def test_hint_names_the_commands_that_set_a_known_filter_up(clone: git.Clone, work: Path, tmp_path: Path, name: str,
                                                            hint: str) -> None:
    new = add(work, attributes=f"*.bin filter={name}\n", **{"file.bin": "content"})
    clone.remote.fetch(quiet)
    with pytest.raises(errors.NotReady) as error:
        git.require_filters(clone.git, new)
    assert hint.format(work=work, clone=clone.directory) in error.value.hint
    program = tmp_path / "bin" / f"git-{name.replace('git-', '')}"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\ncat\n")
    program.chmod(0o755)
    having = clone_of(work, clone.directory, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    with pytest.raises(errors.NotReady, match=f"the filter {name} is not set up"):
        git.require_filters(having.git, new)


@pytest.mark.promise(8)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.parametrize("smudge", ["cat", "exit 3"])
def test_checkout_fails_when_a_filter_leaves_the_pointer(clone: git.Clone, work: Path, tmp_path: Path, smudge: str,
                                                         strategy: str) -> None:
    """As `git lfs install --skip-smudge`, or a program that fails and is not `required`."""
    new = add(work, attributes="*.bin filter=lfs\n", **{"file.bin": POINTER})
    clone.remote.fetch(quiet)
    run_git(Path(clone.directory), "config", "filter.lfs.smudge", smudge)
    with pytest.raises(errors.HostError) as error:
        if strategy == "in_place":
            clone.checkout(new, quiet)
        else:
            git.Worktree(str(tmp_path / "tree"), clone).make(new, quiet)
    assert ("file.bin" if smudge == "cat" else "a filter of git failed") in error.value.message
    assert error.value.hint


def test_release_has_the_key_of_the_clone(clone: git.Clone, work: Path, tmp_path: Path) -> None:
    new = add(work, attributes="secret filter=git-crypt\n", secret="content")
    clone.remote.fetch(quiet)
    driver = tmp_path / "git-crypt"
    driver.write_text(CRYPT)
    driver.chmod(0o755)
    folder = Path(clone.directory)
    for kind in ("smudge", "clean"):
        run_git(folder, "config", f"filter.git-crypt.{kind}", str(driver))
    run_git(folder, "config", "filter.git-crypt.required", "true")
    (folder / ".git/git-crypt").mkdir()
    (folder / ".git/git-crypt/key").touch()
    tree = git.Worktree(str(tmp_path / "releases/1"), clone)
    tree.make(new, quiet)
    assert tree.state() == git.State(new, None, {})
    tree.remove()
    assert (folder / ".git/git-crypt/key").exists()
