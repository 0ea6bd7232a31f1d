from __future__ import annotations

import io
import json

from tasks.reports import choose, jsonl
from tasks.rollout.events import Finished, LogLine, Notice


def told(screen, events):
    with jsonl.reporter(screen) as reporter:
        for event in events:
            reporter.on(event)


def test_one_object_a_line_the_last_is_finished(name, shown, story):
    page = shown()
    told(page.screen, story(name))
    objects = [json.loads(line) for line in page.stdout.getvalue().splitlines()]
    assert len(objects) == len(story(name))
    assert all("event" in each for each in objects)
    assert objects[-1]["event"] == "finished"
    assert page.stderr.getvalue() == ""


def test_extra_is_merged_and_never_hides_a_field_of_its_own(shown):
    page = shown()
    extra = {"url": "https://www.example.com", "outcome": "a lie"}
    told(page.screen, [Finished(command="deploy", outcome="committed", exit_code=0, extra=extra)])
    assert json.loads(page.text) == {
        "event": "finished",
        "command": "deploy",
        "outcome": "committed",
        "exit_code": 0,
        "hosts": {},
        "url": "https://www.example.com",
    }


def test_nothing_follows_finished(shown):
    page = shown()
    told(page.screen, [Finished(command="deploy", outcome="committed", exit_code=0), Notice(message="late")])
    assert len(page.text.splitlines()) == 1


def test_half_characters_from_a_host_are_still_json(shown):
    page = shown()
    told(page.screen, [LogLine(host="web1", service="monitor", line="caf\udce9 \U0001f600")])
    assert json.loads(page.text)["line"] == "caf? \U0001f600"


def test_a_stream_that_is_not_utf8_gets_escapes():
    raw = io.BytesIO()
    with choose("json", False, {}, io.TextIOWrapper(raw, "ascii", write_through=True), io.StringIO()) as reporter:
        reporter.on(LogLine(host="web1", service="monitor", line="café"))
        assert json.loads(raw.getvalue())["line"] == "café"
