"""Old releases: which of them stay, and what somebody did in one that goes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.executor.site import Site, failing
from tests.support.lab import git


@pytest.mark.promise(11)
def test_each_commit_that_somebody_made_in_a_release_is_kept_and_named(site: Site) -> None:
    """The release is made anew each time, and the next commit must not take the place of the first."""
    first = site.write()
    site.committed()
    second = site.write()
    made = []
    for number in range(2):
        site.go_back_to(second)
        git(site.folder / first, "commit", "--quiet", "--allow-empty", "--message", f"mine {number}")
        made.append(git(site.folder / first, "rev-parse", "HEAD"))
        with site.deploy() as deploy:
            deploy.commit(first)
            said = "".join(message["line"] for message in deploy.executor.heard if message["event"] == "output")
        (name,) = re.findall(rf"commit {made[-1][:8]}, .* is kept: (refs/\S+?/head)", said)
        assert git(site.directory, "rev-parse", name) == made[-1]
    kept = git(site.directory, "for-each-ref", "--format=%(objectname)", "refs/fabvisor/set-aside").split()
    assert {*made} <= {*kept}


def test_keep_releases_removes_the_oldest(site: Site) -> None:
    commits = []
    for number in range(3):
        commits.append(site.write())
        site.committed(keep_releases=2)
        if number != 1:
            continue
        with site.example.deploy(failing(site, "health")) as deploy:        # failed ones do not count
            deploy.prepare().run("activate")
            deploy.restored()
    assert site.names() == sorted(commits[-2:])
    assert site.marks() == sorted(f"{commit}.json" for commit in commits[-2:])
    assert len(list((site.directory / ".git/worktrees").iterdir())) == 2
    site.go_back_to(commits[-2], keep_releases=1)
    assert site.names() == sorted(commits[-2:]), "what ran before stays, whatever the number"


def test_release_in_use_is_not_removed(site: Site) -> None:
    first = site.write()
    site.committed()
    with subprocess.Popen(["sleep", "1000"], cwd=site.folder / first) as user:
        for _ in range(2):
            site.write()
            site.committed(keep_releases=1)
        assert len(site.names()) == 3 and first in site.names()
        user.kill()


@pytest.mark.long
def test_previous_version_is_not_removed_by_rebuilds(site: Site) -> None:
    first = site.write()
    site.committed()
    second = site.write()
    for number in range(2):
        site.committed(keep_releases=2, variables={"WHO": str(number)})
    assert first in site.names() and site.current() in site.names()
    assert {name.partition("-")[0] for name in site.names()} == {first, second}


@pytest.mark.long
def test_deploy_commits_when_old_releases_cannot_be_removed(site: Site) -> None:
    site.write()
    site.committed()
    last = site.write()
    broken = "\n\nfrom . import steps\ndef no(ctx, args):\n    raise OSError(5, 'I/O error', 'releases')\n" \
             "steps.ACTIONS['tidy_releases'] = no\n"
    with site.example.deploy(site.service, faults=broken) as deploy:
        assert deploy.commit()["event"] == "committed"
        (notice,) = [one for one in deploy.executor.heard if one["event"] == "notice"]
        assert "I/O error" in notice["message"] and notice["level"] == "warning"
    assert site.current() == last and site.example.host.leftovers() == []


@pytest.mark.long
def test_edits_in_the_running_release_are_refused_by_the_checkout(site: Site) -> None:
    """Made after the look and before the checkout: refused, and still there."""
    first = site.write(notes="a\n")
    site.committed()
    site.write(notes="b\n")
    with site.deploy() as deploy:
        deploy.look()
        (site.folder / first / "notes").write_text("precious\n")
        deploy.plan()
        failed = deploy.executor.until("failed")
        assert "notes" in failed["message"] and failed["kind"] == "not_ready"
        deploy.restored()
    assert (site.folder / first / "notes").read_text() == "precious\n"
    assert site.facts().edited == [" M notes"]


@pytest.mark.long
@pytest.mark.parametrize("same", [True, False], ids=["the same commit", "another commit"])
@pytest.mark.parametrize("end", ["commit", "abort"])
def test_set_aside_stashes_edits_and_keeps_the_running_release(site: Site, end: str, same: bool) -> None:
    """They go to the stash while the running release keeps them: its files never change."""
    first = site.write(notes="a\n")
    site.committed()
    edited = site.folder / first / "notes"
    edited.write_text("precious\n")
    if not same:
        site.write(notes="b\n")
    with site.deploy() as deploy:
        deploy.look().plan(set_aside=True)
        deploy.done("prepare")
        assert edited.read_text() == "precious\n"
        deploy.run("activate")
        deploy.done("activate")
        deploy.executor.send({"do": end})
        assert deploy.ending()["event"] == ("committed" if end == "commit" else "restored")
    if end == "abort":
        assert site.stands_in() == first and edited.read_text() == "precious\n"
        assert git(site.directory, "stash", "list") == ""
        return
    assert site.facts().edited == []
    assert (site.directory / "current/notes").read_text() == ("a\n" if same else "b\n")
    assert deploy.id in git(site.directory, "stash", "list")
    assert "precious" in git(site.directory, "stash", "show", "-p")


def test_edits_in_an_old_release_are_stashed_when_it_is_removed(site: Site) -> None:
    first = site.write(notes="a\n")
    site.committed()
    second = site.write(notes="b\n")
    site.committed()
    (site.folder / first / "notes").write_text("precious one\n")
    site.go_back_to(first)
    assert (site.directory / "current/notes").read_text() == "a\n" and site.built() == 3
    assert "precious one" in git(site.directory, "stash", "show", "-p")
    (site.folder / second / "notes").write_text("precious two\n")
    site.write()
    site.committed(keep_releases=1)
    assert second not in site.names()
    assert "precious two" in git(site.directory, "stash", "show", "-p")


@pytest.mark.long
def test_submodules_of_a_release_are_those_of_the_commit(site: Site, home: Path) -> None:
    (home / ".gitconfig").write_text("[protocol \"file\"]\n\tallow = always\n")
    part = site.example.work.parent / f"{site.example.name}-part"
    part.mkdir()
    git(part, "init", "--quiet", "--initial-branch=main")
    (part / "inside").write_text("one\n")
    git(part, "add", "--all")
    git(part, "commit", "--quiet", "--message", "one")
    git(site.example.work, "-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(part), "part")
    first = site.write()
    site.committed(keep_releases=1)
    (part / "inside").write_text("two\n")
    git(part, "commit", "--quiet", "--all", "--message", "two")
    git(site.example.work / "part", "pull", "--quiet", "origin", "main")
    second = site.write()
    site.committed(keep_releases=1)
    assert (site.folder / first / "part/inside").read_text() == "one\n"
    assert (site.folder / second / "part/inside").read_text() == "two\n"
    assert site.facts().edited == []
    _refuses_what_was_done_in(site, site.folder / second / "part")
    site.write()
    site.committed(keep_releases=1)
    assert len(site.names()) == len(list((site.directory / ".git/worktrees").iterdir())) == 2
    (home / ".gitconfig").unlink()


def _refuses_what_was_done_in(site: Site, part: Path) -> None:
    """A stash of it, or a commit, would go with the release."""
    site.write()
    for command in ("echo mine > inside", "git -c user.name=a -c user.email=a@b commit -qam mine"):
        subprocess.run(command, shell=True, cwd=part, check=True)
        with site.deploy() as deploy:
            deploy.look().plan(set_aside=True)
            failed = deploy.executor.until("failed", "done")
            assert failed["event"] == "failed" and f"edited in {part.parent}: part" in failed["message"]
            assert failed["kind"] == "not_ready"
            deploy.restored()
        assert (part / "inside").read_text() == "mine\n"
    git(part, "reset", "--quiet", "--hard", "HEAD^")
