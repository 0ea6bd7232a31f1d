"""The quick start of README.md works when somebody types it: in a fresh clone, with an empty home."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.embedded.processes import belonging
from tests.support import guard
from tests.support.lab import supervisord_at
from tests.support.pages import ARCHITECTURE, CHECKOUT, blocks, copy_checkout, section

# A Python that makes virtual environments of the interpreter that runs the tests, and whose pip has nothing to do.
OUTER = """#!/bin/sh
case "$*" in
    '-m venv '*) mkdir -p "$3/bin" && cp "$(dirname "$0")/inner" "$3/bin/python" && cp "$(dirname "$0")/fab" "$3/bin" ;;
    *) exec {python} "$@" ;;
esac
"""
INNER = """#!/bin/sh
case "$*" in
    *'-m pip '*) ;;
    *) exec {python} "$@" ;;
esac
"""
FAB = """from fabric.main import program
program.run()
"""


@dataclass
class Stranger:
    """Somebody with a fresh clone, an empty home and a temporary folder of their own."""

    checkout: Path
    environment: dict[str, str]

    def types(self, line: str) -> tuple[int, str]:
        """Returns the exit code, and what is on both streams."""
        done = subprocess.run(["bash", "-c", line], cwd=self.checkout, env=self.environment, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def sandbox(self) -> Path | None:
        return next(Path(self.environment["TMPDIR"]).glob("fabvisor-*"), None)


@pytest.fixture
def stranger(real_hosts: None) -> Iterator[Stranger]:
    # Not pytest's own folders: a unix socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="readme-", dir="/tmp"))
    guard.watch(folder)
    for name in ("home", "tmp", "checkout"):
        (folder / name).mkdir()
    copy_checkout(folder / "checkout")
    copy_compiled_code(folder / "checkout")
    for name, text in (("outer", OUTER), ("inner", INNER), ("fab", FAB)):
        (folder / name).write_text(text.format(python=sys.executable))
        (folder / name).chmod(0o755)
    foreign = ("FAB", "CI", "GITLAB", "SSH_", "GIT_", "XDG_", "PYTHON", "LC_", "LANG", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    stranger = Stranger(folder / "checkout", {
        **kept, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHON": str(folder / "outer"),
        "LC_ALL": "C.UTF-8"})
    try:
        yield stranger
    finally:
        stranger.types("./fab sandbox.down")
        shutil.rmtree(folder)


def copy_compiled_code(checkout: Path) -> None:
    """Python would compile each module of the clone once, which costs as much as some commands."""
    for path in CHECKOUT.glob("tasks/**/__pycache__"):
        shutil.copytree(path, checkout / path.relative_to(CHECKOUT))


# What each line of the second block must look like, its exit code, and words of its output.
LINES = [
    (r"\./fab deploy monitor", 0, ["unchanged", "nothing had to change"]),
    (r"\./fab status", 0, ["RUNNING", "all well"]),
    (r"\(cd .* echo 3 .*\)", 0, []),
    (r"\./fab deploy monitor", 0, ["Version 3", "deployed"]),
    (r"\./fab logs monitor --lines 5", 0, ["monitor 3", "web1", "web2"]),
    (r"\./fab rollback monitor", 0, ["rolled back"]),
    (r"\(cd .* echo \"def \(\" .*\)", 0, []),
    (r"\./fab deploy monitor", 1, ["build", "invalid syntax", "every host is as it was"]),
    (r"\./fab sandbox.down", 0, ["the sandbox is down"]),
]


# A line of each other command. It imports what it needs, where the tests' forked clients have all of it already; one
# host shows that.
OTHER_LINES = [
    "./fab --list", "./fab plan monitor --host web1", "./fab restart monitor --host web1",
    "./fab stop monitor --host web1", "./fab start monitor --host web1", "./fab history monitor --host web1",
    "./fab recover monitor --host web1", "./fab doctor --host web1", "./fab config.show monitor",
    "./fab config.schema", "./fab check", "./fab ssh web1 --service monitor </dev/null",
    "./fab run pwd --service monitor --host web1", "./fab remove monitor --host web1", "./fab sandbox.up"]
# On a terminal. The sandbox has none to offer, and a shell without one would show nothing of what is typed.
SHELL = """timeout 60 python3 -c 'import os, pty
raise SystemExit(os.waitstatus_to_exitcode(pty.spawn(["./fab", "ssh", "web1", "--format", "plain"])))' </dev/null"""
TRIED_ELSEWHERE = {"adopt", "setup", "ci.init", "test.all", "test.faults"}


@pytest.mark.seconds(15)
@pytest.mark.timeout(600)               # a dozen commands one after the other, on however slow a machine
def test_readme_quick_start_works_as_typed(stranger: Stranger) -> None:
    (console,), (shell,) = blocks("console", section("Try it")), blocks("sh", section("Try it"))
    clone, deploy = console.splitlines()
    assert clone.startswith("$ git clone ")
    code, output = stranger.types(deploy.removeprefix("$ "))
    assert code == 0, output
    assert all(re.search(rf"{host} +monitor .* deployed", output) for host in ("web1", "web2")), output
    for step in ("fetch", "checkout", "build", "program", "restart", "verify", "health"):
        assert step in output
        assert step in section("A deploy, step by step", ARCHITECTURE)

    typed = [line.partition("  #")[0].rstrip() for line in shell.splitlines()]
    assert len(typed) == len(LINES)
    for line, (form, expected, words) in zip(typed, LINES, strict=True):
        assert re.fullmatch(form, line)
        if "sandbox.down" in line:
            folder = stranger.sandbox()
            assert folder is not None
            assert_layout(folder / "web1" / "root")
        restarts_nothing = "unchanged" in words or expected == 1
        before = pids(stranger) if restarts_nothing else []
        code, output = stranger.types(line)
        assert code == expected, f"{line}\n{output}"
        assert [word for word in words if word not in output] == [], f"{line}\n{output}"
        if restarts_nothing:
            assert pids(stranger) == before, f"{line} restarted something"
    assert stranger.sandbox() is None
    assert not belonging(str(folder))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_each_other_command_works_as_typed(stranger: Stranger) -> None:
    assert stranger.types("./fab deploy monitor")[0] == 0
    outputs = {line: stranger.types(line) for line in OTHER_LINES}
    assert {line: output for line, (code, output) in outputs.items() if code} == {}
    code, output = stranger.types(SHELL)
    assert code == 2 and f"its files are on this machine: cd {stranger.sandbox()}/web1/root" in output, output
    listed = re.findall(r"^  ([\w.]+)", outputs["./fab --list"][1], re.MULTILINE)
    typed = {line.split()[1] for line in [*OTHER_LINES, *(line.replace("\\", "") for line, _, _ in LINES)]}
    assert set(listed) - typed == TRIED_ELSEWHERE
    assert stranger.types("./fab sandbox.down")[0] == 0


def pids(stranger: Stranger) -> list[int]:
    sandbox = stranger.sandbox()
    assert sandbox is not None
    return [process["pid"] for host in ("web1", "web2")
            for process in supervisord_at(sandbox / host / "root/supervisor.sock").getAllProcessInfo()]


def assert_layout(root: Path) -> None:
    """The paths below root are those that docs/architecture.md shows."""
    (shown,) = blocks("text", section("What lies on a host", ARCHITECTURE))
    for line in shown.splitlines():
        path = line.split("  ")[0].replace("<service>", "monitor").replace("<deploy>", "*")
        if not path or "releases/" in path or path.endswith("/current"):    # goes on; the sandbox is deployed in place
            continue
        if path.startswith(".fabvisor/journal/"):               # only while a deploy runs
            path = str(Path(path).parent)
        assert list(root.glob(path)), path
    (listed,) = [line for line in shown.splitlines() if line.startswith(".fabvisor/<service>/")]
    for name in ("lock", "env", "history.jsonl"):
        assert name in listed
        assert (root / ".fabvisor" / "monitor" / name).is_file()
