"""A service that was deployed in place becomes releases, or the other way round."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.executor.driver import UNHEALTHY
from tests.executor.faults import dies_at
from tests.executor.site import Seen, Site, failing
from tests.support.lab import git
from tests.support.services import changed


def test_file_named_current_stops_a_deploy(site: Site) -> None:
    site.write()
    in_place = changed(site.service, strategy="in_place")
    site.example.committed(in_place)
    (site.directory / "current").write_text("somebody's\n")
    with site.deploy() as deploy:
        deploy.look().plan()
        assert "is not a link" in deploy.executor.until("failed")["message"]
        deploy.restored()
    assert (site.directory / "current").read_text() == "somebody's\n"


IN_PLACE, RELEASES = {"strategy": "in_place"}, {"strategy": "releases"}


@pytest.mark.parametrize(("was", "then"), [(IN_PLACE, RELEASES), (RELEASES, IN_PLACE)],
                         ids=["to releases", "to in_place"])
@pytest.mark.parametrize("same", [True, False], ids=["the same commit", "another commit"])
@pytest.mark.rows(2)
def test_strategy_changes_in_one_deploy(site: Site, was: Seen, then: Seen, same: bool) -> None:
    commit = site.write()
    site.committed(**was)
    commit = commit if same else site.write()
    site.committed(**then)
    with site.deploy(**then) as deploy:
        found = deploy.look().facts[site.example.name]
        assert deploy.message()["services"][site.example.name]["steps"] == [], "all is there"
    assert (found.strategy, found.commit, found.started_from, found.edited) == (then["strategy"], commit, commit, [])
    if then is RELEASES:
        assert site.stands_in() == site.current() == commit
    else:
        assert site.stands_in() == site.directory.name
        assert site.current() is None and not site.folder.exists() and site.marks() == []
        assert site.example.head() == commit


@pytest.mark.promise(3)
@pytest.mark.parametrize("same", [pytest.param(True, id="the same commit", marks=pytest.mark.long),
                                  pytest.param(False, id="another commit")])
@pytest.mark.parametrize("step", ["build", pytest.param("verify", marks=pytest.mark.long), "health"])
@pytest.mark.parametrize(("was", "then"), [(IN_PLACE, RELEASES), (RELEASES, IN_PLACE)],
                         ids=["to releases", "to in_place"])
@pytest.mark.rows(2)
def test_failed_change_of_strategy_is_undone(site: Site, was: Seen, then: Seen, step: str, same: bool) -> None:
    site.write()
    site.committed(**was)
    before, facts = site.seen(), site.facts()
    bad = failing(site, step)
    if same and step != "verify":
        git(site.example.work, "reset", "--quiet", "--hard", "HEAD~1")
    with site.example.deploy(replace(bad, **then)) as deploy:
        deploy.fails_in(step)
    left = {**site.seen(), "files": {name: data for name, data in site.seen()["files"].items() if name != "built"}}
    before["files"].pop("built", None)      # not of any commit: what a build made stays, as it does in_place
    assert left == before
    after = site.facts()
    assert (after.strategy, after.commit, after.started_from) == (was["strategy"], facts.commit, facts.commit)


@pytest.mark.promise(4)
@pytest.mark.long
@pytest.mark.parametrize("action", ["checkout", "build", "program", "verify", "restart"])
def test_change_to_in_place_is_undone_when_the_executor_is_killed(site: Site, action: str) -> None:
    """`current` is there all the while: the program file says what is run."""
    first = site.write()
    site.committed()
    before = site.seen()
    site.write()
    with site.example.deploy(changed(site.service, **IN_PLACE),
                             faults=dies_at(action, before=False)) as deploy:
        deploy.look().plan()
        deploy.run("activate")
        deploy.executor.rest()
    with site.deploy() as deploy:
        deploy.look()
    after = site.seen()
    after["files"].pop("built", None)
    assert after == before and site.stands_in() == first


@pytest.mark.promise(3)
@pytest.mark.long
def test_files_of_the_clone_return_when_in_place_fails(site: Site) -> None:
    """The files that are there from before it was deployed as releases."""
    site.write(notes="old\n")
    site.committed(**IN_PLACE)
    old = site.example.head()
    site.write(notes="new\n")
    site.committed()
    assert (site.directory / "notes").read_text() == "old\n"
    with site.example.deploy(changed(site.service, **IN_PLACE, health=UNHEALTHY)) as deploy:
        deploy.prepare()
        assert (site.directory / "notes").read_text() == "new\n"
        deploy.run("activate")
        deploy.restored()
    assert (site.directory / "notes").read_text() == "old\n"
    assert git(site.directory, "rev-parse", "HEAD") == old


@pytest.mark.long
def test_tracked_files_changed_by_a_build_are_no_edits_of_either_strategy(site: Site) -> None:
    site.write(lock="a\n")
    touching = (*site.service.build, "echo b >lock")
    site.committed(**IN_PLACE, build=touching)
    second = site.write()
    site.committed(build=touching)
    assert site.facts().edited == []
    site.write()
    site.committed(build=touching)
    steps = {one["step"]: one["changed"] for one in site.go_back_to(second, build=touching)}
    assert not steps["build"] and site.built() == 3
    site.committed(**IN_PLACE, build=touching)
    assert site.facts(**IN_PLACE).edited == []
