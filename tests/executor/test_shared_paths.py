"""The paths that all releases share: links from each release to what lies beside them."""

from __future__ import annotations

import os

from tests.executor.site import Site
from tests.support.lab import git, wait_for


def test_shared_paths_are_linked_into_each_release(site: Site) -> None:
    (site.directory / "etc").mkdir(parents=True)
    (site.directory / "etc/secret.cfg").write_text("secret\n")
    shared = ("etc/secret.cfg", "var/data/", "made/")
    commits = []
    for _ in range(2):
        commits.append(site.write("echo $$ >>var/data/starts; exec sleep 1000\n"))
        site.committed(shared=shared)
    for commit in commits:
        release = site.folder / commit
        assert (release / "etc/secret.cfg").read_text() == "secret\n"
        for path in ("etc/secret.cfg", "var/data", "made", "logs"):
            assert (release / path).is_symlink() and not os.path.isabs(os.readlink(release / path))
            assert (release / path).samefile(site.directory / path)
        assert git(release, "status", "--porcelain") == "?? built"
    wait_for(lambda: len((site.directory / "var/data/starts").read_text().splitlines()) == 2, "two starts")


def test_shared_path_replaces_what_the_commit_has_there(site: Site) -> None:
    """As in Capistrano; and nobody takes it for an edit."""
    for folder in ("logs", "etc"):
        (site.example.work / folder).mkdir()
    (site.directory / "etc").mkdir(parents=True)
    (site.directory / "etc/a.cfg").write_text("of the host\n")
    first = site.write(**{"logs/.gitkeep": "", "etc/a.cfg": "of the commit\n", "etc/b.cfg": "b\n"})
    site.committed(shared=("etc/a.cfg",))
    assert (site.folder / first / "etc/a.cfg").read_text() == "of the host\n"
    assert (site.folder / first / "etc/b.cfg").read_text() == "b\n"
    assert (site.folder / first / "logs").is_symlink()
    assert site.facts().edited == []
    assert (site.directory / "etc/a.cfg").read_text() == "of the host\n"


def test_missing_shared_file_is_refused_with_its_path(site: Site) -> None:
    site.write()
    with site.deploy(shared=("etc/secret.cfg",)) as deploy:
        deploy.look().plan()
        failed = deploy.executor.until("failed")
        assert (failed["step"], failed["kind"]) == ("checkout", "not_ready")
        assert f"{site.directory}/etc/secret.cfg" in failed["message"]
        deploy.restored()
    assert not site.directory.exists()


def test_shared_folder_that_is_a_link_to_nothing_is_called_so(site: Site) -> None:
    site.write()
    site.directory.mkdir(parents=True)
    (site.directory / "data").symlink_to("/nowhere/data")
    with site.deploy(shared=("data/",)) as deploy:
        deploy.look().plan()
        failed = deploy.executor.until("failed")
        assert f"{site.directory}/data is a link to nothing" in failed["message"]
        assert f"ls -ld {site.directory}/data" in failed["hint"]
        deploy.restored()


def test_shared_path_below_a_link_of_the_commit_is_refused(site: Site) -> None:
    """Else the shared file itself would be taken for the commit's, and replaced by a link to itself."""
    (site.directory / "etc").mkdir(parents=True)
    (site.directory / "etc/a.cfg").write_text("precious\n")
    (site.example.work / "etc").symlink_to("../../etc")
    site.write()
    with site.deploy(shared=("etc/a.cfg",)) as deploy:
        deploy.look().plan()
        failed = deploy.executor.until("failed")
        assert "link" in failed["message"] and failed["kind"] == "not_ready"
        deploy.restored()
    assert (site.directory / "etc/a.cfg").read_text() == "precious\n"
    assert [path.name for path in site.directory.iterdir()] == ["etc"]


def test_files_that_are_not_shared_stop_a_first_deploy(site: Site) -> None:
    site.write()
    (site.directory / "etc").mkdir(parents=True)
    assert site.facts().foreign
    assert not site.facts(shared=("etc/a.cfg",)).foreign
