"""Starts of the program from where others would not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FAB = f"{sys.executable} {ROOT}/tests/support/fab.py --search-root {ROOT}"
HOSTS = """\
services:
  app: {repo: /srv/app, command: ./run}
environments:
  test: {branch: main, hosts: {web1: {root: /srv}}}
"""


def started(folder: Path, command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """By a shell, which `command` is for; FAB in it is the program."""
    (folder / "hosts.yaml").write_text(HOSTS)
    return subprocess.run(
        ["sh", "-c", command.replace("FAB", FAB)], cwd=folder, text=True, capture_output=True, check=False,
        env={**os.environ, "HOME": str(folder), "FAB_INVENTORY": str(folder / "hosts.yaml"), **env})


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("words", "code"), [("check", 0), ("deploy nope --env test", 2)])
def test_command_ends_as_ever_where_streams_are_closed(tmp_path: Path, words: str, code: int, closed: str) -> None:
    done = started(tmp_path, f"FAB {words} {closed}")
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (code, False), done


@pytest.mark.parametrize("words", ["status", "deploy app"])
def test_folder_that_was_removed_is_named_as_what_it_is(tmp_path: Path, words: str) -> None:
    done = started(tmp_path, f'mkdir gone && cd gone && rmdir "$PWD" && FAB {words}')
    assert done.returncode == 2, done
    assert "error: the current folder was removed\nhint:  cd to another one" in done.stderr
