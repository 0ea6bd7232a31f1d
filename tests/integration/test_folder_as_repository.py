"""`repo: ./dist`: what stands in a folder becomes a commit, and is deployed like any other."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.app import RUN, App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import git


@pytest.fixture
def folder(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[App, Path]]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    app = make_app().alone()
    dist = app.inventory.parent / "dist"
    dist.mkdir()
    write(dist, "run.sh", RUN)
    write(dist, "built", f"{app.name}-1")
    del app.service["build"]
    app.write(repo="./dist")
    yield app, dist


def write(dist: Path, name: str, text: str) -> None:
    path = dist / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755 if text.startswith("#!") else 0o644)


@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_files_of_a_folder_are_deployed_and_rolled_back_like_a_commit(
        folder: tuple[App, Path], tmp_path: Path, strategy: str) -> None:
    app, dist = folder
    app.write(strategy=strategy)
    (dist / "link").symlink_to("built")
    write(dist, ".git/config", "not shipped")
    write(dist, ".gitattributes", "* text eol=crlf filter=lfs\n")     # with it, hosts would write other files
    write(dist, "page/.GitAttributes", "* text eol=crlf\n")           # to git on Linux a file like any other
    write(dist, "page/.gitmodules", "of no submodule")
    first = app.deploy()
    assert first.code == 0, first
    assert "./dist: not sent, because git on the hosts would write other files by it: .gitattributes" in messages(first)
    tree = app.lab[app.hosts[0]].directory(app.name) / ("current" if strategy == "releases" else "")
    sent = {path.relative_to(dist): path.read_bytes() for path in dist.rglob("*") if path.is_file()}
    assert {path for path in sent if not (tree / path).is_file() or (tree / path).read_bytes() != sent[path]} == {
        Path(".git/config"), Path(".gitattributes")}
    assert {app.running(host) for host in app.hosts} == {f"{app.name}-1"}
    (resolved,) = [event for event in first.events if event["event"] == "resolved"]
    assert (resolved["revision"], resolved["back"], resolved["forward"]) == ("./dist", None, None)
    os.utime(dist / "built", (1, 1))
    assert app.deploy().finished["outcome"] == "unchanged"
    write(dist, "built", f"{app.name}-2")
    assert app.deploy().code == 0
    assert {app.running(host) for host in app.hosts} == {f"{app.name}-2"}
    cache = tmp_path / "cache"
    cache.rename(tmp_path / "lost")                     # the hosts have the version before
    back = app.fab("rollback", app.name)
    assert back.code == 0, back
    assert {app.running(host) for host in app.hosts} == {f"{app.name}-1"}
    for host in app.hosts:
        tree = app.lab[host].directory(app.name)
        assert os.readlink((tree / "current" if strategy == "releases" else tree) / "link") == "built"
        git(tree, "reflog", "expire", "--expire=now", "--all")
        git(tree, "gc", "--quiet", "--prune=now")
    second = app.lab["web1"].history(app.name)[1]["to"]
    again = app.fab("rollback", app.name, "--to", second[:8])
    assert again.code == 0, again                       # no reference but ours kept it
    assert {app.running(host) for host in app.hosts} == {f"{app.name}-2"}
    unknown = app.fab("rollback", app.name, "--to", "0000000")
    assert unknown.code == 2 and "no branch, tag or commit 0000000 on this machine" in messages(unknown), unknown


def test_folder_that_cannot_be_a_commit_changes_nothing(folder: tuple[App, Path], tmp_path: Path) -> None:
    app, dist = folder
    assert app.deploy("--revision", "main").code == 2
    assert app.deploy("--fetch", "host").code == 2
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dist / "s"))
        special = app.deploy()
    assert special.code == 2 and "s: it is no file" in messages(special)
    app.write(repo="./nowhere")
    missing = app.deploy()
    assert missing.code == 2 and "./nowhere is no folder" in messages(missing)
    assert "by the input artifacts_of" in messages(missing), "where the folder of a GitLab job comes from"
    (dist.parent / "empty/inner").mkdir(parents=True)
    app.write(repo="./empty")
    empty = app.deploy()
    assert empty.code == 2 and "./empty is empty" in messages(empty)
    app.write(repo="../" + dist.parent.name)
    own = app.deploy()
    assert own.code == 2 and "secrets" in messages(own)
    assert [app.program(host)["statename"] for host in app.hosts] == ["absent"]


def test_folder_of_the_job_is_taken_where_none_is_beside_the_inventory(
        folder: tuple[App, Path], tmp_path: Path) -> None:
    app, dist = folder
    dist.rename(tmp_path / "dist")
    run = app.deploy(cwd=str(tmp_path))
    assert run.code == 0, run


@pytest.mark.long
def test_front_end_of_2000_files_is_deployed_in_seconds(folder: tuple[App, Path]) -> None:
    app, dist = folder
    for number in range(2000):
        write(dist, f"assets/{number % 50}/{number}.js", f"export default {number}\n" * 40)
    assert app.deploy().code == 0
    write(dist, "assets/0/0.js", "export default 'new'\n")
    begin = time.monotonic()
    assert app.deploy().code == 0
    assert time.monotonic() - begin < 5
