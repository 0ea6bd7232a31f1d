"""What a deploy has done when it dials its host: everything before is time that the user waits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sshd import keygen

ROOT = Path(__file__).parents[1]
# Prints the modules that the client has when its first thread begins, which dials the host, and at its end: for nothing
# listens there.
DIAL = """
import atexit, os, sys, threading

def say(when):
    os.write(1, " ".join([when, *sys.modules, chr(10)]).encode())

def start(thread):
    threading.Thread.start = begin
    atexit.register(say, "ENDS")            # before the launcher's own, which is the last
    say("DIALS")
    begin(thread)

begin, threading.Thread.start = threading.Thread.start, start
sys.path[0] = sys.argv.pop(1)
from tasks._launch import main
main()
"""
HOSTS = """\
default_environment: test
services:
  app: {repo: /srv/app, command: ./run, program: {startsecs: 0}}
environments:
  test:
    branch: main
    hosts:
      web1: {address: 127.0.0.1, port: 9, user: deploy, root: /srv, identity_file: key}
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """When it dials, and at its end."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "hosts.yaml").write_text(HOSTS.replace("key}", f"{keygen(folder / 'key')}}}"))
    (folder / "known_hosts").write_text("")
    environ = {name: value for name, value in os.environ.items() if name not in ("SSH_AUTH_SOCK", "SSH_KNOWN_HOSTS")}
    done = subprocess.run(
        [sys.executable, "-c", DIAL, str(ROOT), f"--search-root={ROOT}", "deploy", "app", "--format", "plain"],
        cwd=folder, text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        env={**environ, "HOME": str(folder), "FAB_INVENTORY": str(folder / "hosts.yaml")})
    assert done.returncode == 75, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    return {words[0]: {*words[1:]} for words in lines if words and words[0] in ("DIALS", "ENDS")}


def test_deploy_dials_before_it_imports_what_connects(modules: dict[str, set[str]]) -> None:
    assert "tasks.remote.connection.dial" in modules["DIALS"] and "paramiko" in modules["ENDS"]
    assert not {"fabric", "paramiko", "cryptography", "hashlib"} & modules["DIALS"]


def test_deploy_connects_without_what_it_never_uses(modules: dict[str, set[str]]) -> None:
    assert not {"encodings.idna", "stringprep", "rich", "jsonschema", "asyncio", "platform", "email", "difflib",
                "configparser"} & modules["ENDS"]
    assert sys.version_info < (3, 11) or "typing_extensions" not in modules["ENDS"]


def test_deploy_imports_nothing_of_commits_that_this_machine_carries(modules: dict[str, set[str]]) -> None:
    """Hosts fetch this one, as most."""
    assert "tasks.rollout.transaction.two_phase_commit" in modules["ENDS"]
    assert {name for name in modules["ENDS"] if name.startswith(("tasks.mirror.", "tasks.executor."))} == {
        "tasks.executor.protocol"}
