"""A service is started once, also after hosts.yaml named another supervisord, or another folder of program files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.executor.driver import Example, Message
from tests.support.processes import kill


def problems(example: Example) -> list[Message]:
    with example.deploy() as deploy:
        deploy.hello()
        return list(deploy.executor.until("not_ready")["problems"])


def test_deploy_is_refused_while_another_supervisord_runs_the_program(example: Example) -> None:
    """A process stands for that supervisord's: what it started has these marks in its environment."""
    example.write()
    example.committed()
    example.host.remove_programs()
    marks = {"SUPERVISOR_GROUP_NAME": example.name, "SUPERVISOR_SERVER_URL": "unix:///run/other.sock"}
    other = subprocess.Popen(["/bin/sleep", "1000"], cwd=example.directory, env={**os.environ, **marks},
                             start_new_session=True)
    try:
        [problem] = problems(example)
    finally:
        kill(other.pid)
        other.wait()
    assert problem["message"] == (f"another supervisord still runs {example.name} (pid {other.pid}): "
                                  "unix:///run/other.sock")
    assert f"fab remove {example.name}" in problem["hint"]
    example.committed()


@pytest.mark.parametrize(("command", "option"), [
    (["python3", "-m", "supervisor.supervisord"], ["--configuration=other.conf"]),
    (["python3", "/usr/bin/supervisord"], ["-c", "other.conf"]),
    (["python3", "/usr/bin/supervisord"], ["-cother.conf"]),
], ids=lambda words: words[-1])
@pytest.mark.rows(1)
def test_deploy_is_refused_while_another_supervisord_has_the_program_file(
        example: Example, folder: Path, command: list[str], option: list[str]) -> None:
    """Its processes may be of a user whose environment is closed to us. A shell stands for it."""
    example.write()
    example.committed()
    conf, before = folder / "other.conf", folder / f"conf.d/{example.name}.before.conf"
    before.parent.mkdir(exist_ok=True)
    example.program_file.rename(before)
    example.host.remove_programs()
    conf.write_text(f"[include]\nfiles={before}\n")
    script = folder / command[-1].strip("/")
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("read end\n")
    with subprocess.Popen([*command[:-1], script.relative_to(folder), "-n", *option], cwd=folder,
                          executable="/bin/sh", stdin=subprocess.PIPE):
        [problem] = problems(example)
    assert problem["message"] == f"another supervisord still runs {example.name}: {before}:2"
    example.committed()


@pytest.mark.long
def test_program_file_in_the_folder_of_before_is_named_with_the_command_that_moves_it(example: Example) -> None:
    example.write()
    example.committed()
    before = example.program_file.with_name(f"{example.name}-before.conf")
    example.program_file.rename(before)
    [problem] = problems(example)
    assert "`program_dir` was" in problem["message"]
    command, _, other = problem["hint"].removeprefix("on the host: ").partition(";")
    assert other == f" or write in hosts.yaml: program_dir: {before.parent}"
    subprocess.run(command, shell=True, check=True)
    assert not Path(before).exists()
    example.committed()
