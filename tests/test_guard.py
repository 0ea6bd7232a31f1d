"""Nothing of a test run outlives it, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import guard
from tests.support.lab import CHECKOUT, wait_for

# A host; something in its root that says nothing of itself; and, for root, a file system.
LAB = """\
import os, subprocess, time
from tests.support.lab import Lab
with Lab(("web1",)) as lab:
    root = lab["web1"].root
    (root / "disk").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(root / "disk")], stderr=subprocess.DEVNULL)
    subprocess.Popen(["setsid", "env", "-i", "sleep", "5000"], cwd=root)
    print(lab.folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_suite_leaves_nothing(number: signal.Signals) -> None:
    suite = subprocess.Popen([sys.executable, "-c", LAB], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    with suite:
        assert suite.stdout is not None
        folder = Path(suite.stdout.readline().strip())
        wait_for(lambda: len(guard.belonging(folder)) >= 3, "sshd, supervisord and the sleeper")
        suite.send_signal(number)
    wait_for(lambda: not folder.exists(), "the folder to be gone")
    assert not guard.belonging(folder)
    assert str(folder) not in Path("/proc/self/mounts").read_text()


def test_guard_spares_processes_of_others(tmp_path: Path) -> None:
    """A shell on a terminal that stands in the folder, and what only has a name that begins alike."""
    ours, theirs = tmp_path / "lab", tmp_path / "other"
    ours.mkdir()
    theirs.mkdir()
    end, terminal = os.openpty()
    with subprocess.Popen(["setsid", "--ctty", "sleep", "5000"], cwd=ours, stdin=terminal) as shell, \
            subprocess.Popen(["sleep", "5000"], cwd=theirs) as other:
        try:
            wait_for(lambda: _terminal(shell.pid) != "0", "the shell to have its terminal")
            guard.clear(ours)
            assert (shell.poll(), other.poll(), ours.exists()) == (None, None, False)
        finally:
            shell.kill()
            other.kill()
    os.close(end)
    os.close(terminal)


def _terminal(pid: int) -> str:
    """The device number of its controlling terminal, as in proc(5); `0` where it has none."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[4]
