"""The process table of a host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tasks.executor.system import processes
from tests.support.processes import descendants, kill

# Started from a thread: a child that has ended, and nobody asks how; a shell, and below it another one.
STARTER = """
import os, subprocess, threading
def start():
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    subprocess.run(["sh", "-c", "sleep 1000 & echo; wait"])
threading.Thread(target=start).start()
"""


@pytest.mark.parametrize("kernel_lists_children", [True, False])
def test_family_is_a_process_with_all_below_it(monkeypatch: pytest.MonkeyPatch, kernel_lists_children: bool) -> None:
    exists = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: exists(path) and (
        kernel_lists_children or "children" not in str(path)))
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        starter.stdout.readline()
        below = [pid for pid in descendants(starter.pid) if processes.stat(pid)]
        try:
            assert len(below) == 2 and len(descendants(starter.pid)) == 3
            assert sorted(processes.family(starter.pid)) == sorted([starter.pid, *below])
            assert processes.children(starter.pid) == below[:1]
        finally:
            for pid in [starter.pid, *below]:
                kill(pid)
    assert processes.family(starter.pid) == []


def test_process_that_is_just_starting_another_program_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is empty for that moment, and here all looks but the last fall into it."""
    tag = "20260101-000000-000001@/somewhere"
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, processes.TAG: tag}) as process:
        read, looks = processes._read, iter(range(processes.LOOKS - 1))
        monkeypatch.setattr(processes, "_read", lambda path: b"" if path == f"/proc/{process.pid}/environ"
                            and next(looks, None) is not None else read(path))
        processes.end_tagged(tag)
        assert process.wait(60) == -signal.SIGKILL


def test_process_without_an_environment_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE", 60)
    with subprocess.Popen(["sleep", "1000"], env={}) as process:
        begin = time.monotonic()
        processes.end_tagged("20260101-000000-000001@/somewhere")
        assert time.monotonic() - begin < 30
        kill(process.pid)


def test_process_whose_environment_is_refused_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of pid 1 is to root in a container, although its mode lets root read it."""
    def refuse(path: str, flags: int) -> int:
        raise PermissionError(path)

    monkeypatch.setattr(processes, "all_pids", lambda: [os.getpid()])
    monkeypatch.setattr(processes, "_read", lambda path: b"")
    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it looks again"))
    processes.end_tagged("20260101-000000-000001@/somewhere")
