"""Which supervisord runs with which configuration."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tasks.executor.supervisor import supervisord_search
from tasks.executor.supervisor.supervisord_conf import SupervisordConf
from tests.support.lab import wait_for
from tests.support.processes import kill

CONF = "[unix_http_server]\nfile=%(here)s/s.sock\n[supervisord]\npidfile=%(here)s/elsewhere.pid\n"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def start(stack: ExitStack, folder: Path, *command: str) -> int:
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(kill, process.pid)
    return process.pid


@pytest.mark.parametrize(("files", "folders"), [
    ("conf.d/*.conf other/*.ini", {"conf.d": ".conf", "other": ".ini"}), ("none*/*.conf", {}), ("web.conf x.conf", {}),
    ("*/conf/*.ini", {"a/conf": ".ini", "b/conf": ".ini"}), ("app-*.conf conf.d/*", {"conf.d": ""})])
def test_folders_are_named_that_take_a_program_file_of_any_name(tmp_path: Path, files: str,
                                                                folders: dict[str, str]) -> None:
    for name in ("a/conf", "b/conf", "conf.d"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "supervisord.conf").write_text(f"{CONF}[include]\nfiles={files}\n")
    conf = SupervisordConf(str(tmp_path / "supervisord.conf"), {})
    found = supervisord_search.program_folders(conf.configuration().patterns, conf)
    assert found == {str(tmp_path / name): ending for name, ending in folders.items()}


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("options", [[], ["-c", "supervisord.conf"], ["--configuration", "{folder}/supervisord.conf"]])
def test_supervisord_is_found_by_its_configuration_also_by_one_that_it_found_itself(
        tmp_path: Path, stack: ExitStack, options: list[str]) -> None:
    (tmp_path / "supervisord.conf").write_text(CONF)
    given = [option.format(folder=tmp_path) for option in options]
    pid = start(stack, tmp_path, sys.executable, "-m", "supervisor.supervisord", "-n", *given)
    conf = SupervisordConf(str(tmp_path / "supervisord.conf"), {})
    assert wait_for(lambda: supervisord_search.process(conf), "the process table") == pid


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("option", ["-cown.conf", "--configuration=own.conf", "-ncown.conf", "--conf=own.conf"])
def test_supervisord_is_found_when_its_configuration_is_part_of_the_option(tmp_path: Path, stack: ExitStack,
                                                                           option: str) -> None:
    (tmp_path / "own.conf").write_text(CONF)
    pid = start(stack, tmp_path, sys.executable, "-m", "supervisor.supervisord", "-n", option)
    conf = SupervisordConf(str(tmp_path / "own.conf"), {})
    assert wait_for(lambda: supervisord_search.process(conf), "the process table") == pid


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("place", ["venv/etc", "venv"])
def test_supervisord_is_found_by_the_configuration_beside_its_script(tmp_path: Path, stack: ExitStack, place: str
                                                                     ) -> None:
    """As that of a virtual environment, started without any option."""
    script = tmp_path / "venv/bin/supervisord"
    script.parent.mkdir(parents=True)
    script.write_text("from supervisor.supervisord import main\nmain()\n")
    conf = tmp_path / place / "supervisord.conf"
    conf.parent.mkdir(exist_ok=True)
    for path in (conf, tmp_path / "supervisord.conf"):
        path.write_text(CONF)
    pid = start(stack, tmp_path, sys.executable, str(script), "-n")
    assert wait_for(lambda: supervisord_search.process(SupervisordConf(str(conf), {})), "the process table") == pid
    wait_for((conf.parent / "s.sock").exists, "its socket, so that it is right")


def test_program_of_that_name_without_a_configuration_is_passed_over(tmp_path: Path, stack: ExitStack) -> None:
    (tmp_path / "supervisord").write_text("read forever </dev/zero\n")
    start(stack, tmp_path, "sh", "./supervisord")
    (tmp_path / "other.conf").write_text(CONF)
    assert supervisord_search.process(SupervisordConf(str(tmp_path / "other.conf"), {})) is None
