"""The state folder and the service directory may lie anywhere; a change of `state` loses nothing."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.executor import directory_access
from tests.executor.driver import Deploy, Example, Message


def problems(deploy: Deploy) -> list[Message]:
    deploy.hello()
    return list(deploy.executor.until("not_ready")["problems"])


@pytest.fixture
def elsewhere(example: Example, folder: Path) -> Path:
    return folder / f"elsewhere-{example.name}"


def with_state(example: Example, state: Path | str) -> Deploy:
    deploy = example.deploy()
    deploy.layout["state"] = str(state)
    return deploy


@pytest.mark.parametrize("at_home", [False, True], ids=["absolute", "at home"])
def test_directory_and_state_lie_outside_the_root(example: Example, elsewhere: Path, at_home: bool) -> None:
    directory = Path.home() / example.name if at_home else elsewhere / "service"
    example.service = example.with_(directory=f"~/{example.name}" if at_home else str(directory))
    commit = example.write()
    with with_state(example, elsewhere / "state") as deploy:
        assert deploy.commit()["now"] == {example.name: commit}
    assert (directory / "built").exists()
    assert (elsewhere / "state" / example.name / "history.jsonl").exists()
    assert not (example.host.root / ".fabvisor").exists()
    assert f"{elsewhere}/state/{example.name}/env" in example.program_file.read_text()


@pytest.mark.promise(11)
@pytest.mark.parametrize("back", [False, True], ids=["to another", "back to the default"])
@pytest.mark.rows(1)
def test_change_of_state_is_refused_until_the_history_is_copied(example: Example, elsewhere: Path, back: bool) -> None:
    default = example.host.root / ".fabvisor"
    before, after = (elsewhere, default) if back else (default, elsewhere)
    example.write()
    with with_state(example, before) as deploy:
        deploy.commit()
    example.write()
    with with_state(example, after) as deploy:
        [problem] = problems(deploy)
    assert problem["message"] == f"{before}, where `state` was before, has the history of {example.name}"
    command, _, other = problem["hint"].removeprefix("on the host: ").partition(";")
    assert other == f" or write in hosts.yaml: state: {before}"
    subprocess.run(command, shell=True, check=True)
    with with_state(example, after) as deploy:
        assert deploy.commit()["event"] == "committed"
    lines = (after / example.name / "history.jsonl").read_text().splitlines()
    assert len(lines) == 2 and shlex.quote(str(after)) in example.program_file.read_text()


@pytest.mark.promise(11)
def test_interrupted_deploy_in_the_earlier_state_is_named(example: Example, elsewhere: Path) -> None:
    example.write()
    example.committed()
    example.write()
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    with with_state(example, elsewhere) as changed:
        [problem] = problems(changed)
    assert f"has the interrupted deploy {deploy.id}" in problem["message"]
    assert f"state: {example.host.root}/.fabvisor; then: fab recover {example.name}" in problem["hint"]
    with example.deploy() as recovery:
        recovery.look()
    assert example.results()[-1] == "restored"


def test_directory_that_cannot_be_made_or_written_is_known_before_git_fetches(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """root may write everywhere, so the answer of the kernel is that of another user."""
    monkeypatch.setattr("os.access", lambda path, mode: path != str(tmp_path))
    monkeypatch.setattr(directory_access, "login_name", lambda: "deploy")
    [error] = directory_access.problems(str(tmp_path / "a/b"))
    assert error.message.startswith(f"the service directory {tmp_path}/a/b cannot be made: {tmp_path} belongs to root")
    assert error.hint == f"on the host: sudo install -d -o deploy {tmp_path}/a/b"
    [error] = directory_access.problems(str(tmp_path))
    assert error.hint == f"on the host: sudo chown deploy {tmp_path}"
    (tmp_path / "index.html").touch()
    [error] = directory_access.problems(str(tmp_path))
    assert error.hint.startswith("let `directory` in hosts.yaml name a folder that is not there yet; or, if all")
    (tmp_path / ".git").mkdir()
    [error] = directory_access.problems(str(tmp_path))
    assert error.message == f"the service directory belongs to another user, root: {tmp_path}"
    assert error.hint == f"log in as root, or make it belong to the user that logs in: sudo chown -R deploy {tmp_path}"


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("/nowhere/x")])
@pytest.mark.rows(1)
def test_directory_that_is_none_is_refused_with_the_command_that_moves_it_away(
        example: Example, make: Callable[[Path], None]) -> None:
    example.write()
    example.committed()
    shutil.rmtree(example.directory)
    make(example.directory)
    with example.deploy() as deploy:
        hint = next(found["hint"] for found in problems(deploy) if "the service directory" in found["message"])
    subprocess.run(hint.removeprefix("move it away on the host: "), shell=True, check=True)
    example.committed()
    (example.directory.parent / f"{example.name}.away").unlink()
