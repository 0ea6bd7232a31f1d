from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from tasks.reports.console import terminal
from tasks.reports.console.live import Region
from tasks.reports.screen import ASCII, Marks
from tasks.rollout.events import (
    Error,
    Finished,
    HostState,
    Notice,
    Output,
    Planned,
    Result,
    Started,
    StepFinished,
    StepStarted,
)

EVENTS = Path(__file__).parent / "events"
ROOT = EVENTS.parents[2]
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


def drawn(page, events, width, **how):
    console = Console(file=page.screen.out, width=width, _environ={}, highlight=False, markup=False, **how)
    with terminal.Terminal(page.screen, console, moving=False) as reporter:
        for event in events:
            reporter.on(event)
    return page.text


@pytest.mark.parametrize("width", [80, 50])
def test_terminal_report_equals_its_golden_file_and_fits(name, width, shown, recorded, golden):
    page = shown()
    assert drawn(page, recorded(name), width) == golden(f"{name}.terminal{width}")
    assert max(map(len, page.stdout.getvalue().splitlines())) <= width


def test_terminal_report_never_cuts_a_commit(shown, recorded):
    text = drawn(shown(), recorded("fine"), 30)
    assert "→ 1a2b3c4d" in text
    assert set(re.findall(r"→ (\S+)", text)) == {"1a2b3c4d"}


@pytest.mark.parametrize("width", [80, 50, 20])
def test_terminal_report_breaks_a_line_inside_a_command_only_where_it_has_no_room(shown, width):
    command = "fab logs monitor --deploy 20240501-100000-abcdef"
    lines = drawn(shown(), [Notice(message=f"the run log has the details, all: {command}")], width).splitlines()
    assert max(map(len, lines)) <= width and "".join(lines).replace(" ", "").endswith(command.replace(" ", ""))
    assert any(line.endswith(command) for line in lines) == (width >= 50)


def test_terminal_report_has_one_colour_for_success_and_one_for_failure(shown, recorded):
    fine = drawn(shown(), recorded("fine"), 80, force_terminal=True, color_system="standard")
    assert "\x1b[32mdeployed" in fine
    assert "\x1b[31m" not in fine
    assert "\x1b[31mwent back" in drawn(
        shown(), recorded("failing"), 80, force_terminal=True, color_system="standard"
    )
    assert "\x1b[2munchanged" in drawn(
        shown(), recorded("unchanged"), 80, force_terminal=True, color_system="standard"
    )


def test_terminal_report_says_once_why_a_step_failed(shown, recorded):
    page = shown()
    page.stderr.isatty = lambda: True           # the same screen as standard output
    *before, finished = recorded("failing")
    failure = next(event for event in before if isinstance(event, StepFinished) and not event.ok)
    same = Error(message=f"{failure.host}: build: {failure.why}", hint="fab logs monitor", host=failure.host)
    other = Error(message="web3.example.com: the connection was lost", hint="try again", host="web3.example.com")
    text = drawn(page, [*before, same, other, finished], 80)
    assert text.count("build ended with exit status 1") == 1
    assert "hint:  fab logs monitor\nerror: web3.example.com: the connection was lost\nhint:  try again\n" in text


def test_terminal_report_is_ascii_when_the_locale_is_not_utf8(shown, recorded):
    text = drawn(shown(environ={"LC_ALL": "C"}), recorded("failing"), 50)
    assert text.isascii()


def region_text(region, width, height=24):
    console = Console(width=width, height=height, _environ={}, force_terminal=True)
    options = console.options.update(width=width, height=height)
    return [line.plain for line in region.__rich_console__(console, options) if isinstance(line, Text)]


def fleet(hosts, marks):
    region = Region(marks, clock=lambda: 10.0)
    return region.after(Started(command="deploy", environment="dev", hosts=hosts, services=["monitor"]))


def test_live_region_has_one_line_a_host():
    region = fleet(["web1", "web2", "web3"], Marks())
    region = region.after(HostState(host="web2", state="waiting", detail="for web1"))
    region = region.after(StepStarted(host="web3", service="monitor", step="fetch"))
    region = region.after(
        StepFinished(host="web3", service="monitor", step="fetch", ok=True, changed=True, seconds=1)
    )
    region = region.after(StepStarted(host="web3", service="monitor", step="build"))
    lines = region_text(region, 80)
    assert [line[2:6] for line in lines] == ["web1", "web2", "web3"]
    assert "waiting: for web1" in lines[1]
    assert lines[2].endswith("build           0.0 s   fetch")


def test_live_region_shows_the_last_line_that_a_step_prints():
    region = fleet(["web1"], Marks())
    at = {"host": "web1", "service": "monitor", "step": "build"}
    for event in (StepStarted(**at), Output(**at, line="compiling package 1"), Output(**at, line="linking"),
                  Output(**at, line="  ")):
        region = region.after(event)
    assert region_text(region, 80)[0].endswith("0.0 s   linking")
    region = region.after(StepFinished(**at, ok=True, changed=True, seconds=1))
    assert "linking" not in region_text(region, 80)[0]


def test_terminal_report_keeps_a_line_of_step_times_for_each_host(shown, recorded):
    text = drawn(shown(), recorded("fine"), 120)
    times = "fetch 0.4 s · checkout 0.1 s · build 13 s · restart 2.1 s · health 0.1 s"
    assert [text.count(f"✓ {host}.example.com  {times}\n") for host in ("web1", "web2")] == [1, 1]
    assert text.count("\n✓ ") == 2
    assert "build 13 s · restart 2.1 s\n" in drawn(shown(), recorded("fine"), 50), "the slowest, in one line"
    assert "✗ web2.example.com  fetch 0.4 s · build 1.2 s\n" in drawn(shown(), recorded("failing"), 120)


def test_terminal_report_ends_with_the_subject_the_url_and_the_id_of_a_deploy(shown, recorded):
    end = ["monitor: 1a2b3c4d  Answer health checks on the port",
           "deploy 20240501-120000-1b1b1b", "https://monitor.example.com"]
    assert drawn(shown(), recorded("fine"), 80).splitlines()[-4:-1] == end
    failed = drawn(shown(), recorded("failing"), 80).splitlines()
    assert failed[-3:-1] == ["", end[1]], "what did not come to run is not named, only where its log is"
    started, *events, finished = recorded("fine")
    plan = [replace(started, command="plan"), *events, replace(finished, command="plan", outcome="pending")]
    assert "deploy 20240501" not in drawn(shown(), plan, 80), "of a plan nothing was deployed"


def test_terminal_table_stands_apart_from_the_error_above_it(shown, monkeypatch):
    page = shown()
    monkeypatch.setattr(page.stderr, "isatty", lambda: True)
    rows = {"web1": {"monitor": Result(outcome="refused")}}
    text = drawn(page, [Started(command="plan", environment="dev", hosts=["web1"], services=["monitor"]),
                        Error(message="no such branch", hint="push it"),
                        Finished(command="plan", outcome="refused", exit_code=2, hosts=rows)], 80)
    assert "hint:  push it\n\nhost " in text


def test_live_region_says_how_long_a_long_step_took_last_time():
    region = fleet(["web1"], Marks()).after(Planned(
        host="web1", service="monitor", was=None, next=None, seconds={"build": 84.2, "restart": 0.2}))
    at = {"host": "web1", "service": "monitor"}
    assert region_text(region.after(StepStarted(**at, step="build")), 80)[0].endswith("0.0 s, last time 1 min 24 s")
    assert region_text(region.after(StepStarted(**at, step="restart")), 80)[0].endswith("0.0 s")


@pytest.mark.parametrize("marks", [Marks(), ASCII])
@pytest.mark.parametrize("width", [20, 50])
def test_live_region_fits_the_window(marks, width):
    region = fleet([f"a-rather-long-name-{number:02}.example.com" for number in range(40)], marks)
    lines = region_text(region, width, height=10)
    assert len(lines) <= 10
    assert max(map(len, lines)) <= width
    assert lines[-1].strip() == "and 32 more"


def on_a_pty(*arguments, interrupt_after=None):
    """Everything that a replay writes to a real pseudo-terminal, and its exit code."""
    leader, follower = pty.openpty()
    environ = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", "COLUMNS": "80", "LINES": "24"}
    command = [sys.executable, "-m", "tasks.reports", *map(str, arguments)]
    running = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=follower, stdout=follower, stderr=subprocess.DEVNULL
    )
    os.close(follower)
    seen, deadline, signalled = b"", time.monotonic() + 30, False
    while time.monotonic() < deadline:
        if select.select([leader], [], [], 0.05)[0]:
            try:
                part = os.read(leader, 65536)
            except OSError:
                break
            seen += part
        if interrupt_after and not signalled and interrupt_after in seen:
            signalled = True
            running.send_signal(signal.SIGINT)
    os.close(leader)
    return seen.decode(), running.wait(60)


def test_live_region_moves_on_a_real_terminal_and_leaves_a_clean_end():
    text, code = on_a_pty(EVENTS / "fine.jsonl", "--delay", "0.05")
    assert code == 0
    assert HIDE_CURSOR in text
    assert "connecting" in text
    end = text[text.rindex(SHOW_CURSOR) :]
    assert "monitor is at 1a2b3c4d on 2 hosts" in end
    assert "connecting" not in end


def test_live_region_shows_the_cursor_again_after_an_interrupt():
    text, _ = on_a_pty(EVENTS / "fine.jsonl", "--delay", "0.3", interrupt_after=b"connecting")
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    assert "\x1b[2K" in text[text.rindex(SHOW_CURSOR) :]
