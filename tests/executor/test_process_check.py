"""A started process is compared with its program file."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.executor.program import process_check
from tasks.executor.system import processes
from tasks.program.files import START, START_NAMED
from tests.executor.driver import Example
from tests.support.lab import wait_for

ENV_FILE = "# ours\nexport WHO=x\nexport TOKEN='a b'\ncase $1 in web)\nexport PORT=80\n;; esac\n"
Start = Callable[[list[str], list[str]], int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the first words, and waits until the process has the second ones as its command line; returns its pid."""
    (tmp_path / "env").write_text(ENV_FILE)
    script = tmp_path / "app"
    script.write_text("#!/bin/cat -\n")
    script.chmod(0o755)
    started: list[subprocess.Popen[bytes]] = []

    def start(words: list[str], becomes: list[str]) -> int:
        process = subprocess.Popen(words, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.PIPE)
        started.append(process)
        wait_for(lambda: processes.command_line(process.pid) == becomes, f"{becomes}")
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def command(tmp_path: Path, *words: str, script: str = START) -> list[str]:
    return ["/bin/sh", "-c", script, str(tmp_path / "env"), *words]


@pytest.mark.promise(8)
@pytest.mark.parametrize(("script", "words", "becomes"), [
    pytest.param(START, ["sleep", "100"], ["sleep", "100"], id="a program"),
    pytest.param(START_NAMED, ["web", "sleep", "100"], ["sleep", "100"], id="one of several programs"),
    pytest.param(START, ["./app"], ["/bin/cat", "-", "./app"], id="a script"),
    pytest.param(START, ["env", "-i", "sleep", "100"], ["sleep", "100"], id="a program that starts another"),
])
def test_process_that_the_shell_became_lacks_no_variable(tmp_path: Path, start: Start, script: str, words: list[str],
                                                         becomes: list[str]) -> None:
    argv = command(tmp_path, *words, script=script)
    assert process_check.lacks(start(argv, becomes), shlex.join(argv)) == []


@pytest.mark.promise(8)
@pytest.mark.parametrize(("script", "name", "lacking"), [
    (START, [], ["TOKEN", "WHO"]), (START_NAMED, ["web"], ["PORT", "TOKEN", "WHO"]),
    (START_NAMED, ["worker"], ["TOKEN", "WHO"])])
def test_process_without_the_variables_of_its_file_is_named(tmp_path: Path, start: Start, script: str, name: list[str],
                                                            lacking: list[str]) -> None:
    """Somebody started the program in another way."""
    argv = command(tmp_path, *name, "sleep", "100", script=script)
    assert process_check.lacks(start(["sleep", "100"], ["sleep", "100"]), shlex.join(argv)) == lacking


def test_shell_that_has_not_read_the_file_yet_is_not_judged(tmp_path: Path, start: Start) -> None:
    """As right after the start, where it waits for the disk."""
    os.unlink(tmp_path / "env")
    os.mkfifo(tmp_path / "env")
    argv = command(tmp_path, "/bin/sh", "./app")
    pid = start(argv, argv)
    (tmp_path / "env").rename(tmp_path / "fifo")
    (tmp_path / "env").write_text(ENV_FILE)
    assert process_check.lacks(pid, shlex.join(argv)) == []


def test_command_that_is_not_ours_is_not_judged(start: Start) -> None:
    pid = start(["sleep", "100"], ["sleep", "100"])
    assert process_check.lacks(pid, "/bin/sh -c 'exec sleep 100' x y z") == []
    assert process_check.lacks(pid, "sleep 100") == []


@pytest.mark.promise(8)
def test_deploy_whose_program_lacks_a_variable_goes_back(example: Example) -> None:
    example.write()
    example.committed()
    example.write()
    faults = "from .program import process_check\nprocess_check.lacks = lambda pid, command: ['WHO']"
    with example.deploy(faults=faults) as deploy:
        deploy.prepare().run("activate")
        failed = deploy.executor.until("failed")
        assert "runs without variables that its environment file has: WHO" in failed["message"]
        assert deploy.ending()["event"] == "restored"
