"""Whoever is told how a deploy ended, and what goes wrong there: always one warning, and never more than 5 s."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tasks.executor.system.processes import start_time
from tasks.inventory.model import Notification
from tasks.inventory.secret import Secret
from tasks.notification import attempt
from tasks.notification.notifier import Notifier, Recipient
from tasks.rollout.events import Error, Event, Finished, Notice, Resolved, Result, Started
from tests.support.lab import wait_for

A, B = "a" * 40, "b" * 40
STARTED = Started(command="deploy", environment="production", hosts=["web1", "web2"], services=["api"], deploy="d-1")
RESOLVED = Resolved(service="api", revision="main", commit=B, subject="Say <!channel> & more")
BY = "ann https://git.example.com/micro/api/-/jobs/7"


def finished(outcome: str = "committed", exit_code: int = 0) -> Finished:
    result = Result(was=A, tried=B, now=B if outcome == "committed" else A, outcome=outcome)
    return Finished(command="deploy", outcome=outcome, exit_code=exit_code,
                    hosts={host: {"api": result} for host in ("web1", "web2")})


@contextmanager
def chat(status: int = 200, drip: bool = False) -> Iterator[tuple[str, list[Any]]]:
    """A server for a webhook: its URL, and what it was sent. With `drip` its answer never ends."""
    heard: list[Any] = []
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["Content-Type"], json.loads(body)))
            if drip:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not closing.wait(0.05):
                    self.wfile.write(b"x")
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hooks/MARK4711", heard
        closing.set()
        server.shutdown()


def told(folder: Path, *recipients: Recipient, last: Finished | None = None, events: tuple[Event, ...] = (),
         mask: Callable[[str], str] = str) -> list[str]:
    """The warnings."""
    warnings: list[Event] = []
    notifier = Notifier(recipients, BY, folder, warnings.append, mask)
    for event in (STARTED, RESOLVED, *events, last or finished()):
        notifier.on(event)
    assert all(isinstance(warning, Notice) and warning.level == "warning" for warning in warnings)
    messages = [warning.message for warning in warnings if isinstance(warning, Notice)]
    assert all("MARK4711" not in message and "\n" not in message for message in messages)
    return [message.removeprefix("notify: ").removesuffix("; the outcome does not depend on it")
            for message in messages]


def webhook(url: str, *on: str) -> Recipient:
    return Recipient(notification=Notification(webhook="CHAT", on=on or ("failed", "committed")), url=Secret(url))


def command(text: str) -> Recipient:
    return Recipient(notification=Notification(run=text))


def test_each_of_two_commands_that_begin_alike_is_run(tmp_path: Path) -> None:
    assert len(told(tmp_path, command("true\nexit 3"), command("true\nexit 4"))) == 2


def test_webhook_gets_what_was_done_and_by_whom(tmp_path: Path) -> None:
    with chat() as (url, heard):
        assert told(tmp_path, webhook(url)) == []
        ((kind, message),) = heard
    assert kind == "application/json" and list(message) == ["text"]
    lines = message["text"].split("\n")
    assert lines[0].startswith(f"deploy of api, production: api is at {B[:8]} on 2 hosts, 0.")
    assert lines[1:] == [f"{B[:8]} Say &lt;!channel&gt; &amp; more", f"by {BY}"]


def test_webhook_gets_the_reason_when_a_deploy_fails(tmp_path: Path) -> None:
    errors = (Error(message="web1: exit status 9\nsee its log", host="web1"), Error(message="web1: exit status 9"))
    with chat() as (url, heard):
        assert told(tmp_path, webhook(url), last=finished("restored", 1), events=errors) == []
    assert heard[0][1]["text"].split("\n")[::2] == [
        "deploy of api, production: went back: every host is as it was", "web1: exit status 9"]


@pytest.mark.parametrize(("last", "on", "expected"), [
    (finished(), ["failed"], 0), (finished(), ["committed"], 1), (finished("unchanged"), ["failed", "committed"], 0),
    (finished("restored", 1), ["failed"], 1), (finished("unknown", 3), ["failed"], 1),
    (finished("restored", 1), ["committed"], 0), (finished("refused", 130), ["failed"], 1)])
def test_notification_depends_on_the_ending(tmp_path: Path, last: Finished, on: list[str], expected: int) -> None:
    with chat() as (url, heard):
        assert told(tmp_path, webhook(url, *on), last=last) == []
    assert len(heard) == expected


def test_nobody_is_told_before_a_host_is_contacted(tmp_path: Path) -> None:
    warnings: list[Event] = []
    for first in ((), (Started(command="plan", environment="x", hosts=[], services=[]),)):
        notifier = Notifier([command("exit 1")], BY, tmp_path, warnings.append, str)
        for event in (*first, finished("refused", 2)):
            notifier.on(event)
    assert warnings == []


def test_command_gets_the_event_on_its_standard_input(tmp_path: Path) -> None:
    assert told(tmp_path, command("cat >told; pwd >where")) == []
    event = json.loads((tmp_path / "told").read_text())
    assert (event["event"], event["exit_code"], event["hosts"]["web1"]["api"]["now"]) == ("finished", 0, B)
    assert (tmp_path / "where").read_text().strip() == str(tmp_path)


@pytest.mark.promise(7)
def test_secret_that_a_command_prints_is_hidden_also_where_its_line_is_cut(tmp_path: Path) -> None:
    secret = Secret("s3cret" * 20)
    loud = [f"echo {'s3cret' * 20}; exit 3", f"printf %s {'s3cret' * 20}; printf 'x%.0s' $(seq 4070); exit 3"]
    first, cut = told(tmp_path, *map(command, loud), mask=secret.masked_in)
    assert first.endswith("exit status 3: ***") and cut.endswith("x" * 4070)
    assert "s3cret" not in first.partition("exit status")[2] + cut.partition("exit status")[2]


def test_problem_of_a_notification_is_a_warning(tmp_path: Path) -> None:
    with chat(500) as (url, _):
        assert told(tmp_path, webhook(url), command("echo no route; exit 4")) == [
            "CHAT: the server answers 500", "echo no route; exit 4: exit status 4: no route"]
    with socket.socket() as taken:          # nobody listens there, and nobody else can
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        assert told(tmp_path, webhook(url)) == ["CHAT: Connection refused"]
    assert told(tmp_path, webhook("MARK4711 is no URL")) == ["CHAT: it is no URL that can be used (ValueError)"]
    assert told(tmp_path, webhook("file:///etc/MARK4711")) == ["CHAT: its URL begins with neither http:// nor https://"]
    missing = Recipient(notification=Notification(webhook="CHAT"), problem="the secret CHAT has no value")
    assert told(tmp_path, missing) == ["CHAT: the secret CHAT has no value"]
    assert told(tmp_path / "gone", command("true"))[0].endswith("No such file or directory")


def test_slow_notifications_are_given_up_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert attempt.SECONDS <= 5
    monkeypatch.setattr(attempt, "SECONDS", 0.5)
    with chat(drip=True) as (url, heard):
        assert told(tmp_path, webhook(url), command("sleep 1000 & echo $! >pid; wait")) == [
            "CHAT: it took longer than 0.5 s", "sleep 1000 & echo $! >pid; wait: it took longer than 0.5 s"]
        assert heard
    assert start_time(int((tmp_path / "pid").read_text())) is None


def test_signal_ends_the_wait_and_not_the_command(tmp_path: Path) -> None:
    def interrupt() -> None:
        wait_for((tmp_path / "begun").exists, "the command")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    assert told(tmp_path, command("touch begun; sleep 1000")) == ["touch begun; sleep 1000: interrupted"]
