from __future__ import annotations

import atexit
import os

from tests.plugins import process_end


def test_end_of_a_test_process_runs_what_waits_for_it() -> None:
    """The guard is one of those that do (tests/support/guard.py)."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            atexit._clear()
            atexit.register(os.write, writer, b"it ran")
            atexit.register(process_end.end)
            atexit._run_exitfuncs()
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0 and os.read(reader, 100) == b"it ran"
    os.close(reader)
    os.close(writer)
