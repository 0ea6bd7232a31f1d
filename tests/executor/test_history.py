"""The history file of a service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.disk import json_lines
from tasks.executor.layout import Layout
from tasks.executor.state import history

COMMIT = "1" * 40


def test_history_keeps_one_line_a_deploy(layout: Layout) -> None:
    for result in ("committed", "restored"):
        history.write(layout, "a", {"deploy": "d1", "result": result, "to": COMMIT})
    history.write(layout, "a", {"deploy": "d2", "result": "restored", "to": "c2"})
    lines = history.read(layout, "a")
    assert [(line["deploy"], line["result"]) for line in lines] == [("d1", "committed"), ("d2", "restored")]
    assert history.last_committed(lines)["to"] == COMMIT
    assert history.last_committed([]) == {} and history.find(layout, "a", "d3") is None
    assert lines[0]["service"] == "a" and lines[0]["at"].endswith("Z")


@pytest.mark.parametrize(("field", "value"), [
    ("at", []), ("by", {}), ("to", "HEAD"), ("to", "--output=x"), ("from", COMMIT[:8]),
    ("build", "make"), ("build", [1]), ("variables", ["A"]), ("variables", {"A": 1}), ("was_running", "yes")])
def test_history_leaves_out_what_somebody_wrote_in_another_type(layout: Layout, field: str, value: Any) -> None:
    """The rest of the line, and what we do not know, stays."""
    json_lines.append(layout.history_file("a"), {
        "deploy": "d1", "result": "committed", "to": COMMIT, "later": [1], field: value})
    for lines in (history.read(layout, "a"), history.known(layout, "a")):
        (line,) = lines
        assert field not in line and line["later"] == [1]


@pytest.mark.parametrize("line", [
    {}, {"deploy": "d2"}, {"result": "restored"}, {"deploy": 7, "result": "restored"},
    {"deploy": "d2", "result": True}, {"deploy": "d2", "result": "good"}, {"deploy": "d2", "result": []}], ids=repr)
def test_history_overlooks_a_line_that_says_of_no_deploy_how_it_ended(layout: Layout, line: dict[str, Any]) -> None:
    """`status` would say that the last deploy went back."""
    for each in ({"deploy": "d1", "result": "committed", "to": COMMIT}, line):
        json_lines.append(layout.history_file("a"), each)
    for lines in (history.read(layout, "a", 1), list(history.known(layout, "a"))):
        assert [each["deploy"] for each in lines] == ["d1"]
    assert history.find(layout, "a", "d2") is None


def test_history_of_any_length_is_read_as_far_as_it_is_needed(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.dumps({"deploy": f"d{number}", "result": "committed"}) for number in range(history.MOST - 1)]
    Path(layout.history_file("a")).write_text("".join(line + "\n" for line in lines))
    parsed: list[bytes] = []
    parse = json.loads
    monkeypatch.setattr(json, "loads", lambda line: (parsed.append(line), parse(line))[1])

    def count() -> int:
        number = len(parsed)
        parsed.clear()
        return number

    history.write(layout, "a", {"deploy": "new", "result": "committed"})
    assert count() == 0
    assert history.newest_committed(layout, "a")["deploy"] == "new" and count() == 1
    known = history.known(layout, "a")
    assert count() == 0 and len(list(known)) == count() == history.KEPT
    assert history.find(layout, "a", "new") and count() == 1
