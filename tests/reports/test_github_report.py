from __future__ import annotations

import re

import pytest

from tasks.reports.jobs import github
from tasks.rollout.events import Error, LogLine, Notice
from tests.reports.test_gitlab_report import COMMIT, finished, started, step


def report(screen, events):
    with github.reporter(screen) as reporter:
        for event in events:
            reporter.on(event)


def commands(text):
    """As the runner reads them: https://github.com/actions/runner, ActionCommand.cs."""
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line).strip() for line in re.split("[\r\n]", text)]
    return [line for line in lines if line.startswith("::") or "##[" in line]


def test_github_report_has_a_group_for_each_host_but_those_that_failed(shown, recorded):
    page = shown()
    report(page.screen, [started("a", "b"), *step("a", lines=["all good"]), *step("b", lines=["no space"], ok=False),
                         Error(host="b", message="b: exit status 9\n100 %", hint="see its log"),
                         finished(1, a="restored", b="restored")])
    assert commands(page.stdout.getvalue()) == [
        "::group::a  went back", "::endgroup::", "::error::b: exit status 9%0A100 %25%0Asee its log"]
    assert "no space" in page.stdout.getvalue().partition("::endgroup::")[2]


@pytest.mark.parametrize("text", [
    "::error::forged", "  ::set-output name=x::y", "\t::add-mask::deployed", "\x1b[31m::stop-commands::x",
    "harmless\r::warning::forged", "a ##[error]forged", "::::", "x\n::error::forged"])
def test_github_report_runs_no_command_of_a_host(shown, text):
    page = shown()
    report(page.screen, [
        started("a"), *step("a", lines=[text], ok=False), Notice(host="a", message=text), Notice(message=text),
        LogLine(host="a", service="s", line=text), Error(message=text, hint=text), finished(1, a="restored")])
    (error,) = commands(page.text)
    assert error.startswith("::error::") and "\n" not in error
    assert "forged" in page.text or "forged" not in text


def test_github_summary_shows_what_was_done_and_why_it_failed(shown, tmp_path):
    page = shown(environ={"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")})
    report(page.screen, [started("web.1", "b"), *step("b", ok=False),
                         Error(host="b", message="b: <b>|no| `space` & 'room'</b>"), Error(message="x" * 10**6),
                         finished(1, **{"web.1": "restored"})])
    text = (tmp_path / "summary").read_text()
    assert text.splitlines() == [
        "### deploy monitor, dev", "", "went back: every host is as it was", "",
        "| host | service | was | now | outcome |", "|---|---|---|---|---|",
        f"| web.1 | monitor | \\- | {COMMIT[:8]} | went back |", "",
        "- b: &lt;b&gt;\\|no\\| \\`space\\` &amp; 'room'&lt;/b&gt;", f"- {'x' * 2000}", ""]


def test_github_summary_that_cannot_be_written_is_a_warning(shown, tmp_path):
    page = shown(environ={"GITHUB_STEP_SUMMARY": str(tmp_path)})
    report(page.screen, [started("a"), *step("a"), finished(a="committed")])
    assert commands(page.text)[-1] == "::warning::the summary cannot be written: Is a directory"
