"""`files` on a host: placed beside the commit, kept by release, given back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.digests import sha256
from tasks.executor.disk.placed_files import PlacedFiles, Record
from tests.executor.driver import SECRET, UNHEALTHY, Example, with_files
from tests.support.lab import git
from tests.support.services import changed


def tree(example: Example, strategy: str = "in_place") -> Path:
    return example.directory / "current" if strategy == "releases" else example.directory


def lying(folder: Path) -> dict[str, tuple[str, int] | None]:
    """What lies there that is in no commit: the content and the mode of each file, None for a folder."""
    return {path.relative_to(folder).as_posix(): None if path.is_dir() else (
        path.read_text(), path.stat().st_mode & 0o777) for path in sorted(folder.rglob("*"))
        if path.relative_to(folder).parts[0] not in (".git", "logs", "source", "built")}


def state(example: Example) -> tuple[Any, ...]:
    record = example.state / "files.json"
    left = sorted(path.name for path in example.state.iterdir() if path.name not in ("lock", "releases"))
    return lying(example.directory), record.read_text() if record.exists() else None, left


@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_files_lie_there_when_the_build_runs_and_git_overlooks_them(example: Example, strategy: str) -> None:
    service = with_files(example.with_(strategy=strategy, build=("cp source built; cat conf/deep/a >>built",)),
                         mode=0o640, conf__deep__a="exec sleep 3000 # one\n", b="two")
    example.write("# the file goes on\n")
    example.committed(service)
    folder = tree(example, strategy)
    assert (folder / "built").read_text().endswith("# one\n")
    assert ((folder / "b").read_text(), (folder / "b").stat().st_mode & 0o777) == ("two", 0o640)
    assert (folder / "conf/deep").stat().st_mode & 0o777 == 0o755
    assert git(folder, "status", "--porcelain").splitlines() == ["?? built"]
    with example.deploy(service) as deploy:
        assert not deploy.look().message()["services"][example.name]["steps"], "it is up to date"
    pid = example.info()["pid"]
    example.committed(with_files(service, mode=0o640, conf__deep__a="exec sleep 3000 # 2\n", b="two"))
    assert (tree(example, strategy) / "conf/deep/a").read_text() == "exec sleep 3000 # 2\n"
    assert example.info()["pid"] != pid, "a changed file restarts"


@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_what_a_build_makes_of_a_file_is_no_edit(example: Example, strategy: str) -> None:
    service = with_files(example.with_(strategy=strategy, build=("cp source built; echo built >>a; chmod 600 a",)),
                         a="placed\n")
    for _ in range(2):
        example.write()
        example.committed(service)
        assert (tree(example, strategy) / "a").read_text() == "placed\nbuilt\n"
        with example.deploy(service) as deploy:
            assert not deploy.look().message()["services"][example.name]["steps"], "it is up to date"
    (tree(example, strategy) / "a").write_text("by hand")
    with example.deploy(service) as deploy:
        assert deploy.look().facts[example.name].files["a"].sha256 != service.file_contents[0].sha256


@pytest.mark.promise(3)
def test_failed_deploy_gives_back_all_files(example: Example) -> None:
    example.write()
    example.committed(with_files(example.service, mode=0o600, a__x="1", a__y="1", b__z=SECRET, same="1"))
    before = state(example)
    for service in (with_files(example.service, a__x="2", c__d__e="2", same="1"), example.service):
        with example.deploy(changed(service, health=UNHEALTHY)) as deploy:
            deploy.prepare().run("activate").restored()
        assert state(example) == before
    example.committed(example.service)
    assert lying(example.directory) == {}
    assert not (example.state / "files.json").exists()


@pytest.mark.promise(3)
def test_file_and_folder_of_ours_take_the_place_of_each_other_and_come_back(example: Example) -> None:
    example.write()
    service = with_files(example.service, a="1", b__x__y="1", c="1")
    example.committed(with_files(example.service, a__x="2", a__y="2", b="2", c="2"))
    before = state(example)
    with example.deploy(changed(service, health=UNHEALTHY)) as deploy:
        deploy.prepare().run("activate").restored()
    assert state(example) == before
    (example.directory / "a/person").write_text("hand-made")
    with example.deploy(service) as deploy:
        assert "a is a folder" in deploy.look().facts[example.name].files["a"].problem


@pytest.mark.promise(4)
def test_files_come_back_after_a_power_cut(example: Example) -> None:
    example.write()
    example.committed(with_files(example.service, a__x="1", b="1"))
    before = state(example)
    with example.deploy(with_files(example.service, a__x="2", c__d="2")) as deploy:
        deploy.prepare()
        deploy.executor.kill()
    assert lying(example.directory)["a/x"] == ("2", 0o644)
    assert SECRET not in "".join(path.read_text() for path in (example.host.root / ".fabvisor/journal").iterdir())
    for path in ("c/.d.fabvisor.new", ".b.fabvisor.new"):
        (example.directory / path).write_text("cut off")
    with example.deploy(with_files(example.service, a__x="1", b="1")) as deploy:
        deploy.look()
    assert state(example) == before


@pytest.mark.promise(11)
def test_file_that_is_called_like_another_being_written_stays(example: Example) -> None:
    example.write()
    texts = {".a.new": "2", "a": "1"}
    example.committed(with_files(example.service, **texts))
    assert {path: (example.directory / path).read_text() for path in texts} == texts


@pytest.mark.promise(3)
def test_first_deploy_that_fails_leaves_no_file(example: Example) -> None:
    example.write()
    with example.deploy(changed(with_files(example.service, a__x="1"), health=UNHEALTHY)) as deploy:
        deploy.prepare().run("activate").restored()
    assert not example.directory.exists()
    assert not (example.state / "files.json").exists()


@pytest.mark.long
def test_file_moves_from_the_commit_to_hosts_yaml_and_back(example: Example) -> None:
    """In both directions a failed deploy leaves what was there."""
    example.write(config="of the commit")
    example.committed()
    for text, files, config in (("", {"config": "of hosts.yaml"}, None), ("", {}, "again")):
        if config is None:
            git(example.work, "rm", "--quiet", "config")
        example.write(text or "exec sleep 1000\n", **({"config": config} if config else {}))
        before = state(example)
        with example.deploy(changed(with_files(example.service, **files), health=UNHEALTHY)) as deploy:
            deploy.prepare().run("activate").restored()
        assert state(example) == before
        example.committed(with_files(example.service, **files))
        assert (example.directory / "config").read_text() == (config or files["config"])
        assert git(example.directory, "status", "--porcelain").splitlines() == ["?? built"]
        assert git(example.directory, "stash", "list") == ""


@pytest.mark.promise(9)
def test_path_that_the_commit_has_is_refused_before_the_checkout(example: Example) -> None:
    (example.work / "link").symlink_to("/tmp")
    example.write(config="of the commit")
    for path in ("config", "config__x", "link__x"):
        with example.deploy(with_files(example.service, **{path: "x"})) as deploy:
            deploy.look().plan()
            assert deploy.ending()["event"] == "restored"
        failed = next(message for message in deploy.executor.heard if message["event"] == "failed")
        assert failed["kind"] == "not_ready" and failed["step"] == "fetch"
        assert f"has {path.partition('__')[0]}, where `files` puts files of its own" in failed["message"]
    assert not example.directory.exists()


@pytest.mark.promise(11)
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_edited_file_is_refused_or_set_aside(example: Example, strategy: str) -> None:
    example.write()
    example.committed(with_files(example.with_(strategy=strategy), a__x="1"))
    folder = tree(example, strategy)
    (folder / "a/x").write_text("by hand")
    (folder / "new").write_text("by hand, too")
    service = with_files(example.with_(strategy=strategy), a__x="2", new="2")
    with example.deploy(service) as deploy:
        deploy.look()
        with pytest.raises(Exception, match="edited on the host") as caught:
            deploy.message()
        assert f"web1: a/x ({example.name})" in str(caught.value) and f"web1: new ({example.name})" in str(caught.value)
        deploy.executor.send({"do": "end"})
    with example.deploy(service) as deploy:
        assert deploy.commit(set_aside=True)["event"] == "committed"
    kept = example.state / "set-aside" / deploy.id
    assert {path: (kept / path).read_text() for path in ("a/x", "new")} == {"a/x": "by hand", "new": "by hand, too"}
    assert (kept / "new").stat().st_mode & 0o777 == 0o600
    assert (tree(example, strategy) / "a/x").read_text() == "2"


def test_mode_of_before_is_known_when_somebody_changed_it(example: Example) -> None:
    example.write()
    example.committed(with_files(example.service, a__x="1"))
    (example.directory / "a/x").chmod(0o666)
    with example.deploy(with_files(example.service, a__x="1")) as deploy:
        assert deploy.look().facts[example.name].other_modes == ["a/x (0666, not 0644)"]
        deploy.executor.send({"do": "end"})


def test_mode_of_before_is_told_of_no_file_but_the_one_that_we_wrote(tmp_path: Path) -> None:
    """A deploy that was cut off left the file of before, or a commit has brought its own."""
    placed = PlacedFiles(str(tmp_path), str(tmp_path / "record"))
    (tmp_path / "x").write_text("before")
    (tmp_path / "x").chmod(0o644)
    written = {"sha256": sha256(b"now"), "mode": 0o600, "secrecy": False}
    placed.keep_record(Record({"x": {**written, "was": sha256(b"before")}}, []))
    assert placed.states(["x"])["x"]["written_mode"] is None
    placed.keep_record(Record({"x": written}, []))
    assert placed.states(["x"])["x"]["written_mode"] == 0o600
    assert placed.states(["x"], lambda path: True)["x"]["written_mode"] == 0o644


@pytest.mark.long
def test_file_that_lies_there_already_as_it_shall_is_taken_over(example: Example) -> None:
    example.write()
    example.committed()
    (example.directory / "config").write_text("same")
    service = with_files(example.service, config="same")
    with example.deploy(service) as deploy:
        assert not deploy.look().message()["services"][example.name]["steps"], "there is nothing to do"
    example.write()
    example.committed(service)
    example.committed(example.service)
    assert not (example.directory / "config").exists()


@pytest.mark.promise(11)
def test_link_in_the_path_of_a_file_is_never_followed(example: Example, tmp_path: Path) -> None:
    example.write()
    example.committed()
    (example.directory / "conf").symlink_to(tmp_path)
    (example.directory / "a").symlink_to(tmp_path / "a")
    for path in ("conf/x", "a"):
        with example.deploy(with_files(example.service, **{path.replace("/", "__"): "x"})) as deploy:
            deploy.look()
            with pytest.raises(Exception, match=f"{example.directory}/{path.split('/')[0]} is a link"):
                deploy.message(force=True)
            deploy.executor.send({"do": "end"})
    assert os.listdir(tmp_path) == []


@pytest.mark.promise(11)
def test_file_that_hosts_yaml_names_no_longer_is_not_removed_behind_a_link(example: Example, tmp_path: Path) -> None:
    example.write()
    example.committed(with_files(example.service, conf__x="x"))
    (example.directory / "conf").rename(tmp_path / "conf")
    (example.directory / "conf").symlink_to(tmp_path / "conf")
    example.write()
    example.committed(example.service)
    assert (tmp_path / "conf/x").read_text() == "x"


@pytest.mark.long
@pytest.mark.promise(11)
def test_edited_file_of_a_release_leads_to_another_release_of_its_commit(example: Example) -> None:
    """Files of a running release never change. One whose files were edited is not taken as it is."""
    first = example.write()
    service = with_files(example.with_(strategy="releases"), a="1")
    example.committed(service)
    (example.directory / "current/a").write_text("by hand")
    with example.deploy(service) as deploy:
        assert deploy.commit(set_aside=True)["event"] == "committed"
    assert os.readlink(example.directory / "current") == f"releases/{first}-2"
    assert (example.directory / "current/a").read_text() == "1"
    assert (example.directory / "releases" / first / "a").read_text() == "by hand"
    example.write()
    example.committed(service)
    (example.directory / "releases" / f"{first}-2" / "a").unlink()
    with example.deploy(service) as deploy:
        deploy.look(first).plan(keeps_files=True)
        assert deploy.ending()["event"] == "restored"
    failed = next(message for message in deploy.executor.heard if message["event"] == "failed")
    assert failed["kind"] == "not_ready" and "its files of `files` are nowhere else" in failed["message"]


@pytest.mark.long
def test_rollback_to_a_release_has_its_own_files_and_a_deploy_has_todays(example: Example) -> None:
    first = example.write()
    service = example.with_(strategy="releases")
    example.committed(with_files(service, a="1"))
    example.write()
    example.committed(with_files(service, a="2"))
    with example.deploy(with_files(service, a="2")) as deploy:
        assert deploy.commit(first, keeps_files=True)["event"] == "committed"
    assert (example.directory / "current/a").read_text() == "1"
    assert os.readlink(example.directory / "current") == f"releases/{first}"
    with example.deploy(with_files(service, a="2")) as deploy:
        assert deploy.commit(first)["event"] == "committed"
    assert (example.directory / "current/a").read_text() == "2"
    assert os.readlink(example.directory / "current") == f"releases/{first}-2"


@pytest.mark.promise(7)
def test_secret_file_is_masked_in_all_output(example: Example) -> None:
    service = with_files(example.with_(build=("cp source built; cat key",)), key=SECRET, mode=0o600)
    example.write()
    example.committed(service)
    failing = example.with_(build=("cp source built; echo was $(cat old); exit 7",))
    with example.deploy(with_files(failing, new=SECRET, old=SECRET)) as deploy:
        deploy.look().plan().restored()
    assert "was ***" in [message.get("line") for message in deploy.executor.heard]
    run_logs = "".join(path.read_text() for path in (example.host.root / ".fabvisor/runs").iterdir())
    assert SECRET not in run_logs + repr(deploy.executor.heard)
    key = example.directory / "key"
    key.unlink()
    os.mkfifo(key)
    with example.deploy(service) as deploy:
        deploy.look()
        with pytest.raises(Exception, match=f"{key} is a pipe"):
            deploy.message()
        deploy.executor.send({"do": "end"})


@pytest.mark.promise(7)
def test_secret_file_is_masked_when_a_deploy_to_another_directory_went_back(example: Example) -> None:
    """The release below the new directory has the name of the one that runs below the old one."""
    service = with_files(example.with_(strategy="releases"), key=SECRET, mode=0o600)
    example.write("cat key\nexec sleep 1000\n")
    example.committed(service)
    moved = changed(service, directory=f"elsewhere/{example.name}", health=UNHEALTHY)
    with example.deploy(moved) as deploy:
        deploy.fails_in("health")
    for known in (service, moved):
        with example.deploy(known) as deploy:
            deploy.hello("logs", None)
            assert "***" in "".join(message.get("line", "") for message in deploy.executor.rest())
        assert SECRET not in repr(deploy.executor.heard)
