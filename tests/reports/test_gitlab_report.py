from __future__ import annotations

import re

import pytest

from tasks.reports.jobs import gitlab
from tasks.rollout.events import Error, Finished, Output, Resolved, Result, Started, StepFinished, StepStarted

START = re.compile("^\x1b\\[0Ksection_start:(\\d+):([a-zA-Z0-9_.-]+)(\\[collapsed=true\\])?\r\x1b\\[0K(.*)$", re.M)
END = re.compile("^\x1b\\[0Ksection_end:(\\d+):([a-zA-Z0-9_.-]+)\r\x1b\\[0K$", re.M)
COMMIT = "1a2b3c4d" + "1" * 32


def report(screen, events):
    with gitlab.reporter(screen) as reporter:
        for event in events:
            reporter.on(event)


def started(*hosts, services=("monitor",)):
    return Started(command="deploy", environment="dev", hosts=list(hosts), services=list(services), deploy="d-1")


def step(host, name="build", lines=(), ok=True, stopped=False):
    at = {"host": host, "service": "monitor", "step": name}
    why = None if ok else "exit status 9"
    return [StepStarted(**at), *(Output(**at, line=line) for line in lines),
            StepFinished(**at, ok=ok, changed=True, seconds=1, why=why, stopped=stopped)]


def finished(exit_code=0, **outcomes):
    hosts = {host: {"monitor": Result(was=None, tried=COMMIT, now=COMMIT, outcome=outcome)}
             for host, outcome in outcomes.items()}
    return Finished(command="deploy", outcome="committed" if not exit_code else "restored", exit_code=exit_code,
                    hosts=hosts)


def test_gitlab_report_equals_its_golden_file(name, shown, recorded, golden):
    page = shown()
    report(page.screen, recorded(name))
    assert page.text.replace("\x1b", "^[").replace("\r", "^M") == golden(f"{name}.gitlab")


def test_gitlab_sections_end_and_do_not_nest(shown, recorded):
    page = shown()
    report(page.screen, recorded("two_services"))
    marks = re.findall("section_(start|end):\\d+:([^\r[]+)", page.text)
    assert len(marks) == 4
    assert [mark for mark, _ in marks] == ["start", "end"] * 2
    assert [name for _, name in marks[::2]] == [name for _, name in marks[1::2]]


def test_gitlab_section_is_open_only_where_a_host_failed(shown):
    page = shown()
    report(page.screen, [started("a", "b"), *step("a"), *step("b", lines=["no space"], ok=False),
                       finished(1, a="restored", b="restored")])
    assert [(match[2], bool(match[3])) for match in START.finditer(page.text)] == [
        ("deploy-a", True), ("deploy-b", False)]


def test_gitlab_section_is_open_where_a_host_is_lost(shown):
    page = shown()
    report(page.screen, [started("a"), *step("a"), Error(host="a", message="a: the connection was lost"),
                       finished(3, a="restored")])
    assert "[collapsed=true]" not in page.text


def test_gitlab_report_prints_one_short_line_a_step_while_it_runs(shown):
    page = shown()
    lines = []
    with gitlab.reporter(page.screen) as reporter:
        for event in [started("a", "b"), *step("a", lines=["chatter"]), *step("b", "restart"),
                      *step("b", "verify", ok=False)]:
            reporter.on(event)
        lines = page.stdout.getvalue().splitlines()
    assert lines[1:] == [
        "a  build", "b  restart", "b  verify", "b  verify    \x1b[31mFAILED\x1b[0m\x1b[90m  1.0 s\x1b[0m",
        "    \x1b[31mexit status 9\x1b[0m"]


def test_gitlab_section_names_stay_different_after_cleaning(shown):
    page = shown()
    hosts = ["web.1", "web-1", "WEB-1", "[::1]:22"]
    report(page.screen, [started(*hosts), *(event for host in hosts for event in step(host)), finished()])
    names = [match[2] for match in START.finditer(page.text)]
    assert names == ["deploy-web-1", "deploy-web-1-2", "deploy-web-1-3", "deploy-1-22"]
    assert names == [match[2] for match in END.finditer(page.text)]


@pytest.mark.usefixtures("whole_suite")
def test_gitlab_report_of_a_flood_stays_below_4_mb(shown):
    """With GitLab's own time stamps, 32 bytes a line."""
    page = shown()
    hosts = [f"web{number}" for number in range(4)]
    flood = [event for host in hosts for event in step(host, lines=(f"{at:07} ü" for at in range(19_000)))]
    report(page.screen, [started(*hosts), *flood, finished()])
    log = page.text.encode()
    assert len(log) + 32 * log.count(b"\n") < 4 * 1000 * 1000
    assert len(log) > 1_000_000
    for body in re.split("section_start", page.text)[1:]:
        assert "0018999 ü" in body
        left_out, _ = re.search("(\\d+) lines left out; all of it is on (web\\d), below its root: "
                                   ".fabvisor/runs/d-1.log", body).groups()
        assert f"{int(left_out) - 1:07} ü" in body, "the heading of the step was left out too"
        assert f"{int(left_out) - 2:07} ü" not in body


def test_gitlab_report_uses_only_codes_that_gitlab_shows(shown, recorded, name):
    """16 colours and bold; nothing dim, nothing redrawn."""
    page = shown()
    report(page.screen, recorded(name))
    codes = set(re.findall("\x1b\\[([0-9;]*)m", page.stdout.getvalue()))
    assert codes <= {"0", "1", "31", "32", "90"}
    rest = re.sub("\x1b\\[[0-9;]*m|" + START.pattern.split("(.*)")[0] + "|" + END.pattern, "", page.stdout.getvalue(),
                  flags=re.M)
    assert "\r" not in rest and "\x1b" not in rest


def test_gitlab_report_keeps_sections_without_colour(shown, recorded):
    page = shown(environ={"NO_COLOR": "1"})
    report(page.screen, recorded("fine"))
    assert not re.search("\x1b\\[[0-9;]*m", page.text)
    assert len(START.findall(page.text)) == 2


def test_gitlab_report_announces_a_deploy_of_an_older_commit(shown):
    page = shown(environ={"NO_COLOR": "1"})
    report(page.screen, [started("a"),
                       Resolved(service="monitor", revision=COMMIT, commit=COMMIT, subject="Fix", back=3, forward=0)])
    assert "monitor: 1a2b3c4d, back 3 commits  Fix\n" in page.text
