from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from tasks._errors import SelectionError
from tasks.reports.formats import FORMATS, LazyReporter, choose
from tasks.reports.screen import Screen
from tasks.reports.stream import Stream
from tasks.rollout.events import Notice

EVENTS = Path(__file__).parent / "events"
ROOT = EVENTS.parents[2]


class Tty(io.StringIO):
    def isatty(self):
        return True


def chosen(format, stdout, **environ):
    with choose(format, False, environ, stdout, io.StringIO()) as reporter:
        assert isinstance(reporter, LazyReporter)
        return type(reporter.chosen).__name__


def test_auto_format_fits_the_stream_and_the_environment():
    assert chosen("auto", Tty(), TERM="xterm") == "Terminal"
    assert chosen("auto", Tty(), TERM="dumb") == "Plain"
    assert chosen("auto", io.StringIO(), TERM="xterm") == "Plain"
    assert chosen("auto", io.StringIO(), GITLAB_CI="true") == "GitLab"
    assert chosen("auto", io.StringIO(), GITLAB_CI="false") == "Plain"
    assert chosen("auto", io.StringIO(), GITHUB_ACTIONS="true") == "GitHub"


def test_unknown_format_lists_the_choices_and_the_nearest():
    with pytest.raises(SelectionError) as raised:
        chosen("jsno", io.StringIO())
    assert raised.value.message == "--format 'jsno': no such format"
    assert raised.value.hint == ("did you mean json? "
                                 "choose one of auto, terminal, plain, gitlab, github, json, html, prometheus")


def test_formats_without_rich_do_not_import_it():
    code = (
        "import io, sys; from tasks.reports.formats import choose;"
        "[choose(format, False, {}, sys.stdout, sys.stderr).chosen for format in ('plain', 'json')];"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.rows(2)
@pytest.mark.parametrize("format", list(FORMATS))
def test_closed_pipe_ends_a_report_without_a_traceback(format):
    command = [sys.executable, "-m", "tasks.reports", EVENTS / "fine.jsonl", "--format", format, "--delay", "0.02"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 0


def test_reporter_knows_when_its_reader_is_gone():
    class Broken(io.StringIO):
        def flush(self):
            raise BrokenPipeError

    with choose("plain", False, {}, Broken(), io.StringIO()) as reporter:
        assert not reporter.gone
        reporter.on(Notice(message="is anybody there?"))
        assert reporter.gone and not reporter.fault


@pytest.mark.parametrize(
    ("environ", "arrow"),
    [
        ({}, "→"),
        ({"LANG": "de_DE.UTF-8"}, "→"),
        ({"LANG": "de_DE.ISO-8859-1"}, ">"),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, ">"),
        ({"LANG": "C", "LC_ALL": "en_US.utf8"}, "→"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, ">"),
    ],
)
def test_marks_follow_the_locale(environ, arrow):
    screen = Screen(out=Stream(io.StringIO()), err=Stream(io.StringIO()), environ=environ)
    assert screen.marks.arrow == arrow
