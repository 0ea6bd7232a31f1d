"""A process that runs tests, forked by the one that has collected them (tests/plugins/workers.py)."""

from __future__ import annotations

import atexit
import io
import os
import traceback
from collections.abc import Generator, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import pytest
from _pytest._io import TerminalWriter


def work(session: pytest.Session, connection: Connection, number: int, count: int) -> NoReturn:
    """Never returns, whatever happens: the caller's stack is that of the other process."""
    try:
        _begin(session.config, number, count)
        session.config.pluginmanager.register(Teller(session.config, connection))
        with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):        # nobody wants to know more
            try:
                _run(session, connection)
            finally:
                session.config.hook.pytest_sessionfinish(session=session, exitstatus=0)
        end()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def end() -> None:
    """Run all else that waits for the end of this process, and leave. It holds some million objects by then: Python
    would free one after the other, for half a second of a processor, and the kernel frees them at once."""
    atexit._run_exitfuncs()
    os._exit(0)


def _begin(config: Any, number: int, count: int) -> None:
    """Has what processes must not share: the files that hold the output, and the folder of all folders of tests."""
    config.workerinput = {}                 # pytest's own plugins write no cache and no report, then
    os.environ.update(TEST_WORKER=str(number), TEST_WORKERS=str(count))
    plugins = config.pluginmanager
    plugins.unregister(name="terminalreporter")
    plugins.register(Silence(), "terminalreporter")
    capture = plugins.get_plugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    capture.suspend_global_capture(in_=True)
    folders = config._tmp_path_factory
    folders._basetemp = folders.mktemp(f"worker-{number}-")


def _run(session: pytest.Session, connection: Connection) -> None:
    tests = _tests(session, connection)
    test = next(tests, None)
    while test and not (session.shouldfail or session.shouldstop):
        following = next(tests, None)       # a fixture that it takes, too, is not torn down
        test.config.hook.pytest_runtest_protocol(item=test, nextitem=following)
        test = following


def _tests(session: pytest.Session, connection: Connection) -> Iterator[pytest.Item]:
    """Asks for the next file when the last test of a file is about to begin."""
    connection.send(None)
    while numbers := connection.recv():
        yield from (session.items[number] for number in numbers)
        connection.send(None)


class Silence:
    """In place of the terminal's report."""

    def __init__(self) -> None:
        self._tw = TerminalWriter(io.StringIO())


class Teller:
    """Tells the other process which hooks were called for a test: it makes the report."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config = config
        self._connection = connection
        self._calls: list[tuple[str, dict[str, Any]]] = []

    @pytest.hookimpl(wrapper=True, tryfirst=True)           # around that of pytest, which tells of warnings at its end
    def pytest_runtest_protocol(self) -> Generator[None, bool, bool]:
        self._calls = []            # a new plugin was told of the warnings of the other process
        done = yield
        self._connection.send(self._calls)
        return done

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self._calls.append(("pytest_runtest_logstart", {"nodeid": nodeid, "location": location}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        values = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._calls.append(("pytest_runtest_logreport", {"report": values}))

    def pytest_warning_recorded(self, warning_message: Any, when: str, nodeid: str, location: Any) -> None:
        self._calls.append(("pytest_warning_recorded", {"warning_message": warning_message, "when": when,
                                                          "nodeid": nodeid, "location": location}))

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        self._calls.append(("pytest_runtest_logfinish", {"nodeid": nodeid, "location": location}))
