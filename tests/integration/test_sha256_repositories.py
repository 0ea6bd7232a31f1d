"""A repository that names its commits by SHA-256, as GitLab and Forgejo offer it, and as git 3 makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.app import RUN, App
from tests.integration.conftest import MakeApp
from tests.support.lab import git


class Sha256:
    """A repository of that kind, for the service of an app."""

    def __init__(self, app: App) -> None:
        folder = app.lab.folder / f"git/{app.name}-sha256"
        self.work, self.bare = folder / "work", folder / "shop.git"
        for path, options in ((self.work, []), (self.bare, ["--bare"])):
            git(app.lab.folder, "init", "--quiet", "--object-format=sha256", "--initial-branch=main", *options,
                str(path))
        (self.work / "run.sh").write_text(RUN)
        (self.work / "run.sh").chmod(0o755)
        (self.work / ".gitignore").write_text("built\n")

    def commit(self, version: str) -> str:
        (self.work / "source").write_text(version)
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--message", version)
        git(self.work, "push", "--quiet", str(self.bare), "HEAD:main")
        return git(self.work, "rev-parse", "HEAD")


@pytest.fixture
def app(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> App:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return make_app().alone()


@pytest.mark.rows(1)
@pytest.mark.parametrize(("fetch", "strategy"), [("host", "in_place"), ("client", "releases")])
def test_repository_with_sha256_is_deployed_by_part_of_a_name_and_comes_back(app: App, fetch: str, strategy: str
                                                                             ) -> None:
    repository = Sha256(app)
    first = repository.commit(f"{app.name}-1")
    app.write(repo=str(repository.bare), fetch=fetch, strategy=strategy)
    assert len(first) == 64
    run = app.deploy("--revision", first[:12])
    assert run.code == 0, run
    assert app.commits() == [first]
    second = repository.commit(f"{app.name}-2")
    assert app.deploy().code == 0
    assert app.commits() == [second] and app.running("web1") == f"{app.name}-2"
    assert app.fab("rollback", app.name).code == 0
    assert app.commits() == [first] and app.running("web1") == f"{app.name}-1"


def test_repository_that_went_to_sha256_is_told_with_the_way_on(app: App) -> None:
    app.deployed()
    repository = Sha256(app)
    repository.commit(f"{app.name}-2")
    app.write(repo=str(repository.bare))
    run = app.deploy()
    assert run.code == 2, run
    (error,) = run.of("error")
    assert "names its commits in another way than the clone of the host" in error["message"]
    assert error["hint"].startswith("move the clone away on the host")
