"""A program is stopped by a signal to its first process alone; what that leaves in its process group is ended."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tasks.executor.system import processes
from tests.executor.driver import Example
from tests.support.lab import wait_for

# As celery's worker: its first process waits for the job at SIGTERM, and a child that gets the signal itself dies.
PREFORK = """\
import os, signal, time

signal.signal(signal.SIGTERM, lambda *_: open("logs/stopping", "w").close())
child = os.fork()
if not child:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    open("logs/begun", "w").close()
    while not os.path.exists("logs/stopping"):
        time.sleep(0.01)
    time.sleep(1.2)
    open("logs/done", "w").close()
    os._exit(0)
os.waitpid(child, 0)
"""
CHILDREN = """\
sleep 1000 &
mild=$!
(trap '' TERM; exec sleep 1000) &
echo $mild $! > logs/children
exec sleep 1000
"""
IMPATIENT = "from .system import leftovers\nleftovers.ENDS_WITHIN = 0.2\n"
# root may signal every process, so the answer of the kernel is that of another user.
FORBIDDEN = """
import os
def kill(pid, number):
    raise PermissionError
os.kill = kill
"""


def children(example: Example) -> list[int]:
    """The pids of CHILDREN, once they run what they shall."""
    file = example.directory / "logs/children"
    pids = [int(pid) for pid in wait_for(lambda: file.exists() and file.read_text(), "the children").split()]
    wait_for(lambda: all(processes.command_name(pid) == "sleep" for pid in pids), "their commands")
    return pids


@pytest.mark.promise(11)
def test_job_of_a_prefork_worker_is_finished_and_the_wait_is_named_with_its_limit(example: Example) -> None:
    example.write(f"exec {sys.executable} worker.py\n", **{"worker.py": PREFORK})
    example.committed()
    wait_for((example.directory / "logs/begun").exists, "the job to begin")
    example.write()
    with example.deploy(example.with_(program={"startsecs": "0", "stopwaitsecs": "9"})) as deploy:
        assert deploy.commit()["event"] == "committed"
        waits = [message["detail"] for message in deploy.executor.heard
                 if message["event"] == "host_state" and message["state"] == "waiting"]
    assert (example.directory / "logs/done").exists()
    assert waits == [f"for {example.name} to stop (up to 5 s)"], "supervisord stops it by the option it started with"


@pytest.mark.parametrize("is_new", [False, True], ids=["of the old version", "of the new version, on the way back"])
@pytest.mark.rows(1)
def test_children_that_a_stopped_program_left_in_its_group_are_ended(example: Example, is_new: bool) -> None:
    """One ends by SIGTERM, one is deaf to it."""
    example.write("exec sleep 1000\n" if is_new else CHILDREN)
    example.committed()
    example.write(CHILDREN if is_new else "exec sleep 1000\n")
    left = [] if is_new else children(example)
    with example.deploy(faults=IMPATIENT) as deploy:
        deploy.activate()
        left = left or children(example)
        deploy.executor.hang_up()
        deploy.restored()
    assert [pid for pid in left if processes.stat(pid)] == []
    assert example.info()["statename"] == "RUNNING"


def test_child_of_another_user_that_lives_on_is_named_with_what_ends_it(example: Example) -> None:
    example.write("sleep 1000 &\necho $! > logs/children\nexec sleep 1000\n")
    example.committed()
    (child,) = children(example)
    example.write()
    with example.deploy(faults=FORBIDDEN) as deploy:
        assert deploy.commit()["event"] == "committed"
        (notice,) = [message for message in deploy.executor.heard if message["event"] == "notice"]
    os.kill(child, signal.SIGKILL)
    assert notice["level"] == "warning"
    assert f"it left running sleep (pid {child})" in notice["message"]
    assert notice["message"].endswith(f"sudo kill {child}")
