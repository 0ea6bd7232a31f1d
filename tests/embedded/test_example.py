"""The example service, as the sandbox's repository has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tasks.embedded.sandbox import EXAMPLE, Sandbox
from tasks.inventory.model import Environment, Host, Target
from tests.support.services import one_program


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def clone(sandbox: Sandbox, folder: Path) -> Path:
    git(folder, "clone", "-q", sandbox.repository, "monitor")
    return folder / "monitor"


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "build.py"], cwd=folder, capture_output=True, text=True, check=False)


def get(url: str) -> str:
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(url) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def test_example_builds_runs_answers_and_stops(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = clone(sandbox, tmp_path)
    assert build(folder).returncode == 0
    assert git(folder, "status", "--porcelain") == ""
    port = sandbox.variables["web1"]["PORT"]
    environment = {**os.environ, "PORT": port, "RUN_MODE": "sandbox"}
    with subprocess.Popen(["./monitor"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert get(f"http://127.0.0.1:{port}/healthz") == "ok\n"
            facts = json.loads(get(f"http://127.0.0.1:{port}/"))
        finally:
            process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert facts["version"] == "2"
    assert facts["commit"] == git(folder, "rev-parse", "HEAD")
    assert facts["run_mode"] == "sandbox"
    assert process.returncode == 0
    assert "/healthz" in output
    assert output.endswith("stopped\n")


def test_example_with_a_syntax_error_keeps_the_old_build(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = clone(sandbox, tmp_path)
    build(folder)
    before = (folder / "monitor").read_bytes()
    (folder / "source" / "service.py").write_text("def broken(:\n")
    done = build(folder)
    assert done.returncode != 0
    assert "source/service.py:1" in done.stderr or "service.py:1" in done.stderr
    assert (folder / "monitor").read_bytes() == before


def test_sandbox_has_an_older_version_and_a_clone_to_work_in(sandbox: Sandbox) -> None:
    assert git(sandbox.clone, "show", "HEAD~1:VERSION") == "1"
    assert git(sandbox.clone, "status", "-sb") == "## main...origin/main"
    (sandbox.clone / "VERSION").write_text("3\n")
    git(sandbox.clone, "commit", "-qam", "Version 3")
    git(sandbox.clone, "push", "-q")
    assert git(Path(sandbox.repository), "show", "main:VERSION") == "3"


def test_sandbox_fills_in_hosts_and_repository(sandbox: Sandbox) -> None:
    settings = sandbox.host_settings()
    assert settings["web1"]["variables"]["PORT"] != settings["web2"]["variables"]["PORT"]
    host = Host(name="web2", root="/r", gateway="jump.example.com")
    mine = one_program("monitor", "c", repo=EXAMPLE)
    other = one_program("other", "c", repo="git@example.com:other.git")
    environment = Environment(name="sandbox", branch="main", run_mode="m", sandbox=True, targets=(
        Target(host=host, service=mine), Target(host=host, service=other)))
    first, second = sandbox.adapt(environment).targets
    assert first.service.repo == sandbox.repository
    assert second.service.repo == other.repo
    assert first.host.known_hosts == str(sandbox.state / "known_hosts")
    assert first.host.gateway is None
