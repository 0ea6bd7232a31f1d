"""What other users of a host can put at our names, open or hold: refused in words, and never written through."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.executor import errors
from tasks.executor.disk import files, json_lines
from tasks.executor.layout import Layout
from tasks.executor.state import locks, own_state
from tests.executor.driver import Example
from tests.executor.place import Place

STRANGER = 65534                    # nobody


def refusal(example: Example, verb: str = "rollout") -> dict[str, str]:
    """What a command is told, before it changes anything."""
    example.write()
    with example.deploy() as deploy:
        deploy.hello(verb)
        told = deploy.executor.until("problem", "not_ready", "facts", "history", "log")
    problem: dict[str, str] = told["problems"][0] if told["event"] == "not_ready" else told
    assert problem.get("kind") == "not_ready", told
    return problem


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Where planted links lead."""
    file = tmp_path / "elsewhere"
    file.write_text("somebody's\n")
    return file


@pytest.fixture
def state(example: Example) -> Iterator[Path]:
    """The state folder of a host that was deployed to."""
    example.write()
    example.committed()
    yield example.host.root / ".fabvisor"


@pytest.mark.parametrize("name", [
    "{}", "{}/lock", "{}/env", "{}/.env.fabvisor.new", "{}/history.jsonl", "journal", "journal/x.json", "runs",
    "supervisord.lock"])
@pytest.mark.rows(2)
def test_state_refuses_a_planted_link_and_never_writes_through_it(example: Example, state: Path, elsewhere: Path,
                                                                   name: str) -> None:
    path = state / name.format(example.name)
    if path.is_dir():
        path.rename(elsewhere.parent / "moved")
        target = elsewhere.parent / "moved"
    else:
        path.unlink(missing_ok=True)
        target = elsewhere
    path.symlink_to(target)
    problem = refusal(example)
    assert problem["message"].startswith(f"{path} is a link"), problem
    assert f"rm {path}" in problem["hint"]
    assert elsewhere.read_text() == "somebody's\n"


@pytest.mark.parametrize("name", [
    "{}/env", "journal/x.json", "{}/lock", "{}/history.jsonl", "{}/files.json", "supervisord.lock"])
@pytest.mark.rows(1)
def test_folder_in_the_place_of_a_file_is_refused_with_the_command_that_helps(example: Example, state: Path,
                                                                              name: str) -> None:
    path = state / name.format(example.name)
    path.unlink(missing_ok=True)
    path.mkdir()
    problem = refusal(example)
    assert problem["message"].startswith(f"{path} is a folder"), problem
    command = problem["hint"].partition(": ")[2]
    assert command == f"mv {path} {path}.aside"
    subprocess.run(command, shell=True, check=True)
    example.committed()


@pytest.mark.parametrize("name", ["env", "lock", "shop.conf", "x.log", "a.json"])
def test_service_may_have_the_name_of_a_file_of_ours(tmp_path: Path, name: str) -> None:
    """Else its first deploy would end all commands on that host."""
    layout = place(tmp_path)
    (tmp_path / ".fabvisor" / name).mkdir(parents=True)
    own_state.require(layout, [name])


@pytest.mark.parametrize(("name", "kind"), [
    ("journal", "no folder"), ("runs", "no folder"), ("shop", "no folder"), ("supervisord.lock", "a folder")])
def test_file_and_folder_in_the_place_of_each_other_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / ".fabvisor" / name
    path.parent.mkdir(mode=0o700)
    path.mkdir() if kind == "a folder" else path.touch()
    with pytest.raises(errors.NotReady) as raised:
        own_state.require(place(tmp_path), ["shop"])
    assert raised.value.message.startswith(f"{path} is {kind}, ")
    assert raised.value.hint.endswith(f"mv {path} {path}.aside")


def place(root: Path, state: str = ".fabvisor") -> Layout:
    return Layout({"root": str(root), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d", "state": state})


@pytest.mark.parametrize(("state", "culprit"), [
    ("file", "file is no folder"), ("file/state/deep", "file is no folder"),
    ("nowhere/state", "nowhere is a link to nothing")])
def test_state_below_what_is_no_folder_is_refused_also_by_a_plan(tmp_path: Path, state: str, culprit: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "not there")
    with pytest.raises(errors.NotReady) as raised:
        own_state.require(place(tmp_path, state), [])
    assert raised.value.message == f"{tmp_path}/{culprit}, and Fabvisor keeps its own files in {tmp_path}/{state}"
    assert "correct `state` in hosts.yaml" in raised.value.hint


def test_nobody_is_told_to_take_over_a_folder_that_is_no_state_folder(tmp_path: Path) -> None:
    """`state: /var/lib` is a mistake in hosts.yaml. An empty folder may have been made for us."""
    state = tmp_path / "lib"
    state.mkdir()
    os.chown(state, STRANGER, STRANGER)
    with pytest.raises(errors.NotReady) as raised:
        own_state.require(place(tmp_path, "lib"), [])
    assert raised.value.message.startswith(f"{state}, where Fabvisor keeps its own files, belongs to nobody")
    assert raised.value.hint.endswith(f"sudo install -d -m 700 -o root {state}")
    (state / "dpkg").mkdir()
    with pytest.raises(errors.NotReady) as raised:
        own_state.require(place(tmp_path, "lib"), [])
    assert "sudo" not in raised.value.hint and "~/.fabvisor" in raised.value.hint


def test_state_folder_that_is_a_link_is_refused(example: Example, tmp_path: Path) -> None:
    (example.host.root / ".fabvisor").symlink_to(tmp_path)
    try:
        assert "is a link" in refusal(example)["message"]
        assert os.listdir(tmp_path) == []
    finally:
        (example.host.root / ".fabvisor").unlink()


@pytest.mark.parametrize("verb", ["rollout", "plan", "status", "logs", "runs", "history"])
@pytest.mark.rows(2)
def test_state_of_another_user_is_refused_with_the_user_to_log_in_as(example: Example, state: Path, verb: str) -> None:
    os.chown(state, STRANGER, STRANGER)
    problem = refusal(example, verb)
    assert f"{state} belongs to nobody" in problem["message"]
    assert "user: nobody" in problem["hint"] and f"sudo chown -R root {state}" in problem["hint"]


def test_state_with_a_file_of_another_user_is_refused(example: Example, state: Path) -> None:
    os.chown(state / example.name / "history.jsonl", STRANGER, STRANGER)
    assert "history.jsonl belongs to nobody" in refusal(example)["message"]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
@pytest.mark.rows(1)
def test_state_that_others_can_write_is_refused(example: Example, state: Path, mode: int) -> None:
    state.chmod(mode)
    problem = refusal(example)
    assert "can be written by other users" in problem["message"] and f"chmod go-w {state}" in problem["hint"]


def test_program_file_that_is_a_folder_is_refused_with_the_command_that_helps(example: Example) -> None:
    example.program_file.mkdir()
    try:
        problem = refusal(example)
    finally:
        example.program_file.rmdir()
    assert problem["message"] == f"{example.program_file} is a folder, where the program file belongs"
    assert problem["hint"].endswith(f"mv {example.program_file} {example.program_file}.aside")


def test_program_file_that_is_a_link_is_refused_and_stays(example: Example, elsewhere: Path) -> None:
    elsewhere.write_text(f"[program:{example.name}]\ncommand=sleep 1000\nautostart=false\n")
    example.program_file.symlink_to(elsewhere)
    problem = refusal(example)
    assert f"is a link to {elsewhere}" in problem["message"]
    assert f"cp --remove-destination {elsewhere} {example.program_file}" in problem["hint"]
    assert example.program_file.is_symlink()


def test_planted_aside_of_the_program_file_is_never_written_through(example: Example, elsewhere: Path) -> None:
    aside = example.program_file.with_name(f".{example.program_file.name}.fabvisor.new")
    aside.symlink_to(elsewhere)
    example.write()
    example.committed()
    assert elsewhere.read_text() == "somebody's\n"
    assert not example.program_file.is_symlink() and not os.path.lexists(aside)


def test_planted_logs_link_of_another_user_is_refused(example: Example, tmp_path: Path) -> None:
    logs = example.directory / "logs"
    logs.parent.mkdir(parents=True)
    logs.symlink_to(tmp_path)
    os.chown(logs, STRANGER, STRANGER, follow_symlinks=False)
    assert f"{logs} is a link that nobody made" in refusal(example)["message"]
    assert os.listdir(tmp_path) == []


def test_planted_links_of_a_release_switch_are_never_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    place.ctx.clone.create()
    (place.folder / ".current.fabvisor.new").symlink_to(tmp_path / "other")
    place.ctx.releases.switch("1" * 40)
    assert os.listdir(tmp_path / "other") == []
    assert os.readlink(place.folder / "current") == f"releases/{'1' * 40}"


Write = Callable[[str], object]


@pytest.mark.parametrize("write", [
    lambda path: json_lines.append(path, {"x": 1}),
    lambda path: files.open_own(path, os.O_WRONLY)], ids=["append_line", "open_own"])
def test_files_are_never_written_through_a_link(elsewhere: Path, tmp_path: Path, write: Write) -> None:
    (tmp_path / "link").symlink_to(elsewhere)
    with pytest.raises(OSError) as caught:
        write(str(tmp_path / "link"))
    assert "see on the host where it leads: ls -ld" in errors.as_host_error(caught.value).hint
    assert elsewhere.read_text() == "somebody's\n"


@pytest.mark.promise(5)
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(2)
def test_deploy_makes_files_that_others_cannot_write_whatever_the_umask(example: Example, strategy: str,
                                                                        umask: int) -> None:
    """And nobody else can reach what is in the state folder: neither a secret, nor a lock to hold."""
    shutil.rmtree(example.host.root / ".fabvisor", ignore_errors=True)
    example.service = example.with_(strategy=strategy)
    before = os.umask(umask)
    try:
        for _ in range(2):
            commit = example.write()
            with example.deploy() as deploy:
                deploy.activate()
                modes = modes_below(example.host.root / ".fabvisor")
                deploy.executor.send({"do": "commit"})
                assert deploy.ending()["event"] == "committed"
        assert example.head() == commit
    finally:
        os.umask(before)
    modes.update(modes_below(example.host.root / ".fabvisor"))
    assert {path: oct(mode) for path, mode in modes.items() if mode & 0o077} == {}
    assert any("journal/" in path for path in modes) and any(path.endswith("/lock") for path in modes)
    program, logs = example.program_file.stat().st_mode & 0o777, (example.directory / "logs").stat().st_mode & 0o777
    assert (oct(program), oct(logs)) == ("0o600", oct(0o777 & ~(umask | 0o022)))
    assert [path for path, mode in modes_below(example.directory).items() if mode & 0o022] == []


def modes_below(folder: Path) -> dict[str, int]:
    """The modes of the folder and of all that is in it, links aside."""
    paths = [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]
    return {str(path): path.stat().st_mode & 0o777 for path in paths}


@pytest.mark.parametrize("number", ["ENOLCK", "EOPNOTSUPP"])
def test_file_system_without_locks_is_named(layout: Layout, monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    """As NFS without its lock daemon answers: no such file system can be had here."""
    import errno

    def refuse(fd: int, operation: int) -> None:
        raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(errors.NotReady, match="cannot be locked") as caught:
        locks.Locks(layout, {}).take(["a"])
    assert caught.value.hint.endswith(f"findmnt -T {layout.lock_file('a')}")
    with pytest.raises(errors.NotReady, match="cannot be locked"), locks.reload_lock(layout):
        pass


def test_state_check_passes_while_there_is_no_state_folder(tmp_path: Path) -> None:
    layout = Layout({"root": str(tmp_path), "supervisord_conf": "supervisord.conf", "program_dir": "conf.d"})
    own_state.require(layout, ["a"])
    layout.prepare()
    own_state.require(layout, ["a"])
    assert os.stat(layout.state).st_mode & 0o777 == 0o700
