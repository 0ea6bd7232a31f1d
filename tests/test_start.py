"""What a deploy has done when it dials its host: everything before is time that the user waits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.sshd import keygen

ROOT = Path(__file__).parents[1]
# Ends where the client connects to the host; prints the modules that it has, in their order, and its first thread.
DIAL = """
import os, sys, threading

def hear(event, words):
    if event == "socket.connect" and isinstance(words[1], tuple):
        os.write(1, " ".join(["DIALS", *sys.modules]).encode())
        os._exit(0)

def start(thread):
    sys.modules.setdefault("THREAD", None)
    begin(thread)

begin, threading.Thread.start = threading.Thread.start, start
sys.addaudithook(hear)
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
def modules(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """In the order of their imports."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "hosts.yaml").write_text(HOSTS.replace("key}", f"{keygen(folder / 'key')}}}"))
    (folder / "known_hosts").write_text("")
    environ = {name: value for name, value in os.environ.items() if name not in ("SSH_AUTH_SOCK", "SSH_KNOWN_HOSTS")}
    done = subprocess.run(
        [sys.executable, "-c", DIAL, str(ROOT), f"--search-root={ROOT}", "deploy", "app"], cwd=folder, text=True,
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
        env={**environ, "HOME": str(folder), "FAB_INVENTORY": str(folder / "hosts.yaml")})
    assert "DIALS " in done.stdout, done.stdout + done.stderr
    return done.stdout.partition("DIALS ")[2].split()


def test_deploy_dials_without_what_it_never_uses(modules: list[str]) -> None:
    assert "paramiko.transport" in modules
    assert not {"encodings.idna", "stringprep", "rich", "jsonschema", "asyncio", "platform", "email"} & set(modules)
    assert sys.version_info < (3, 11) or "typing_extensions" not in modules


def test_ssh_is_asked_for_the_host_while_what_connects_is_imported(modules: list[str]) -> None:
    order = [modules.index(name) for name in ("tasks.remote.ssh_answers", "THREAD", "tasks.remote.connection")]
    assert order == sorted(order)
