"""Tests in several processes at a time: `pytest --workers 6`.

This process collects the tests, and then forks: no worker has to import and to collect them again. Each gets one file
after the other. What comes of a test is told here, so report and cache are made as if this process had run it.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from itertools import groupby
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

import pytest

from tests.plugins.worker import work


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--workers", type=int, default=0, help="how many processes run tests, each a file at a time")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    count = session.config.getoption("--workers")
    if not count or session.config.option.collectonly or session.testsfailed:
        return None
    session.config._tmp_path_factory.getbasetemp()      # type: ignore[attr-defined]    # one for all: it is emptied
    Workers(session, count).run()
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)
    return True


class Worker:
    """As this process sees it. `tests`: the numbers of those that it has not ended yet, the running one first."""

    def __init__(self, number: int, pid: int) -> None:
        self.number = number
        self.pid = pid
        self.tests: deque[int] = deque()


class Workers:
    def __init__(self, session: pytest.Session, count: int) -> None:
        self._session = session
        self._count = count
        numbers = groupby(range(len(session.items)), key=lambda number: session.items[number].path)
        self._files = deque([*tests] for _, tests in numbers)
        self._running: dict[Connection, Worker] = {}

    def run(self) -> None:
        """Returns when all tests have ended, or when no more are wanted."""
        for number in range(min(self._count, len(self._files))):
            self._start(number)
        try:
            while self._running and not (self._session.shouldfail or self._session.shouldstop):
                for connection in wait([*self._running]):
                    self._hear(connection)          # type: ignore[arg-type]
        finally:
            self._stop()

    def _start(self, number: int) -> None:
        ours, its = Pipe()
        pid = os.fork()
        if pid == 0:
            for other in (ours, *self._running):
                other.close()               # a worker ends when this process, which has the only other end, is gone
            work(self._session, its, number, self._count)
        its.close()
        self._running[ours] = Worker(number, pid)

    def _hear(self, connection: Connection) -> None:
        worker = self._running[connection]
        told: Any = ()
        with suppress(EOFError):
            told = connection.recv()
        if told == ():
            self._ended(connection)
        elif told is None:                  # it asks for a file
            tests = self._files.popleft() if self._files else []
            worker.tests += tests
            connection.send(tests)
        else:
            worker.tests.popleft()
            for hook, values in told:
                self._tell(hook, values)

    def _tell(self, hook: str, values: dict[str, Any]) -> None:
        """Calls a hook as it was called in a worker."""
        hooks = self._session.config.hook
        if hook == "pytest_warning_recorded":
            hooks.pytest_warning_recorded.call_historic(kwargs=values)
        elif hook == "pytest_runtest_logreport":
            report = hooks.pytest_report_from_serializable(config=self._session.config, data=values["report"])
            hooks.pytest_runtest_logreport(report=report)
        else:
            getattr(hooks, hook)(**values)

    def _ended(self, connection: Connection) -> None:
        """Where a test has ended its process, the test fails, and another process runs the tests behind it."""
        worker = self._running.pop(connection)
        connection.close()
        code = os.waitstatus_to_exitcode(os.waitpid(worker.pid, 0)[1])
        if worker.tests:
            test = self._session.items[worker.tests.popleft()]
            self._session.config.hook.pytest_runtest_logreport(report=pytest.TestReport(
                test.nodeid, test.location, {}, "failed", f"{test.nodeid}: its process ended with {code}", "call"))
            if worker.tests:
                self._files.appendleft([*worker.tests])
                self._start(worker.number)
        elif code:
            raise RuntimeError(f"a worker ended with {code}")

    def _stop(self) -> None:
        for connection in self._running:
            connection.close()
        for worker in self._running.values():
            os.waitpid(worker.pid, 0)
