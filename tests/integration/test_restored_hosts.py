"""Promise 3: not committed means previous. Whatever fails, every host goes back to exactly what it ran."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.app import CRASH, App, messages
from tests.integration.conftest import MakeApp
from tests.support.http_answers import answering
from tests.support.lab import Lab, git

# Stays up long enough to be RUNNING at startsecs=1, and never much longer: supervisord starts it again and again.
LOOP = '#!/bin/sh\necho "up for a moment"\nexec sleep 1.3\n'
QUICK = {"startsecs": 1, "stopwaitsecs": 5}


@pytest.fixture(scope="module")
def silent_port() -> Iterator[int]:
    """Bound, but nobody listens: refused, and nobody else can take it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


FAILURES = [
    pytest.param({"run.sh": CRASH}, {"program": QUICK}, ("verify", "it did not stay up"), id="it exits at once"),
    pytest.param({"run.sh": LOOP}, {"program": QUICK}, ("verify", "it did not stay up"),
                 id="promise 8: it crashes after startsecs, again and again"),
    pytest.param({"run.sh": "#!/no/such/shell\n"}, {"program": QUICK}, ("verify", "it did not stay up"),
                 id="its interpreter is missing"),
    pytest.param({"unhealthy": ""}, {"health": {"command": "echo not well; test ! -e unhealthy", "timeout": 0.3}},
                 ("health", "not healthy within 0.3 s: `echo not well"), id="health command"),
    pytest.param({}, {"health": {"http": "http://127.0.0.1:{sick}/healthz", "timeout": 0.3}},
                 ("health", "503"), id="health http"),
    pytest.param({}, {"health": {"http": "http://127.0.0.1:{silent}/", "timeout": 0.3}},
                 ("health", "refused"), id="health http, nobody listens"),
    pytest.param({}, {"health": {"tcp": "127.0.0.1:{silent}", "timeout": 0.3}}, ("health", "refused"), id="health tcp"),
    pytest.param({}, {"build": "exit 3"}, ("build", "exit status 3"), id="build"),
    pytest.param({}, {"build": "sleep 100", "build_timeout": 0.3}, ("build", "timed out after 0.3 s"),
                 id="build time-out"),
    pytest.param({}, {"program": {"startsecs": 0, "stdout_logfile": "/no-such/log"}}, ("program", "/no-such"),
                 id="supervisord refuses the program file"),
]


@pytest.mark.promise(3)
@pytest.mark.parametrize(("files", "service", "failure"), FAILURES)
@pytest.mark.rows(3)
def test_failed_deploy_restores_files_program_and_state(shared: App, silent_port: int, files: dict[str, str],
                                                        service: dict[str, Any], failure: tuple[str, str]) -> None:
    """Commit, working tree, build, program file, environment file, state: as they were."""
    before, service_before = shared.state("web1"), dict(shared.service)
    with answering(503) as sick:
        health = {key: value.format(sick=sick, silent=silent_port) if isinstance(value, str) else value
                  for key, value in service.get("health", {}).items()}
        # A new variable and option, so that both files of ours have something to go back from.
        shared.service.update(variables={"NEW": "1"})
        shared.write(**{**service, **({"health": health} if health else {})})
        shared.commit(f"{shared.name}-bad", files)
        run = shared.deploy("--host", "web1")
    shared.services[shared.name] = service_before
    git(shared.repo.with_suffix(""), "reset", "--quiet", "--hard", "HEAD~1")
    assert run.code == 1, run
    assert run.outcome("web1", shared.name) == "restored"
    failed = [e for e in run.events if e["event"] == "step_finished" and not e["ok"] and e["step"] == failure[0]]
    assert failed and failure[1] in failed[0]["why"], (run.events, failed)
    assert shared.state("web1") == before


@pytest.mark.promise(3)
def test_health_check_of_each_kind_passes_for_a_healthy_program(make_app: MakeApp, lab: Lab) -> None:
    """The other side of the table above: http, tcp and command, with the variables in them."""
    with answering(204) as port:
        app = make_app(health={"http": "http://127.0.0.1:${ASKED}/${RUN_MODE}", "timeout": 20},
                       variables={"ASKED": str(port)})
        assert app.deploy("--host", "web1").code == 0
        app.write(health={"tcp": "127.0.0.1:${ASKED}", "timeout": 20})
        assert app.deploy("--host", "web1", "--force").code == 0
        app.write(health={"command": f'test "$ASKED $RUN_MODE" = "{port} test"', "timeout": 20})
        run = app.deploy("--host", "web1", "--force")
        assert run.code == 0, run
        assert run.steps("web1")[-1] == "health"


@pytest.mark.promise(3)
def test_unhealthy_host_takes_the_healthy_one_back(shared: App) -> None:
    before = shared.states()
    was = dict(shared.service)
    shared.write(health={"command": 'test "$HOST" != web2', "timeout": 0.3})
    shared.commit(f"{shared.name}-bad")
    run = shared.deploy()
    shared.services[shared.name] = was
    assert run.code == 1
    assert [run.outcome(host, shared.name) for host in shared.hosts] == ["restored"] * 2
    assert "web2" in messages(run)
    assert shared.states() == before


@pytest.mark.promise(3)
@pytest.mark.parametrize(("files", "service"), [
    pytest.param({}, {"build": "exit 1"}, id="build"),
    pytest.param({"run.sh": CRASH}, {"program": QUICK}, id="start"),
    pytest.param({}, {"health": {"command": "false", "timeout": 0.2}}, id="health"),
    pytest.param({}, {"program": {"startsecs": 0, "stdout_logfile": "/no-such/log"}}, id="program file"),
])
@pytest.mark.rows(3)
def test_failed_first_deploy_leaves_nothing(make_app: MakeApp, files: dict[str, str], service: dict[str, Any]) -> None:
    app = make_app(**service)
    app.commit(f"{app.name}-1", files)
    before = app.states()
    assert before[0]["directory"] is None and before[0]["state"] == "absent"
    run = app.deploy("--host", "web1")
    assert run.code == 1, run
    assert app.states() == before
    assert not app.lab["web1"].directory(app.name).exists()
    assert run.finished["hosts"]["web1"][app.name]["now"] is None
    assert app.results("web1") == ["restored"]


@pytest.mark.promise(3)
def test_failed_first_deploy_keeps_logs_that_were_there(app: App, lab: Lab) -> None:
    """A directory with logs alone, as a service that was removed by hand leaves it."""
    log = lab["web1"].directory(app.name) / "logs" / f"{app.name}.log"
    log.parent.mkdir(parents=True)
    log.write_text("of old\n")
    app.write(build="false")
    assert app.deploy("--host", "web1").code == 1
    assert log.read_text() == "of old\n"
    assert [path.name for path in log.parent.parent.iterdir()] == ["logs"]


@pytest.fixture
def own(make_app: MakeApp) -> App:
    return make_app().deployed("--host", "web1")


@pytest.mark.promise(3)
def test_failed_deploy_leaves_a_stopped_program_stopped(own: App, lab: Lab) -> None:
    assert own.fab("stop", own.name, "--host", "web1").code == 0
    before = own.state("web1")
    own.write(health={"command": "false", "timeout": 0.2}, variables={"NEW": "1"})
    own.commit(f"{own.name}-2")
    run = own.deploy("--host", "web1")
    assert run.code == 1, run
    assert before["state"] == "STOPPED"
    assert own.state("web1") == before


@pytest.mark.promise(3)
def test_failed_deploy_puts_a_clone_made_by_hand_back_on_its_branch(app: App, lab: Lab) -> None:
    directory = lab["web1"].directory(app.name)
    git(lab.folder, "clone", "--quiet", str(app.repo), str(directory))
    (directory / "notes.txt").write_text("untracked\n")
    shutil.copy(directory / "source", directory / "built")
    before = app.state("web1")
    app.write(health={"command": "false", "timeout": 0.2})
    app.commit(f"{app.name}-2")
    assert app.deploy("--host", "web1").code == 1
    assert before["branch"] == "main"
    assert app.state("web1") == before


@pytest.mark.promise(3)
def test_failed_deploy_restores_a_program_file_changed_by_hand(own: App) -> None:
    file = own.program_file("web1")
    file.write_text(file.read_text() + "; a word by hand\n")
    file.chmod(0o640)
    own.env_file("web1").write_text("export BY_HAND=1\n")
    before = own.state("web1")
    own.write(health={"command": "false", "timeout": 0.2})
    own.commit(f"{own.name}-2")
    assert own.deploy("--host", "web1").code == 1
    assert own.state("web1") == before
