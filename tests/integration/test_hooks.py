"""Hooks: before anything restarts on any host, and once all are healthy; with the program's environment and more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.app import App, read, why
from tests.integration.conftest import MakeApp
from tests.support.lab import PROGRAM_USER, Lab, Run

SECRET = "hunter2-MARK4711 it's"
HOOKS: dict[str, Any] = {
    "before_activate": [
        {"run": 'echo "$REVISION" >>"$GATE/migrated-$HOST"', "once": True},
        'env >"$GATE/environ-$HOST"; pwd >"$GATE/pwd-$HOST"',
        'cp built "$GATE/built-$HOST"',
    ],
    "after_activate": {"run": [
        '[[ -n $HOST ]] && echo after >>"$GATE/after-$HOST"',
        'if test -e "$GATE/fail-after"; then echo "cannot notify: $TOKEN"; exit 4; fi',
    ]},
}


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app(hooks=HOOKS, secrets=["TOKEN"])


@pytest.fixture(scope="module")
def deployed(lab: Lab) -> Iterator[App]:
    """For tests that leave it in its version."""
    app = App(lab, "failing", hooks=HOOKS, secrets=["TOKEN"])
    assert deploy(app).code == 0
    yield app
    app.remove()


def deploy(app: App, *args: str) -> Run:
    return app.deploy(*args, TOKEN=SECRET)


def traces(app: App, kind: str) -> dict[str, str]:
    return {path.name.rpartition("-")[2]: path.read_text() for path in sorted(app.gate.glob(f"{kind}-web*"))}


def test_hooks_run_in_their_phase_with_the_programs_environment(own: App) -> None:
    runs = [deploy(own)]
    assert runs[0].code == 0, runs[0]
    assert "\nPREVIOUS=\n" in traces(own, "environ")["web1"]
    first = own.commits()[0]
    assert traces(own, "migrated") == {"web1": first + "\n"}
    second = own.commit(f"{own.name}-2")
    runs.append(deploy(own))
    assert runs[1].code == 0, runs[1]
    assert traces(own, "migrated") == {"web1": f"{first}\n{second}\n"}
    assert traces(own, "after") == {"web1": "after\n" * 2, "web2": "after\n" * 2}
    for host in own.hosts:
        got = dict(line.split("=", 1) for line in traces(own, "environ")[host].splitlines() if "=" in line)
        assert {name: got[name] for name in ("REVISION", "PREVIOUS", "ENVIRONMENT", "HOST", "RUN_MODE", "TOKEN", "GATE")
                } == {"REVISION": second, "PREVIOUS": first, "ENVIRONMENT": "test", "HOST": host, "RUN_MODE": "test",
                      "TOKEN": SECRET, "GATE": str(own.gate)}
        assert traces(own, "pwd")[host].strip() == str(own.lab[host].directory(own.name))
        assert traces(own, "built")[host].strip() == f"{own.name}-2"
    for run in runs:
        in_order(run)
        assert SECRET not in run.out + run.err


def in_order(run: Run) -> None:
    """No host goes on before all are through: built, then before_activate, then healthy, then after_activate."""
    order = [(e["event"], e["step"]) for e in run.events if e["event"].startswith("step_")]

    def last(step: str) -> int:
        return len(order) - 1 - order[::-1].index(("step_finished", step))

    for earlier, later in (("build", "before_activate"), ("before_activate", "program"), ("verify", "after_activate")):
        assert last(earlier) < order.index(("step_started", later)), (earlier, later)


def test_hooks_run_only_where_the_version_changes(own: App) -> None:
    """In deploy and rollback; not when there is nothing to do, not in stop and restart."""
    assert deploy(own.alone()).code == 0
    own.commit(f"{own.name}-2")
    assert deploy(own).code == 0
    before = traces(own, "migrated"), traces(own, "after")
    assert deploy(own).finished["outcome"] == "unchanged"
    for command in ("restart", "stop"):
        assert own.fab(command, own.name).code == 0
    assert deploy(own).finished["outcome"] == "committed"       # only started
    assert (traces(own, "migrated"), traces(own, "after")) == before
    assert own.fab("rollback", own.name, TOKEN=SECRET).code == 0
    assert traces(own, "migrated")["web1"].splitlines()[-1] == own.commits()[0]
    assert len(traces(own, "after")["web1"].splitlines()) == 3


@pytest.mark.long
@pytest.mark.parametrize("on", ["client", "host"])
def test_host_is_out_of_service_only_while_all_of_its_programs_are_stopped(make_app: MakeApp, on: str) -> None:
    """Also where a command fails, in whichever step: what was stopped before is not taken into service."""
    own = make_app(secrets=["TOKEN"], hooks={name: {
        "run": f'echo {name} "$HOST $TOKEN" >>"$GATE/record"; test ! -e "$GATE/no-{name}"', "on": on}
        for name in ("drain", "undrain")}).alone()
    program = {"startsecs": 0, "stopwaitsecs": 5, **PROGRAM_USER}
    del own.service["command"], own.service["program"]
    own.write(programs={name: {"command": f"sh -c 'test ! -e $GATE/no-{name} && exec sleep 100000'", "program": program}
                        for name in ("web", "worker")})
    assert deploy(own).code == 0
    ran(own)

    def hooks_of(*words: str, fails: str = "", code: int = 0) -> list[str]:
        gate = own.gate / f"no-{fails}"
        gate.touch()
        run = own.fab(words[0], own.name + "".join(words[1:]), TOKEN=SECRET)
        gate.unlink()
        assert run.code == code, run
        return ran(own)

    around = ["drain", "undrain"]
    assert hooks_of("restart", ":web") == hooks_of("stop", ":worker") == around
    assert hooks_of("start", ":worker", fails="worker", code=1) == around
    assert hooks_of("stop", ":web") == ["drain"]
    assert hooks_of("start", fails="undrain", code=1) == ["undrain", "drain"]
    own.commit(f"{own.name}-2")
    assert hooks_of("deploy", fails="web", code=1) == []
    assert hooks_of("start", ":web") == ["undrain"]
    assert hooks_of("start", ":worker") == around
    assert hooks_of("stop", ":worker", fails="undrain", code=3)[:2] == around
    assert hooks_of("recover")[-1:] == ["undrain"]
    assert hooks_of("stop", fails="drain", code=1) == around
    assert hooks_of("stop") == ["drain"]
    assert hooks_of("deploy") == ["undrain"]


def ran(own: App) -> list[str]:
    """The hooks that ran since the last look."""
    record = own.gate / "record"
    lines = record.read_text().splitlines() if record.exists() else []
    record.unlink(missing_ok=True)
    assert all(line.endswith(f" web1 {SECRET}") for line in lines), lines
    return [line.split()[0] for line in lines]


@pytest.mark.long
def test_hook_with_once_runs_on_the_lowest_host_that_changes(own: App) -> None:
    """One host was deployed before: the migration runs again with the others, on the lowest-named of them."""
    assert deploy(own, "--host", "web1").code == 0
    assert deploy(own).code == 0
    first = own.commits()[0]
    assert traces(own, "migrated") == {"web1": f"{first}\n", "web2": f"{first}\n"}


@pytest.mark.promise(2)
def test_failed_before_activate_hook_restarts_nothing(deployed: App) -> None:
    own = deployed
    before, pids = own.states(), own.pids()
    own.commit(f"{own.name}-before")
    own.write(hooks={**HOOKS, "before_activate": [{"run": 'echo "no such table: $TOKEN"; exit 3', "once": True}]})
    run = deploy(own)
    own.write(hooks=HOOKS)
    assert run.code == 1, run
    assert "exit status 3" in why(run, "web1", own.name)
    assert "no such table: ***" in [e["line"] for e in run.events if e["event"] == "output"]
    assert (own.states(), own.pids()) == (before, pids)
    quiet(own, run)


@pytest.mark.promise(3)
def test_failed_after_activate_hook_restores_every_host(deployed: App) -> None:
    """On every host; and no hook runs on the way back."""
    own = deployed
    before, pids = own.states(), own.pids()
    own.commit(f"{own.name}-after")
    (own.gate / "fail-after").touch()
    migrated = traces(own, "migrated")["web1"]
    run = deploy(own, "--verbose")
    (own.gate / "fail-after").unlink()
    assert run.code == 1, run
    assert "cannot notify: ***" in run.out
    assert own.states() == before
    assert not set(own.pids()) & set(pids)
    quiet(own, run)
    assert len(traces(own, "migrated")["web1"].splitlines()) == len(migrated.splitlines()) + 1


def quiet(own: App, run: Run) -> None:
    assert "MARK4711" not in run.out + run.err
    for host in own.hosts:
        for path in (own.lab[host].root / ".fabvisor").rglob("*"):
            assert path.name == "env" or path.is_dir() or "MARK4711" not in read(str(path)), path


def test_hook_that_hangs_is_ended_after_its_timeout(make_app: MakeApp) -> None:
    own = make_app(build_timeout=1, hooks={"before_activate": 'echo $$ >"$GATE/pid-$HOST"; sleep 1000'})
    run = own.deploy("--host", "web1")
    assert run.code == 1, run
    assert "timed out" in why(run, "web1", own.name)
    assert not Path(f"/proc/{traces(own, 'pid')['web1'].strip()}").exists()
    assert not own.lab["web1"].directory(own.name).exists()
