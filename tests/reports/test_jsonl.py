from __future__ import annotations

import io
import json

from tasks.reports import jsonl
from tasks.reports.formats import choose
from tasks.rollout.events import Finished, LogLine, Notice


def report(screen, events):
    with jsonl.reporter(screen) as reporter:
        for event in events:
            reporter.on(event)


def test_jsonl_has_one_object_a_line_and_ends_with_finished(name, shown, recorded):
    page = shown()
    report(page.screen, recorded(name))
    objects = [json.loads(line) for line in page.stdout.getvalue().splitlines()]
    assert len(objects) == len(recorded(name))
    assert all("event" in each for each in objects)
    assert objects[-1]["event"] == "finished"
    assert page.stderr.getvalue() == ""


def test_jsonl_extra_never_hides_a_field_of_the_event(shown):
    page = shown()
    extra = {"url": "https://www.example.com", "outcome": "a lie"}
    report(page.screen, [Finished(command="deploy", outcome="committed", exit_code=0, extra=extra)])
    assert json.loads(page.text) == {
        "event": "finished",
        "command": "deploy",
        "outcome": "committed",
        "exit_code": 0,
        "hosts": {},
        "url": "https://www.example.com",
    }


def test_jsonl_prints_nothing_after_finished(shown):
    page = shown()
    report(page.screen, [Finished(command="deploy", outcome="committed", exit_code=0), Notice(message="late")])
    assert len(page.text.splitlines()) == 1


def test_jsonl_replaces_half_characters_from_a_host(shown):
    page = shown()
    report(page.screen, [LogLine(host="web1", service="monitor", line="caf\udce9 \U0001f600")])
    assert json.loads(page.text)["line"] == "caf? \U0001f600"


def test_jsonl_escapes_on_a_stream_that_is_not_utf8():
    raw = io.BytesIO()
    with choose("json", False, {}, io.TextIOWrapper(raw, "ascii", write_through=True), io.StringIO()) as reporter:
        reporter.on(LogLine(host="web1", service="monitor", line="café"))
        assert json.loads(raw.getvalue())["line"] == "café"
