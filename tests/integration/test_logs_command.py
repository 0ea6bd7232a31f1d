"""fab logs: of several hosts and services at once, over cuts and rotations, until the user has enough."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp, Proxied
from tests.support.lab import wait_for


class Followed:
    """`fab logs … --follow` under way, and the logs that the test writes."""

    def __init__(self, app: App, *args: str) -> None:
        self.app = app
        self.client = app.start("logs", ",".join(app.services), "--follow", "--lines", "0", *args)
        connected = [self.client.wait_event(is_connected(host), host) for host in app.hosts]
        self.hosts = [event["host"] for event in connected]

    def log(self, host: str, service: str = "") -> Path:
        name = service or self.app.name
        return self.app.lab[host].directory(name) / "logs" / f"{name}.log"

    def write(self, host: str, *lines: str, service: str = "") -> None:
        with self.log(host, service).open("a") as file:
            file.writelines(line + "\n" for line in lines)

    def shown(self, host: str) -> list[str]:
        return [e["line"] for e in list(self.client.events) if e["event"] == "log" and e["host"] == host
                and e["line"].startswith("test ")]

    def sees(self, host: str, *lines: str) -> None:
        """Exactly these, of this host, so far."""
        wait_for(lambda: len(self.shown(host)) >= len(lines), f"{lines[-1]} of {host}")
        assert self.shown(host) == list(lines)

    def says(self, host: str, words: str) -> None:
        self.client.wait_event(lambda e: e["event"] == "notice" and e["host"] == host and words in e["message"], words)

    def begins(self) -> None:
        """Until a line that is written now is seen: from then on none may be missed."""
        for host in self.app.hosts:
            def heard(host: str = host) -> bool:
                self.write(host, "begin")
                return any(e["event"] == "log" and e["host"] == host for e in list(self.client.events))
            wait_for(heard, f"{host} to be followed")


def is_connected(host: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["event"] == "host_state" and event["host"] == host and event["state"] == "connected"


def test_logs_prints_lines_of_hosts_and_services_in_the_order_of_arrival(app: App) -> None:
    """What a log needs of a deploy is its folder."""
    app.services["other" + app.name] = {**app.service, "directory": f"micro/other{app.name}"}
    app.write()
    for host in app.hosts:
        for service in app.services:
            (app.lab[host].directory(service) / "logs").mkdir(parents=True)
            (app.lab[host].directory(service) / f"logs/{service}.log").touch()
    followed = Followed(app)
    followed.begins()
    for number in range(3):
        for host in app.hosts:
            for service in app.services:
                followed.write(host, f"test {number} {service}", service=service)
                wait_for(lambda host=host, words=f"test {number} {service}": words in followed.shown(host), "it")
    lines = [(e["host"], e["service"], e["line"]) for e in followed.client.events
            if e["event"] == "log" and e["line"].startswith("test")]
    assert lines == [(host, service, f"test {number} {service}") for number in range(3) for host in app.hosts
                    for service in app.services]
    followed.client.signal(signal.SIGINT)
    run = followed.client.end()
    assert (run.code, run.finished["exit_code"], run.err) == (130, 130, "")


@pytest.mark.long
def test_logs_follows_a_log_that_supervisord_rotates(make_app: MakeApp) -> None:
    """The real one: maxbytes is small, and the program writes more than that at a time.

    It waits for us after each burst: supervisord rotates once for all that it reads at once, however much that is.
    """
    source = "for burst in 0 1 2 3 4; do until test -e burst.$burst; do sleep 0.05; done\n" \
             "for line in $(seq 1000); do echo test $burst $line; done; done; exec sleep 100000\n"
    app = make_app(command="bash ./run.sh", program={
        "startsecs": 0, "stdout_logfile_maxbytes": "3KB", "stdout_logfile_backups": 50}).alone().deployed()
    followed = Followed(app)
    followed.begins()
    [host] = app.hosts
    directory = app.lab[host].directory(app.name)
    (directory / "run.sh").write_text(source)
    app.lab[host].rpc.stopProcess(f"{app.name}:{app.name}")
    app.lab[host].rpc.startProcess(f"{app.name}:{app.name}")
    expected: list[str] = []
    for burst in range(5):
        (directory / f"burst.{burst}").touch()
        expected += [f"test {burst} {line}" for line in range(1, 1001)]
        followed.sees(host, *expected)
    # supervisord moves all backups up at each rotation: for a moment this one has no file.
    wait_for(Path(f"{followed.log(host)}.2").exists, "a second backup")
    followed.client.signal(signal.SIGTERM)
    assert followed.client.end().code == 143


def test_logs_repeats_and_loses_no_line_when_a_connection_is_cut(shared_proxied: Proxied) -> None:
    app, proxy = shared_proxied
    followed = Followed(app)
    followed.begins()
    followed.write("web1", "test 1")
    followed.sees("web1", "test 1")
    proxy.cut()
    followed.says("web1", "trying again in 1 s")
    followed.write("web1", "test 2")
    log = followed.log("web1")
    log.rename(f"{log}.1")                              # and rotated while nobody looked
    followed.write("web1", "test 3")
    followed.write("web2", "test w")
    followed.sees("web2", "test w")                     # the other host is none the worse for it
    followed.says("web1", "it is back")
    followed.sees("web1", "test 1", "test 2", "test 3")
    followed.client.signal(signal.SIGINT)
    assert followed.client.end().code == 130


@pytest.mark.long
def test_logs_notices_a_frozen_connection_when_the_lease_is_over(shared_proxied: Proxied) -> None:
    """Nobody says that it is dead: the lease (2 s) does; also while the other host writes without a pause."""
    app, proxy = shared_proxied
    app.settings["web1"]["lease"] = 2
    app.write()
    followed = Followed(app)
    followed.begins()
    proxy.freeze()

    def noticed() -> bool:
        followed.write("web2", "noise")
        return any("it was silent for" in e["message"] for e in followed.client.events if e["event"] == "notice")
    wait_for(noticed, "it to be noticed")
    followed.write("web1", "test 1")
    proxy.thaw()
    followed.says("web1", "it is back")
    followed.sees("web1", "test 1")
    followed.client.signal(signal.SIGINT)
    assert followed.client.end().code == 130


def test_logs_follows_the_others_while_a_host_is_unreachable(without_web1: App) -> None:
    """The others are followed meanwhile; then it is one of them."""
    app = without_web1
    client = app.start("logs", app.name, "--follow")
    client.wait_event(lambda e: e["event"] == "notice" and e["host"] == "web1" and "again in 2 s" in e["message"], "it")
    assert {e["host"] for e in client.events if e["event"] == "log"} == {"web2"}
    client.signal(signal.SIGINT)
    run = client.end()
    assert run.code == 130
    assert run.outcome("web1", app.name) == "unreachable"
    once = app.fab("logs", app.name)
    assert once.code == 75, once
    assert [once.outcome(host, app.name) for host in app.hosts] == ["unreachable", "unchanged"]


@pytest.mark.parametrize("format", ["plain", "json"])
def test_logs_ends_when_its_reader_closes_the_pipe(shared: App, format: str) -> None:
    """`| head`: also when nothing more is written."""
    for host in shared.hosts:
        (shared.lab[host].directory(shared.name) / f"logs/{shared.name}.log").write_text("starting\n")
    process = shared.lab.popen("logs", shared.name, "--follow", "--format", format, FAB_INVENTORY=str(shared.inventory))
    assert process.stdout is not None and process.stderr is not None
    for line in process.stdout:
        if "starting" in line:
            break
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.long
def test_logs_keeps_bounded_memory_when_its_reader_is_slow(shared: App) -> None:
    """A pager that shows the first page: what hosts have to say waits there."""
    for host in shared.hosts:
        with (shared.lab[host].directory(shared.name) / "logs" / f"{shared.name}.log").open("w") as file:
            file.writelines(f"{number} {'x' * 200}\n" for number in range(200_000))
    process = shared.lab.popen("logs", shared.name, "--lines", "200000", "--format", "plain",
                               FAB_INVENTORY=str(shared.inventory))
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)
    peak = [line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    assert int(peak[0].split()[1]) < 150_000
    os.kill(process.pid, signal.SIGINT)
    process.stdout.close()
    process.wait(60)
    process.stderr.close()
    for host in shared.hosts:
        (shared.lab[host].directory(shared.name) / "logs" / f"{shared.name}.log").write_text("starting again\n")


def test_logs_counts_lines_after_grep(shared: App) -> None:
    for host in shared.hosts:
        (shared.lab[host].directory(shared.name) / "logs" / f"{shared.name}.log").write_text(
            "starting\n" + "".join(f"{'ERROR' if number % 10 == 0 else 'info'} {number}\n" for number in range(100)))
    run = shared.fab("logs", shared.name, "--grep", "^ERROR", "--lines", "2")
    assert run.code == 0, run
    assert [(e["host"], e["line"]) for e in run.events if e["event"] == "log"] == [
        (host, line) for host in shared.hosts for line in ("ERROR 80", "ERROR 90")]
    none = shared.fab("logs", shared.name, "--lines", "0", "--host", "web1")
    assert none.code == 0 and none.of("log") == []


@pytest.mark.promise(9)
@pytest.mark.parametrize(("args", "words"), [
    (["--grep", "(oops"], "--grep '(oops'"), (["--lines", "many"], "--lines"),
    (["--deploy", "last", "--follow"], "--follow")])
def test_logs_refuses_bad_options_before_any_host(shared: App, args: list[str], words: str) -> None:
    run = shared.fab("logs", shared.name, *args)
    assert run.code == 2
    assert words in messages(run)
    assert not [e for e in run.events if e["event"] in ("started", "host_state")]


def test_logs_prints_the_run_log_of_a_deploy(shared: App) -> None:
    app = shared
    app.commit(f"{app.name}-bad")
    app.shut("fail", f"{app.name}-bad")
    assert app.deploy("--host", "web1").code == 1
    good, bad = (line["deploy"] for line in app.lab["web1"].history(app.name))
    run = app.fab("logs", app.name, "--deploy", "last")
    assert run.code == 0, run
    lines = [(e["host"], e["line"]) for e in run.events if e["event"] == "log"]
    assert {host for host, _ in lines} == {"web1"}
    assert any("no space for web1" in line for _, line in lines)
    both = app.fab("logs", app.name, "--deploy", good[:-2], "--grep", " build begins$", "--lines", "1")
    assert [e["host"] for e in both.events if e["event"] == "log"] == ["web1", "web2"], "host after host"
    for wanted in ("nonsense", good[:8]):
        unknown = app.fab("logs", app.name, "--deploy", wanted, "--host", "web1")
        assert unknown.code == 2, unknown
        assert good in messages(unknown) and bad in messages(unknown)


def test_logs_refuses_a_run_log_when_nothing_was_deployed(app: App) -> None:
    run = app.alone().fab("logs", app.name, "--deploy", "last")
    assert run.code == 2, run


def test_logs_waits_for_the_first_deploy_of_a_service(app: App) -> None:
    """Its log appears with the first deploy."""
    client = app.alone().start("logs", app.name, "--follow")
    for host in app.hosts:
        client.wait_event(lambda e, host=host: e["event"] == "notice" and e["host"] == host
                          and "no log at" in e["message"], "that there is none")
    app.deployed()
    for host in app.hosts:
        client.wait_event(lambda e, host=host: e["event"] == "log" and e["host"] == host, "its first line")
    client.signal(signal.SIGINT)
    assert client.end().code == 130


@pytest.mark.parametrize("lose", ["cut", "freeze"])
@pytest.mark.rows(1)
def test_logs_of_a_deploy_ends_with_75_when_a_host_is_lost(shared_proxied: Proxied, lose: str) -> None:
    """Also one that has begun to show its run log; the next host shows its own."""
    app, proxy = shared_proxied
    if lose == "freeze":
        app.settings["web1"]["lease"] = 2
        app.write()
    deploy = app.lab["web1"].history(app.name)[0]["deploy"]
    with (app.lab["web1"].root / ".fabvisor/runs" / f"{deploy}.log").open("a") as log:
        log.writelines(f"{number} {'x' * 200}\n" for number in range(100_000))
    client = app.start("logs", app.name, "--deploy", deploy)
    client.wait_event(lambda event: event["event"] == "log" and event["host"] == "web1", "the first line")
    getattr(proxy, lose)()
    run = client.end()
    assert run.code == 75, run
    assert [run.outcome(host, app.name) for host in app.hosts] == ["unreachable", "unchanged"]
    assert any(event["event"] == "log" and event["host"] == "web2" for event in run.events)
