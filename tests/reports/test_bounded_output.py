"""What a host prints, however much it is, does not make the client's memory grow."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator

import pytest

from tasks.reports.formats import FORMATS, choose
from tasks.reports.reporters import Reporters
from tasks.reports.text.tail import Tail
from tasks.reports.text.visible import LONGEST, visible_text
from tasks.rollout.events import Error, Event, Finished, Output, Result, Started, StepFinished, StepStarted

pytestmark = pytest.mark.usefixtures("whole_suite")


LINE = "x" * 20_000


class Nowhere(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


def flood() -> Iterator[Event]:
    """6 MB, in steps and services that nobody asked for."""
    for number in range(300):
        at = {"host": "web1", "service": f"api-{number}", "step": f"step-{number}"}
        yield StepStarted(**at)
        yield Output(**at, line=f"{number} {LINE}")
        why = f"{number} {LINE}" if number % 50 == 0 else f"{number} failed"
        yield StepFinished(**at, ok=number % 250 != 0, changed=True, seconds=1, why=why)
        yield Error(host="web1", message=f"{number} failed", hint=LINE if number % 50 == 0 else "")


@pytest.mark.parametrize("format", list(FORMATS))
def test_memory_of_reports_is_bounded_whatever_a_host_prints(format, tmp_path):
    with Reporters(choose(format, False, {}, Nowhere(), Nowhere())) as reporters:
        reporters.add_file("junit", str(tmp_path / "junit.xml"))
        reporters.on(Started(command="deploy", environment="dev", hosts=["web1"], services=["api"]))
        tracemalloc.start()
        for event in flood():
            reporters.on(event)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        reporters.on(Finished(command="deploy", outcome="restored", exit_code=1,
                              hosts={"web1": {"api": Result(outcome="restored")}}))
    assert used < 5_500_000


def test_tail_keeps_the_last_lines_within_both_limits():
    tail = Tail(room=10, lines=3)
    for line in ("first", "aa", "bb", "cc", "dd"):
        tail.add(line)
    assert list(tail.lines) == ["bb", "cc", "dd"] and tail.left_out == 2
    tail.add("eight888")
    assert list(tail.lines) == ["dd", "eight888"]
    tail.add("longer than ten")
    assert list(tail.lines) == []
    tail.add("ten digits")
    assert list(tail.lines) == ["ten digits"]


def test_line_without_an_end_is_cut():
    assert len(visible_text("x" * 3 * LONGEST)) == LONGEST
    assert [len(line) for line in visible_text("\x1b[1m" + "ü" * 3 * LONGEST + "\nend").split("\n")] == [LONGEST - 4, 3]
