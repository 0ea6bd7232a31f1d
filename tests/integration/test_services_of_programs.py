"""A service of several programs, as a user types it: deploy, status, logs, and one program by its name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.app import App, messages
from tests.support.lab import Lab, wait_for

OPTIONS = {"startsecs": 0, "stopwaitsecs": 5}
RUN = '#!/bin/bash\necho "$1 ${PROCESS_NUM}"\nexec sleep 100000\n'


@pytest.fixture(scope="module")
def shop(lab: Lab) -> Iterator[App]:
    app = App(lab, "shop")
    service = app.service
    del service["command"], service["program"]
    app.write(programs={
        "web": {"command": "./run.sh ${KIND}", "numprocs": 2, "variables": {"KIND": "web"},
                "program": dict(OPTIONS)},
        "worker": {"command": "./run.sh worker", "program": dict(OPTIONS)},
        "beat": {"command": "./run.sh beat", "hosts": ["*1"], "program": dict(OPTIONS)}})
    app.commit("shop-1", {"run.sh": RUN})
    yield app.deployed()


def pids(app: App, host: str) -> dict[str, int]:
    return {info["name"]: info["pid"] for info in app.lab[host].rpc.getAllProcessInfo()
            if info["group"].startswith("shop-") and info["statename"] == "RUNNING"}


def test_programs_run_on_their_hosts_and_status_has_a_line_for_each(shop: App) -> None:
    assert sorted(pids(shop, "web1")) == ["shop-beat", "shop-web_00", "shop-web_01", "shop-worker"]
    assert sorted(pids(shop, "web2")) == ["shop-web_00", "shop-web_01", "shop-worker"]
    run = shop.fab("status")
    assert run.code == 0, run
    row = next(event for event in run.events if event["event"] == "status" and event["host"] == "web1")
    assert row["state"] == "RUNNING" and row["pid"] in pids(shop, "web1").values()
    assert [(program["program"], len(program["processes"])) for program in row["programs"]] == [
        ("web", 2), ("worker", 1), ("beat", 1)]
    screen = shop.fab("status", format="plain").out
    lines = [line for line in screen.splitlines() if line.startswith("web2")]
    assert len(lines) == 2 and "shop:web" in lines[0] and "RUNNING 2/2" in lines[0] and "shop:worker" in lines[1]


def test_one_program_is_restarted_stopped_and_started_by_its_name(shop: App) -> None:
    before = pids(shop, "web1")
    assert shop.fab("restart", "shop:worker", "--host", "web1").code == 0
    after = pids(shop, "web1")
    assert {name for name in before if before[name] != after.get(name)} == {"shop-worker"}
    stop = shop.fab("stop", "shop:web,shop:beat", format="plain")
    assert "stop shop:web, shop:beat on test: web1 and web2" in stop.out, stop
    assert "shop:web is stopped on 2 hosts, shop:beat is stopped on 1 host, " in stop.out
    assert sorted(pids(shop, "web1")) == ["shop-worker"]
    status = shop.fab("status", "--host", "web1")
    assert status.code == 1 and "shop-web_00 is not running: STOPPED: fab start shop:web" in status.out
    start = shop.fab("start", "shop:web,shop:beat")
    assert start.code == 0 and start.finished["hosts"]["web2"]["shop"]["programs"] == ["web"], start
    assert start.of("started")[0]["programs"] == {"shop": ["web", "beat"]}
    assert pids(shop, "web1").keys() == before.keys()
    assert shop.deploy().finished["outcome"] == "unchanged"


@pytest.mark.long
def test_logs_of_one_program_come_from_each_of_its_processes(shop: App) -> None:
    def lines() -> list[tuple[str, str]]:
        run = shop.fab("logs", "shop:web", "--host", "web2")
        return sorted({(event["process"], event["line"]) for event in run.events if event["event"] == "log"})

    assert wait_for(lambda: len(lines()) >= 2 and lines(), "both to say their line") == [
        ("shop-web_00", "web 0"), ("shop-web_01", "web 1")]
    run_logs = [shop.fab("logs", name, "--deploy", "last", "--host", "web2") for name in ("shop", "shop:web")]
    assert [each["line"] for each in run_logs[0].of("log")] == [each["line"] for each in run_logs[1].of("log")] != []


@pytest.mark.parametrize(("args", "words"), [
    (("restart", "shop:wrker"), "service 'shop' has no program 'wrker'; did you mean 'worker'?"),
    (("deploy", "shop:web"), "'shop:web' names a program, and this command is about whole services: shop"),
    (("restart", "all:web"), "all means all programs of all services"),
    (("restart", "shp:web"), "there is no service 'shp'"),
    (("restart", "shop:beat", "--host", "web2"), "shop:beat does not run on web2")])
def test_program_that_cannot_be_meant_is_refused_in_words(shop: App, args: tuple[str, ...], words: str) -> None:
    run = shop.fab(*args)
    assert run.code == 2 and words in messages(run), run


def test_hosts_yaml_that_is_ahead_of_the_hosts_is_told_and_begins_nothing(shop: App) -> None:
    programs, running = shop.service["programs"], pids(shop, "web1")
    shop.write(programs={"web": {**programs["web"], "hosts": ["*1"]}, "beat": programs["beat"], "mail": {
        **programs["worker"], "hosts": ["*1"]}})
    run = shop.fab("restart", "shop")
    assert run.code == 2 and "not deployed yet:\nweb1: shop:mail" in messages(run), run
    assert "fab deploy shop" in messages(run)
    status = {row["host"]: row for row in shop.fab("status").of("status")}
    left = "is RUNNING, and hosts.yaml does not name it here any more: fab deploy shop"
    assert status["web1"]["oddities"] == ["shop:mail is not deployed yet: fab deploy shop", f"shop-worker {left}"]
    assert status["web2"]["oddities"] == [f"shop-web {left}", f"shop-worker {left}"]
    assert (status["web2"]["state"], status["web2"]["programs"]) == ("none", [])
    checks = [check["message"] for check in shop.fab("doctor", "--host", "web1").of("check")]
    assert "shop-worker was deployed here, and hosts.yaml does not name it here any more" in checks
    idle = shop.fab("restart", "all", "--host", "web2")
    assert idle.code == 2 and "shop does not run on web2" in messages(idle)
    assert shop.fab("stop", "shop", "--host", "web1").code == 0 and "shop-web_00" not in pids(shop, "web1")
    shop.write(programs=programs)
    assert shop.fab("start", "shop").code == 0 and pids(shop, "web1").keys() == running.keys()


@pytest.mark.long
def test_rollback_starts_the_programs_that_hosts_yaml_names_now(shop: App) -> None:
    """From several programs to one command and back: each version runs with the programs of today."""
    several, running = shop.service.pop("programs"), pids(shop, "web1").keys()
    shop.commit("shop-2")
    shop.write(command="./run.sh shop", program=dict(OPTIONS))
    assert shop.deploy("--host", "web1").code == 0
    assert shop.program("web1")["statename"] == "RUNNING" and not pids(shop, "web1")
    back = shop.fab("rollback", "shop", "--host", "web1")
    assert back.code == 0 and shop.program("web1")["statename"] == "RUNNING" and not pids(shop, "web1"), back
    for key in ("command", "program"):
        del shop.service[key]
    shop.write(programs=several)
    assert shop.deploy("--host", "web1").code == 0
    assert pids(shop, "web1").keys() == running and shop.program("web1")["statename"] == "absent"
    back = shop.fab("rollback", "shop", "--host", "web1")
    assert back.code == 0 and pids(shop, "web1").keys() == running, back
