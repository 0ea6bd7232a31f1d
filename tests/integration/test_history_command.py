"""fab history: one row a deploy, whatever became of it, and hosts apart where they differ."""

from __future__ import annotations

import time

from tests.integration.app import App
from tests.integration.conftest import MakeApp
from tests.support.lab import wait_for


def rows(app: App, *args: str) -> list[tuple[str, ...]]:
    run = app.fab("history", app.name, *args)
    assert run.code == 0, run
    told = [e for e in run.events if e["event"] == "history"]
    assert all(e["by"] and e["deploy"] and e["at"].endswith("Z") for e in told)
    deploys = list(dict.fromkeys(e["deploy"] for e in told))
    return [(e["command"], e["host"], e["result"])
            for e in sorted(told, key=lambda e: (deploys.index(e["deploy"]), e["host"]))]


def next_second() -> None:
    """Deploys of one second are told apart by their whole ids, and those leave no room for all columns."""
    now = int(time.time())
    wait_for(lambda: int(time.time()) != now, "the next second")


def test_history_has_one_row_a_deploy(make_app: MakeApp) -> None:
    app = make_app().deployed()
    one = app.commits()[0]
    two = app.commit(f"{app.name}-2")
    next_second()
    app.deployed("--host", "web1")
    next_second()
    app.commit(f"{app.name}-bad")
    app.shut("fail-web2", f"{app.name}-bad")
    failed = app.deploy()
    assert failed.code == 1
    plans = failed.of("plan")
    assert len(plans) == 2 and all(plan["seconds"]["build"] > 0 for plan in plans), "how long it took last time"
    before = app.states()
    assert rows(app) == [("deploy", "web1", "committed"), ("deploy", "web2", "committed"),
                         ("deploy", "web1", "committed"),
                         ("deploy", "web1", "restored"), ("deploy", "web2", "restored")]
    assert rows(app, "--lines", "1") == [("deploy", "web1", "restored"), ("deploy", "web2", "restored")]
    assert rows(app, "--host", "web2", "--lines", "1") == [("deploy", "web2", "restored")]
    assert app.states() == before
    screen = app.fab("history", app.name, format="plain").out.splitlines()
    assert screen[0].split() == ["deploy", "when", "command", "by", "commit", "result", "hosts"]
    table = [line for line in screen[1:] if not line.startswith(" ")]
    assert len(table) == 3 and "several  →" in table[2] and table[2].endswith("went back  all")
    assert table[0].endswith("deployed   all") and table[1].endswith("deployed   web1")
    assert one[:8] in table[0] and f"{one[:8]} → {two[:8]}" in table[1]
    assert any("exit status 9" in line for line in screen)


def test_history_shows_the_other_hosts_when_one_is_unreachable(make_app: MakeApp) -> None:
    app = make_app().deployed("--host", "web2")
    app.settings = {"web1": {"port": 1}}
    app.write()
    run = app.fab("history", app.name)
    assert run.code == 75
    assert [e["host"] for e in run.events if e["event"] == "history"] == ["web2"]


def test_history_says_so_when_nothing_was_deployed(app: App) -> None:
    run = app.fab("history", app.name, format="plain")
    assert (run.code, run.out) == (0, "nothing was deployed yet\n")
