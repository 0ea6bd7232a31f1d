"""What a power cut leaves of a deploy: the next executor undoes it, or finishes it, before anything else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.executor.conftest import Make
from tests.executor.driver import Before, Example
from tests.executor.faults import dies_after
from tests.support.lab import wait_for


@pytest.mark.promise(11)
@pytest.mark.long
def test_link_of_the_logs_to_a_disk_that_went_away_is_kept(example: Example, tmp_path: Path) -> None:
    example.write()
    example.committed()
    logs, disk = example.directory / "logs", tmp_path / "disk"
    logs.rename(disk)
    logs.symlink_to(disk)
    example.write()
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    disk.rename(tmp_path / "away")
    with example.deploy() as deploy:
        deploy.look()
    assert logs.is_dir() and not logs.is_symlink()
    (kept,) = example.directory.glob("logs.*")
    assert os.readlink(kept) == str(disk)


@pytest.mark.promise(4)
@pytest.mark.parametrize("phase", ["healthy", "prepared"])
@pytest.mark.rows(1)
def test_next_executor_undoes_what_a_power_cut_left(example: Example, python: str, phase: str) -> None:
    before = Before.next_version(example)
    with example.deploy(example.with_(variables={"WHO": "y"}), python=python) as deploy:
        (deploy.prepare if phase == "prepared" else deploy.activate)()
        deploy.executor.kill()
    with example.deploy(python=python) as deploy:
        deploy.hello()
        (left,) = deploy.executor.until("locked")["recovered"]
        assert (left["result"], left["by"], left["services"]) == ("restored", "ann@laptop", [example.name])
        before.assert_so(same_process=phase == "prepared")
    assert example.results() == ["committed", "restored"]


@pytest.mark.promise(4)
def test_orphan_of_a_killed_build_is_ended_before_the_undo(example: Example) -> None:
    """Its orphan is ended before the tree is touched."""
    before = Before.next_version(example)
    orphan = example.work / "orphan"
    slow = example.with_(build=(f"setsid sh -c 'echo $$ >{orphan}.new; mv {orphan}.new {orphan}; exec sleep 1000' &",
                                "exec sleep 1000"))
    with example.deploy(slow) as deploy:
        deploy.look().plan()
        wait_for(orphan.exists, "the orphan")
        deploy.executor.kill()
    assert _lives(int(orphan.read_text()))
    with example.deploy() as deploy:                 # nobody inherited the lock either
        deploy.hello()
        assert deploy.executor.until("locked", "refused")["recovered"][0]["result"] == "restored"
    assert not _lives(int(orphan.read_text()))
    before.assert_so(same_process=True)


@pytest.mark.promise(4)
@pytest.mark.parametrize("removals", [0, 1, 2])
@pytest.mark.rows(1)
def test_next_executor_finishes_an_interrupted_undo(example: Example, removals: int) -> None:
    before = Before.next_version(example)
    with example.deploy(example.with_(build=("exit 1",)), faults=dies_after(removals)) as deploy:
        deploy.look().plan()
        deploy.executor.rest()
    with example.deploy() as deploy:
        deploy.look()
    before.assert_so()


@pytest.mark.promise(4)
@pytest.mark.parametrize("removals", [0, 1])
@pytest.mark.rows(1)
def test_commit_stands_when_killed_before_the_journal_was_removed(example: Example, removals: int) -> None:
    example.write()
    example.committed()
    second = example.write()
    with example.deploy(faults=dies_after(removals)) as killed:
        killed.activate().executor.send({"do": "commit"})
        killed.executor.rest()
    assert example.results() == ["committed", "committed"]
    pid = example.info()["pid"]
    with example.deploy() as deploy:
        deploy.hello("ask", deploy=killed.id, timeout=1)
        ending = deploy.executor.until("outcome")
        assert (ending["result"], ending["due"]) == ("committed", False)
    with example.deploy() as deploy:
        deploy.hello("status")
        assert deploy.executor.until("facts")["services"][example.name]["due"] == []        # nothing to undo
    with example.deploy() as deploy:
        deploy.look()
    assert (example.head(), example.info()["pid"]) == (second, pid)
    assert example.results() == ["committed", "committed"]
    assert example.host.leftovers() == []


@pytest.mark.promise(4)
def test_unnamed_journal_is_removed_by_the_next_command(example: Example, another: Make) -> None:
    """The next command removes files that a deploy left aside; those of a deploy at work stay."""
    example.write()
    example.committed()
    other = another()
    other.write()
    journals = example.host.root / ".fabvisor/journal"
    with other.deploy() as at_work:
        at_work.look()
        theirs = journals / f".{at_work.id}.json.fabvisor.new"
        for path in (theirs, journals / ".20200101-000000-abcdef.json.new", example.state / ".env.new"):
            path.touch()
        example.committed()
        assert list(journals.iterdir()) == [theirs]
    assert not (example.state / ".env.new").exists()
    theirs.unlink()


@pytest.mark.promise(4)
@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock"])
@pytest.mark.rows(1)
def test_stale_locks_of_git_are_removed_by_the_next_command(example: Example, lock: str) -> None:
    before = Before.next_version(example)
    with example.deploy() as deploy:
        deploy.prepare().executor.kill()
    (example.directory / ".git" / lock).touch()
    with example.deploy() as deploy:
        deploy.look()
    before.assert_so()


@pytest.mark.promise(4)
def test_recovery_uses_the_paths_of_the_journal(example: Example) -> None:
    """hosts.yaml was changed between the power cut and the next command."""
    before = Before.next_version(example)
    with example.deploy(example.with_(run_mode="other")) as deploy:
        deploy.activate().executor.kill()
    elsewhere = example.host.root / "elsewhere.d"
    elsewhere.mkdir(exist_ok=True)
    with example.deploy() as deploy:
        deploy.layout["program_dir"] = "elsewhere.d"
        deploy.hello()
        deploy.executor.until("locked")
    before.assert_so()
    assert not list(elsewhere.iterdir())


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
