"""A revision becomes one commit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tasks.executor import errors
from tasks.executor.layout import Layout
from tasks.executor.service import revision
from tasks.executor.service.context import ServiceContext
from tasks.executor.service.revision import obtain, obtained
from tests.executor.place import commit, quiet
from tests.support.lab import git as run_git

pytestmark = pytest.mark.usefixtures("real_hosts")      # a test starts dozens of gits


@pytest.mark.promise(1)
@pytest.mark.parametrize("cloned", [True, False])
def test_revision_is_a_full_commit_then_a_branch_then_a_tag_then_an_abbreviation(
        tmp_path: Path, work: Path, cloned: bool) -> None:
    ctx, v0, v1 = _here(tmp_path, work, cloned), commit(work, "v0"), commit(work, "v1")
    means = {"main": (commit(work, "refs/heads/main"), "main"), "feature/x": (v1, "feature/x"), "v0": (v0, None),
             "v1": (v1, None), "both": (commit(work, "refs/heads/both"), "both"), v0: (v0, None),
             v0[:9]: (v0, None), v0[:9].upper(): (v0, None)}
    found = {asked: revision.resolve(ctx, asked) for asked in means}
    assert {asked: (one["commit"], one["branch"]) for asked, one in found.items()} == means
    assert {asked: one["revision"] for asked, one in found.items()} == dict(zip(means, means, strict=True))
    assert ctx.clone.exists() is cloned                # looking does not begin anything
    assert os.listdir(ctx.layout.service_state("a")) == []


@pytest.mark.promise(1)
@pytest.mark.parametrize("cloned", [False, True])
@pytest.mark.rows(1)
def test_full_commit_is_that_commit_though_a_branch_bears_its_name(tmp_path: Path, work: Path, cloned: bool) -> None:
    full = commit(work, "v1")
    run_git(work, "update-ref", f"refs/heads/{full}", commit(work, "v0"))
    answer = revision.resolve(_here(tmp_path, work, cloned), full)
    assert (answer["commit"], answer["branch"]) == (full, None)


@pytest.mark.parametrize("cloned", [False, True])
def test_full_name_of_an_annotated_tag_is_refused_with_its_commit(tmp_path: Path, work: Path, cloned: bool) -> None:
    run_git(work, "tag", "-a", "-m", "x", "noted", "v0")
    tag = run_git(work, "rev-parse", "noted")
    with pytest.raises(errors.NotReady, match=f"{tag} is the name of an annotated tag") as refused:
        revision.resolve(_here(tmp_path, work, cloned), tag)
    assert refused.value.hint == f"give its commit: {commit(work, 'v0')}"


@pytest.mark.parametrize("annotated", [True, False])
@pytest.mark.parametrize("named", ["v0^{tree}", "v0:file"])
@pytest.mark.rows(1)
def test_tag_of_something_else_than_a_commit_is_unknown(tmp_path: Path, work: Path, named: str, annotated: bool
                                                        ) -> None:
    run_git(work, "tag", *(["-a", "-m", "x"] if annotated else []), "odd", named)
    ctx = _here(tmp_path, work, True)
    with pytest.raises(errors.NotReady, match="no commit, branch or tag 'odd'"):
        revision.resolve(ctx, "odd")
    with pytest.raises(errors.NotReady, match="no commit, branch or tag 'odd'"):     # as a first deploy asks
        obtain(ctx.clone, run_git(work, "rev-parse", named), "odd")


@pytest.mark.parametrize("cloned", [True, False])
def test_unknown_revision_is_not_ready(tmp_path: Path, work: Path, cloned: bool) -> None:
    ctx = _here(tmp_path, work, cloned)
    for asked in ("nonesuch", "abcdef0", "0" * 40, "mai", "heads/main/x"):
        with pytest.raises(errors.NotReady, match=asked):
            revision.resolve(ctx, asked)


@pytest.mark.promise(1)
def test_moved_branch_resolves_to_the_remote_commit(tmp_path: Path, work: Path) -> None:
    ctx = _here(tmp_path, work, True)
    run_git(Path(ctx.directory), "branch", "main", commit(work, "v0"))
    run_git(Path(ctx.directory), "symbolic-ref", "HEAD", "refs/heads/none")
    (work / "file").write_text("new")
    run_git(work, "commit", "--quiet", "--all", "--message", "moved")
    run_git(work, "tag", "--force", "v0")
    assert revision.resolve(ctx, "main") == {
        "revision": "main", "commit": commit(work, "main"), "branch": "main", "subject": "moved",
        "event": "resolved", "service": "a", "subtree": None,
        "commits": [], "dropped": [],
        "back": None, "forward": None}                  # HEAD stands on no commit yet
    assert revision.resolve(ctx, "v0")["commit"] == commit(work, "main")


def test_revision_counts_commits_back_and_forward(tmp_path: Path, work: Path) -> None:
    ctx = _here(tmp_path, work, True)
    run_git(work, "checkout", "--quiet", "-b", "other", "v0")
    run_git(work, "commit", "--quiet", "--allow-empty", "--message", "beside")
    ctx.clone.remote.fetch(quiet)
    ctx.clone.checkout(commit(work, "main"), quiet)
    asked = {name: revision.resolve(ctx, name) for name in ("main", "v1", "v0", "other")}
    assert {name: (found["back"], found["forward"]) for name, found in asked.items()} == {
        "main": (0, 0), "v1": (1, 0), "v0": (2, 0), "other": (2, 1)}
    ctx.clone.checkout(commit(work, "v0"), quiet)
    assert revision.resolve(ctx, "main")["forward"] == 2
    (tmp_path / "new").mkdir()
    assert revision.resolve(_here(tmp_path / "new", work, False), "main")["back"] is None


def test_commits_beyond_the_listed_ones_are_counted_on_both_sides(tmp_path: Path, work: Path) -> None:
    ctx = _here(tmp_path, work, True)
    for branch, start in (("other", "v0"), ("main", "main")):
        made = "".join(f"commit refs/heads/{branch}\ncommitter a <a> {each} +0000\ndata <<.\n{branch}-{each}\n.\n"
                       + f"from {commit(work, start)}\n" * (each == 1) for each in range(1, 23))
        subprocess.run(["git", "fast-import", "--quiet"], cwd=work, input=made.encode(), check=True)
    ctx.clone.remote.fetch(quiet)
    behind, ahead, dropped, added = ctx.clone.commits.distance(commit(work, "other"), commit(work, "main"))
    assert (behind, ahead) == (22, 24)
    assert [info["subject"] for info in dropped] == [f"other-{each}" for each in range(22, 2, -1)]
    assert [info["subject"] for info in added] == [f"main-{each}" for each in range(22, 2, -1)]


@pytest.mark.parametrize("protocol", ["2", "0"])
def test_command_that_looks_obtains_a_commit_where_there_is_no_clone_yet(tmp_path: Path, work: Path, protocol: str
                                                                       ) -> None:
    """Alone where the server gives it so, which by protocol 0 it does of tips only; and nothing stays."""
    ctx = _here(tmp_path, work, False)
    ctx.env.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="protocol.version", GIT_CONFIG_VALUE_0=protocol)
    run_git(work, "commit", "--quiet", "--allow-empty", "--message", "later")
    wanted, before = commit(work, "main~1"), commit(work, "main~2")
    with obtained(ctx, wanted, "main") as clone:
        assert clone.commits.has_path(wanted, "file")
        assert clone.commits.has(before) == (protocol == "0")
    assert not ctx.clone.exists() and os.listdir(ctx.layout.service_state("a")) == []
    with pytest.raises(errors.NotReady), obtained(ctx, "0" * 40, "main"):
        pass


def _here(folder: Path, work: Path, cloned: bool) -> ServiceContext:
    layout = Layout({"root": str(folder), "supervisord_conf": "s.conf", "program_dir": "conf.d"})
    layout.prepare()
    os.makedirs(layout.service_state("a"))
    service: dict[str, Any] = {"name": "a", "directory": "clone", "repo": str(work)}
    ctx = ServiceContext(layout, service, dict(os.environ), "d1")
    if cloned:
        ctx.clone.create()
        ctx.clone.remote.fetch(quiet)
    return ctx


@pytest.mark.promise(1)
def test_commit_of_another_branch_is_refused_when_a_host_names_it_for_a_revision(tmp_path: Path, work: Path) -> None:
    run_git(work, "checkout", "--quiet", "-b", "other", "v0")
    run_git(work, "commit", "--quiet", "--allow-empty", "--message", "beside")
    other, v0, clone = commit(work, "other"), commit(work, "v0"), _here(tmp_path, work, True).clone
    for asked in ("main", "feature/x", "v0", "v1", "both", v0, v0[:9]):
        with pytest.raises(errors.NotReady, match=f"{other} is not in {asked}"):
            obtain(clone, other, asked)
        right = clone.commits.resolve(asked)[0]
        assert right and obtain(clone, right, asked) is False


@pytest.mark.promise(1)
def test_commit_of_a_branch_that_moved_on_is_taken(tmp_path: Path, work: Path) -> None:
    clone, named = _here(tmp_path, work, True).clone, commit(work, "main")
    for moved in (1, 2):
        run_git(work, "commit", "--quiet", "--allow-empty", "--message", f"later {moved}")
        assert obtain(clone, named, "main") is False
        named = commit(work, "main")
        assert obtain(clone, named, "main") is True
