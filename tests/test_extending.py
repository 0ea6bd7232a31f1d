"""docs/extending.md is followed by the letter, in a copy; what comes of it works."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.pages import CHECKOUT, copy_checkout

pytestmark = pytest.mark.usefixtures("whole_suite")

TEXT = (CHECKOUT / "docs/extending.md").read_text()
PATH = r"`(tasks/[\w./]+)`"
BLOCK = r":\n\n```python\n(.*?)```"
NEW = re.compile(f"{PATH}, new{BLOCK}", re.DOTALL)
BESIDE = re.compile(f"In {PATH}, (below|above) `([^`]+)`{BLOCK}", re.DOTALL)
HOSTS = """
services: {{api: {{repo: r, command: c, health: {{unix: {path}}}}}}}
environments: {{test: {{branch: main, root: /srv, hosts: [web2, web1]}}}}
default_environment: test
"""
HEALTH = """
from tasks.executor.program import health

health.wait({{"unix": {path!r}, "timeout": 1}}, cwd="/", env={{}}, still_up=lambda: None)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    copy_checkout(folder)
    shutil.copytree(CHECKOUT / "tasks", folder / "tasks", dirs_exist_ok=True)      # with what Python has compiled of it
    for path, text in NEW.findall(TEXT):
        assert not (folder / path).exists()
        (folder / path).write_text(text)
    for path, where, anchor, text in BESIDE.findall(TEXT):
        old = line_with((folder / path).read_text(), anchor)
        put(folder / path, old, old + text if where == "below" else text + old)
    assert len(NEW.findall(TEXT)) + len(BESIDE.findall(TEXT)) == TEXT.count("```python")
    return folder


def line_with(text: str, beginning: str) -> str:
    (line,) = [line for line in text.splitlines(keepends=True) if line.startswith(beginning)]
    return line


def put(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{path}: {old}"
    path.write_text(text.replace(old, new))


def python(copy: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], cwd=copy, text=True, capture_output=True, check=False)


def test_documented_command_works(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(HOSTS.format(path="/run/api.sock"))
    done = python(copy, "-m", "fabric", "hosts", "--inventory", str(tmp_path / "hosts.yaml"))
    assert (done.stdout, done.returncode) == ("web1\nweb2\n", 0), done


def test_documented_health_check_works(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(HOSTS.format(path="api.sock"))
    done = python(copy, "-m", "fabric", "hosts", "--inventory", str(tmp_path / "hosts.yaml"))
    assert done.returncode == 2 and "expected the path of a socket" in done.stderr, done

    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as server:
        path = f"{folder}/api.sock"             # 107 bytes at most
        sick = python(copy, "-c", HEALTH.format(path=path))
        assert "not healthy within 1 s" in sick.stderr, sick
        server.bind(path)
        server.listen()
        well = python(copy, "-c", HEALTH.format(path=path))
        assert well.returncode == 0, well


def test_documented_output_format_works(copy: Path) -> None:
    (command,) = re.findall(r"`python (-m tasks\.reports [^`]+)`", TEXT)
    done = python(copy, *command.split())
    assert done.stdout.splitlines()[0] == "web1.example.com monitor 1a2b3c4d committed", done


def test_documented_extensions_pass_the_linter(copy: Path) -> None:
    changed = dict.fromkeys(path for path, *_ in NEW.findall(TEXT) + BESIDE.findall(TEXT))
    done = python(copy, "-m", "ruff", "check", *changed)
    assert done.returncode == 0, done.stdout
