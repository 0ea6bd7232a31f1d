"""Promise 1: one commit everywhere. A branch or tag is resolved to one commit once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.app import App
from tests.support.lab import Lab, git


@pytest.mark.promise(1)
def test_every_host_gets_one_commit_when_the_branch_moves_between_two_fetches(app: App, lab: Lab) -> None:
    """web2's git sees the branch at a newer commit than web1's did: both get the one that was resolved first."""
    first = git(app.repo, "rev-parse", "main")
    moved = app.repo.with_name(f"{app.name}-moved.git")
    app.commit(f"{app.name}-newer")
    git(lab.folder, "clone", "--quiet", "--mirror", str(app.repo), str(moved))
    git(app.repo, "update-ref", "refs/heads/main", first)
    gitconfig = lab["web2"].sshd.home / ".gitconfig"
    gitconfig.write_text(f'[url "{moved}"]\n\tinsteadOf = {app.repo}\n')
    try:
        run = app.deploy()
    finally:
        gitconfig.unlink()
    assert run.code == 0, run
    assert app.commits() == [first, first]
    assert [app.running(host) for host in app.hosts] == [f"{app.name}-1"] * 2


@pytest.mark.promise(1)
def test_every_host_refuses_a_commit_that_is_not_in_the_branch_as_it_fetched_it(shared: App, lab: Lab) -> None:
    """web1 names for main what somebody wants to have merged: the git server has it, but in no branch."""
    app, before = shared, shared.states()
    forked = app.repo.with_name(f"{app.name}-forked.git")
    git(lab.folder, "clone", "--quiet", "--mirror", str(app.repo), str(forked))
    commit = git(forked, "commit-tree", "main^{tree}", "-p", "main", "-m", "not merged")
    git(forked, "push", "--quiet", str(app.repo), f"{commit}:refs/merge-requests/1/head")
    git(forked, "update-ref", "refs/heads/main", commit)
    gitconfig = lab["web1"].sshd.home / ".gitconfig"
    gitconfig.write_text(f'[url "{forked}"]\n\tinsteadOf = {app.repo}\n')
    try:
        runs = [app.deploy(), app.fab("plan", app.name)]
    finally:
        gitconfig.unlink()
    for run in runs:
        assert run.code == 2, run
        assert f"commit {commit} is not in main" in run.finished["hosts"]["web2"][app.name]["why"]
    assert app.states() == before


@pytest.fixture(scope="module")
def known(shared: App) -> Iterator[dict[str, Any]]:
    """Commits by what they are, and names that could mean two of them."""
    app, work = shared, shared.repo.with_suffix("")
    found = {"old": app.commit(f"{app.name}-old")}
    found["lost"] = app.commit(f"{app.name}-lost")
    git(work, "reset", "--quiet", "--hard", found["old"])
    found["tagged"] = app.commit(f"{app.name}-tagged")
    git(work, "tag", "light")
    git(work, "tag", "--annotate", "--message", "a release", "annotated")
    found["tip"] = app.commit(f"{app.name}-tip")
    for tag in ("both", found["old"][:7]):
        git(work, "tag", tag, found["tagged"])
    for branch in ("both", found["old"][:8], found["old"]):
        git(app.repo, "update-ref", f"refs/heads/{branch}", found["tip"])
    git(work, "push", "--quiet", "origin", "--tags")
    yield found


@pytest.mark.promise(1)
@pytest.mark.parametrize(("revision", "commit"), [
    pytest.param("main", "tip", id="branch"),
    pytest.param("light", "tagged", id="tag"),
    pytest.param("{tip}", "tip", id="full commit"),
    pytest.param("annotated", "tagged", id="annotated tag, not the tag object"),
    pytest.param("{tip:.10}", "tip", id="abbreviated commit"),
    pytest.param("{lost}", "lost", id="full commit that no branch holds any more"),
    pytest.param("both", "tip", id="branch before tag"),
    pytest.param("{old}", "old", id="full commit before a branch of that name"),
    pytest.param("{old:.8}", "tip", id="branch before abbreviated commit"),
    pytest.param("{old:.7}", "tagged", id="tag before abbreviated commit"),
])
@pytest.mark.rows(3)
def test_revision_of_any_form_deploys_its_commit(shared: App, known: dict[str, Any], revision: str,
                                                 commit: str) -> None:
    run = shared.deploy("--revision", revision.format_map(known), "--host", "web1")
    assert run.code == 0, run
    assert shared.lab["web1"].head(shared.name) == known[commit]
    assert [e["commit"] for e in run.events if e["event"] == "resolved"] == [known[commit]]
    assert shared.running("web1") == f"{shared.name}-{commit}"


@pytest.mark.promise(1)
def test_revision_that_does_not_exist_changes_nothing(shared: App) -> None:
    before = shared.states()
    run = shared.deploy("--revision", "never-pushed")
    assert run.code == 2
    assert "never-pushed" in run.finished["hosts"]["web1"][shared.name]["why"]
    assert shared.states() == before


@pytest.mark.promise(1)
def test_first_deploy_accepts_an_abbreviated_commit(app: App) -> None:
    """Where there is no clone to look into."""
    commit = git(app.repo, "rev-parse", "main")
    app.alone().commit(f"{app.name}-2")
    assert app.deploy("--revision", commit[:9]).code == 0
    assert app.commits() == [commit]
