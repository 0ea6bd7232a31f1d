"""The order in which answers of hosts are shown."""

from __future__ import annotations

from tasks.rollout.events import Error, Event, LogLine, Notice
from tasks.rollout.queries.host_order import ROOM, HostOrder


class Report:
    gone = False

    def __init__(self) -> None:
        self.shown: list[Event] = []

    def on(self, event: Event) -> None:
        self.shown.append(event)

    def close(self) -> None: ...


def line(host: str, text: str = "") -> LogLine:
    return LogLine(host=host, service="api", line=text)


def test_hosts_are_shown_by_name_whichever_answers_first() -> None:
    report = Report()
    order = HostOrder(report, ["a", "b", "c"])
    events: dict[str, Event] = {"c": line("c"), "b": Notice(host="b", message="no log yet"), "a": line("a")}
    for host, event in events.items():
        order.on(event)
        order.end([host] if host == "c" else [])
    assert report.shown == [events["a"]]
    order.end("a")
    assert report.shown == [events["a"], events["b"]]
    order.on(line("b", "at once"))
    order.end("b")
    assert report.shown == [events["a"], events["b"], line("b", "at once"), events["c"]]


def test_errors_and_hosts_of_a_command_that_was_ended_are_shown() -> None:
    report = Report()
    order = HostOrder(report, ["a", "b"])
    order.on(line("b"))
    order.on(Error(host="b", message="it is lost"))
    order.release()
    assert report.shown == [Error(host="b", message="it is lost"), line("b")]


def test_host_that_says_too_much_is_not_held_back() -> None:
    report = Report()
    order = HostOrder(report, ["a", "b"])
    long = line("b", "x" * (ROOM // 4))
    for _ in range(3):
        order.on(long)
    assert report.shown == [long] * 3
