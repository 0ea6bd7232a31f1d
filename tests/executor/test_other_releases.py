"""`strategy: releases` where Capistrano, Deployer or ansistrano deployed before: their folders stay theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks._errors import NotReady
from tests.executor.driver import Example
from tests.executor.faults import dies_at
from tests.support.lab import git, stands_in

THEIRS = "20240101120000"


class Folders:
    """A service that another tool deployed; its program file is written by hand."""

    def __init__(self, example: Example, link: str) -> None:
        self.example = example
        self.directory = example.directory
        self.release = self.directory / "releases" / THEIRS
        self.link = link.format(self.directory)
        self.service = example.with_(strategy="releases", shared=("config/app.cfg",), shared_directory="shared",
                                     keep_releases=1)
        self.commit = example.write()
        self.release.mkdir(parents=True)
        (self.release / "built").write_text("exec sleep 1000\n")
        (self.release / "REVISION").write_text(self.commit + "\n")
        (self.directory / "shared/config").mkdir(parents=True)
        (self.directory / "shared/config/app.cfg").write_text("theirs")
        (self.directory / "revisions.log").write_text("")
        git(self.directory, "init", "--quiet", "--bare", "repo")
        (self.directory / "current").symlink_to(self.link)

    def start(self) -> None:
        self.example.program_file.write_text(
            f"[program:{self.example.name}]\ncommand=/bin/sh ./built\ndirectory={self.directory}/current\n"
            "startsecs=0\n")
        self.example.host.rpc.reloadConfig()
        self.example.host.rpc.addProcessGroup(self.example.name)
        assert self.stands_in() == self.release

    def stands_in(self) -> Path:
        return stands_in(self.example.info()["pid"])

    def names(self) -> set[str]:
        return {path.name for path in self.directory.iterdir()}


@pytest.fixture(params=["{}/releases/20240101120000", "releases/20240101120000"], ids=["absolute", "relative"])
def folders(example: Example, request: pytest.FixtureRequest) -> Folders:
    made = Folders(example, request.param)
    made.start()
    return made


@pytest.mark.promise(3)
@pytest.mark.rows(1)
def test_aborted_deploy_gives_current_back_to_the_release_of_another_tool(folders: Folders) -> None:
    before = folders.names()
    folders.example.write()
    with folders.example.deploy(folders.service) as deploy:
        deploy.activate()
        [facts] = deploy.facts.values()
        assert (facts.current, facts.commit, facts.started_from, facts.runs_other_release) == (
            THEIRS, folders.commit, folders.commit, True)
        assert os.readlink(folders.directory / "current") != folders.link
        deploy.executor.send({"do": "abort"})
        deploy.restored()
    assert os.readlink(folders.directory / "current") == folders.link
    assert folders.stands_in() == folders.release
    assert folders.names() == before and os.listdir(folders.directory / "releases") == [THEIRS]


@pytest.mark.promise(4)
@pytest.mark.parametrize("before", [True, False], ids=["before the switch", "after the switch"])
@pytest.mark.rows(1)
def test_power_cut_at_the_switch_leaves_current_with_another_tool(example: Example, before: bool) -> None:
    folders = Folders(example, "{}/releases/20240101120000")
    folders.start()
    example.write()
    with example.deploy(folders.service, faults=dies_at("switch", before=before)) as deploy:
        deploy.prepare().run("activate").executor.rest()
    with example.deploy(folders.service) as deploy:
        deploy.look()
        assert os.readlink(folders.directory / "current") == folders.link
        assert folders.stands_in() == folders.release
        deploy.executor.send({"do": "end"})
        deploy.executor.rest()


@pytest.mark.promise(11)
@pytest.mark.rows(1)
def test_in_place_is_refused_where_another_tool_deployed(folders: Folders) -> None:
    before = folders.names()
    with folders.example.deploy() as deploy, pytest.raises(NotReady, match="runs in a release of another tool"):
        deploy.look().plan()
    assert folders.names() == before and folders.stands_in() == folders.release


@pytest.mark.promise(11)
@pytest.mark.rows(1)
def test_release_of_another_tool_is_never_deleted(folders: Folders) -> None:
    for _ in range(2):
        commit = folders.example.write()
        with folders.example.deploy(folders.service) as deploy:
            assert deploy.commit()["event"] == "committed"
    assert folders.stands_in().name == commit
    assert (folders.directory / "current/config/app.cfg").resolve() == folders.directory / "shared/config/app.cfg"
    with folders.example.deploy(folders.example.with_(strategy="in_place")) as deploy:
        assert deploy.commit()["event"] == "committed"
    assert sorted(path.name for path in folders.release.iterdir()) == ["REVISION", "built"]


@pytest.mark.long
def test_current_that_is_no_release_is_given_back(example: Example) -> None:
    folders = Folders(example, "releases/20240101120000")
    folders.start()
    with example.deploy(folders.service) as deploy:
        assert deploy.commit()["event"] == "committed"
    (folders.directory / "current").unlink()
    (folders.directory / "current").symlink_to("shared")
    (folders.directory / "shared/built").write_text("exec sleep 1000\n")     # what runs there, too
    example.write()
    with example.deploy(folders.service) as deploy:
        deploy.activate()
        deploy.executor.send({"do": "abort"})
        deploy.restored()
    assert os.readlink(folders.directory / "current") == "shared"
