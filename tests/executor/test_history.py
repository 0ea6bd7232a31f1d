"""The history file of a service."""

from __future__ import annotations

from tasks.executor import history
from tasks.executor.layout import Layout


def test_history_keeps_one_line_a_deploy(layout: Layout) -> None:
    for result in ("committed", "restored"):
        history.write(layout, "a", {"deploy": "d1", "result": result, "to": "c1"})
    history.write(layout, "a", {"deploy": "d2", "result": "restored", "to": "c2"})
    lines = history.read(layout, "a")
    assert [(line["deploy"], line["result"]) for line in lines] == [("d1", "committed"), ("d2", "restored")]
    assert history.last_committed(lines)["to"] == "c1"
    assert history.last_committed([]) == {} and history.find(layout, "a", "d3") is None
    assert lines[0]["service"] == "a" and lines[0]["at"].endswith("Z")
