"""fab status, all that it can find odd, and --watch."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.integration.app import CRASH, App, RunningClient
from tests.integration.conftest import MakeApp, Proxied
from tests.support.lab import wait_for


def oddities(app: App, host: str) -> str:
    run = app.fab("status", "--service", app.name)
    return "\n".join(one for e in run.events if e["event"] == "status" and e["host"] == host for one in e["oddities"])


def row(client: RunningClient, host: str, state: str, *, after: int = 0) -> int:
    """Wait for such a row; returns where in the events it is."""
    def at() -> int | None:
        events = list(client.events)
        return next((at + 1 for at, e in enumerate(events) if at >= after and e["event"] == "status"
                     and e["host"] == host and e["state"] == state), None)
    return int(wait_for(at, f"{host} to be {state}"))


def test_status_shows_the_last_words_of_a_crash_loop(make_app: MakeApp) -> None:
    app = make_app(program={"startsecs": 1, "startretries": 1}).alone().deployed()
    (app.lab["web1"].directory(app.name) / "run.sh").write_text(CRASH)
    app.lab["web1"].rpc.signalProcess(f"{app.name}:{app.name}", "KILL")
    wait_for(lambda: app.program("web1")["statename"] == "FATAL", "supervisord to give up")
    words = oddities(app, "web1")
    assert "FATAL: supervisord has given up" in words and f"fab start {app.name}" in words
    assert words.splitlines()[-1].startswith("edited files") and "| cannot open the database" in words


@pytest.mark.long
def test_status_names_a_program_that_restarted_by_itself(make_app: MakeApp) -> None:
    """supervisord says RUNNING; the pid says that it is another one, and no command of ours started it."""
    app = make_app().alone().deployed()
    pid, begin = app.pid("web1"), time.time()
    wait_for(lambda: time.time() > begin + 4, "supervisord's clock, which has whole seconds, to tell the two apart")
    app.lab["web1"].rpc.signalProcess(f"{app.name}:{app.name}", "KILL")
    wait_for(lambda: app.pid("web1") not in (0, pid), "the new one")
    assert "restarted a moment ago, not by fab" in oddities(app, "web1")


def test_status_names_a_program_file_that_is_not_loaded_or_gone(make_app: MakeApp) -> None:
    app = make_app().alone().deployed()
    file = app.program_file("web1")
    file.write_text(file.read_text() + "; by hand\n")
    future = time.time() + 60
    os.utime(file, (future, future))
    words = oddities(app, "web1")
    assert "changed by hand, and supervisord has not loaded it" in words and f"fab deploy {app.name}" in words
    assert app.deploy().code == 0
    text = file.read_text()
    file.write_text(text + "nonsense\n")
    words = oddities(app, "web1")
    assert f"{file} cannot be parsed" in words and "correct that file on the host" in words
    assert "in no configuration file" not in words, "it is in that one"
    file.write_text(text)
    assert oddities(app, "web1") == ""
    file.unlink()
    assert f"in no configuration file any more: put its section back, into {file}" in oddities(app, "web1")


def test_status_remedies_bring_the_row_in_order(make_app: MakeApp) -> None:
    """The command that a row names mends what the row reports."""
    app = make_app(program={"startsecs": 0, "autorestart": False}).alone().deployed()
    for breaks, remedy in (
            (lambda: app.lab["web1"].rpc.stopProcess(f"{app.name}:{app.name}"), ["start", app.name]),
            (lambda: (app.lab["web1"].directory(app.name) / "source").write_text("x"),
             ["deploy", app.name, "--set-aside"])):
        breaks()                                                # type: ignore[no-untyped-call]
        words = wait_for(lambda: oddities(app, "web1"), "it to be odd")
        assert " ".join(["fab", *remedy]) in words
        assert app.fab(*remedy).code == 0
        assert oddities(app, "web1") == ""


def test_watch_emits_one_event_a_change(shared: App) -> None:
    app = shared
    client = app.start("status", "--service", app.name, "--watch")
    at = max(row(client, host, "RUNNING") for host in app.hosts)
    app.lab["web2"].rpc.stopProcess(f"{app.name}:{app.name}")
    at = row(client, "web2", "STOPPED", after=at)
    app.lab["web2"].rpc.startProcess(f"{app.name}:{app.name}")
    row(client, "web2", "RUNNING", after=at)
    client.signal(signal.SIGINT)
    run = client.end()
    assert (run.code, run.finished["exit_code"], run.err) == (130, 130, "")
    assert len([e for e in run.events if e["event"] == "status" and e["host"] == "web1"]) == 1
    assert [e["event"] for e in run.events].count("looked") >= 3
    assert [e["state"] for e in run.events if e["event"] == "host_state"] == ["connected"] * 2, "one connection a host"


def test_watch_shows_a_lost_host_as_unreachable_until_it_is_back(shared_proxied: Proxied) -> None:
    app, proxy = shared_proxied
    client = app.start("status", "--service", app.name, "--watch")
    at = max(row(client, host, "RUNNING") for host in app.hosts)
    proxy.cut()
    at = row(client, "web1", "unreachable", after=at)
    row(client, "web1", "RUNNING", after=at)
    client.signal(signal.SIGINT)
    assert client.end().code == 130


def test_status_shows_the_other_hosts_when_one_is_unreachable(without_web1: App) -> None:
    app = without_web1
    run = app.fab("status", "--service", app.name)
    assert run.code == 75, run
    states = {e["host"]: e["state"] for e in run.events if e["event"] == "status"}
    assert states == {"web1": "unreachable", "web2": "RUNNING"}
    client = app.start("status", "--service", app.name, "--watch")
    row(client, "web1", "unreachable")
    row(client, "web2", "RUNNING")
    client.signal(signal.SIGINT)
    client.end()


@pytest.mark.long
def test_watch_prints_the_table_again_without_a_terminal(make_app: MakeApp) -> None:
    app = make_app().deployed()
    process = app.lab.popen("status", "--watch", "--format", "plain", FAB_INVENTORY=str(app.inventory))
    assert process.stdout is not None and process.stderr is not None
    first = [process.stdout.readline() for _ in range(5)]
    assert first[1].startswith("host") and "RUNNING" in first[2] and "RUNNING" in first[3] and first[4] == "\n"
    app.lab["web2"].rpc.stopProcess(f"{app.name}:{app.name}")
    while "STOPPED" not in (line := process.stdout.readline()):
        assert line
    process.stdout.close()
    assert process.wait(60) == 0, "a closed pipe ends it"
    assert process.stderr.read() == ""
    process.stderr.close()
