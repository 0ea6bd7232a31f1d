"""Promise 7: a secret is on the host in the 0600 environment file only, and reaches the program exactly."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.app import BUILD, HEALTH, App, messages
from tests.integration.conftest import MakeApp
from tests.inventory.test_secret_sources import EXACT
from tests.support.lab import wait_for

MARK = "MARK4711"
GIVEN = f"{MARK} it's $(id) \"%(here)s\" \\"
KEPT = f"~/{MARK} ä\n{MARK}: second line\n"
FILE = f"-----BEGIN {MARK}-----\n{MARK}/abc+def=\n-----END {MARK}-----\n"
# Says all it knows, and fails.
TELLTALE = """\
#!/bin/bash
env | grep -E "GIVEN|KEPT|FILE"
echo "$FILE" >&2
echo "file=$FILE kept=$KEPT given=$GIVEN"
exit 7
"""


@pytest.fixture
def own(make_app: MakeApp) -> App:
    app = make_app(secrets=["GIVEN", "KEPT", "FILE"], health=HEALTH,
                   build=BUILD + 'test -z "${GIVEN+x}${KEPT+x}${FILE+x}"\n').alone()
    keep(app, f"KEPT='{KEPT}'\n")
    (app.gate / ".secrets/key").write_text(FILE)
    return app


def keep(app: App, text: str) -> None:
    folder = app.gate / ".secrets"
    folder.mkdir()
    (folder / "test.env").write_bytes(text.encode())
    (folder / "test.env").chmod(0o600)


def environ(app: App) -> dict[str, str]:
    return {"GIVEN": GIVEN, "FILE": str(app.gate / ".secrets/key")}


@contextmanager
def watched(app: App) -> Iterator[list[str]]:
    """The places that show the mark meanwhile: arguments of new processes, and our files on hosts, over and over."""
    seen: list[str] = []
    there = {*Path("/proc").glob("[0-9]*/cmdline")}
    rounds, over = [0], threading.Event()

    def look() -> None:
        while not over.is_set():
            paths = [*({*Path("/proc").glob("[0-9]*/cmdline")} - there), *ours(app)]
            seen.extend(str(path) for path in paths if MARK in content(path))
            rounds[0] += 1
            over.wait(0.02)         # without a processor of its own

    thread = threading.Thread(target=look)
    thread.start()
    try:
        wait_for(lambda: rounds[0], "the first look")
        yield seen
    finally:
        over.set()
        thread.join()


def ours(app: App) -> list[Path]:
    """All that we keep on the hosts but environment files, which lie there as they are, or to be put back."""
    folders = [app.lab[host].root / name for host in app.hosts for name in (".fabvisor", "conf.d")]
    # os.walk passes over a folder that a deploy takes away meanwhile, where rglob would end the look.
    found = [Path(folder, name) for root in folders for folder, _, names in os.walk(root) for name in names]
    return [path for path in found if path.name not in ("env", ".env.fabvisor.new") and path.is_file()]


def content(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


@pytest.mark.promise(7)
def test_secret_appears_nowhere_but_in_the_environment_file(own: App) -> None:
    """While it works, while it fails, and in whatever is told of it."""
    with watched(own) as seen:
        runs = [own.deploy("--verbose", **environ(own))]
        assert runs[0].code == 0, runs[0]
        for host in own.hosts:
            got = own.environ(host)
            assert (got["GIVEN"], got["KEPT"], got["FILE"]) == (GIVEN, KEPT, FILE)
            assert MARK in own.env_file(host).read_text() and own.env_file(host).stat().st_mode & 0o777 == 0o600
        pids = own.pids()
        own.lab.commit(own.name, {"run.sh": TELLTALE, "source": f"{own.name}-2"})
        own.shut("hold", f"{own.name}-2")               # however slowly it dies, it is not taken for healthy
        for format in ("json", "terminal"):
            runs.append(own.deploy("--verbose", format=format, **environ(own)))
            assert runs[-1].code == 1, runs[-1]
            assert "given=***" in runs[-1].out
        for command in ("logs", "restart"):
            runs.append(own.fab(command, own.name, "--verbose"))
        runs.append(own.fab("status", "--verbose"))
        assert "given=***" in runs[3].out
    assert seen == []
    assert [run.code for run in runs[3:]] == [0, 0, 0]
    assert [MARK for run in runs if MARK in run.out + run.err] == []
    assert own.pids() != pids
    logs = [log for host in own.hosts for log in (own.lab[host].root / ".fabvisor/runs").iterdir()]
    assert any("given=***" in content(log) for log in logs)
    assert [host for host in own.hosts if MARK in (own.lab[host].root / "supervisord.log").read_text()] == []


@pytest.mark.promise(7)
def test_killed_executor_leaves_no_secret(own: App) -> None:
    assert own.deploy(**environ(own)).code == 0
    with watched(own) as seen:
        client = own.begin("hold", "checking", f"{own.name}-2", **environ(own))
        own.kill_host_side()
        client.end()
        own.open_all()
        assert own.fab("recover", own.name).code == 0
    assert seen == []


def test_changed_secret_restarts_the_program(own: App) -> None:
    assert own.deploy(**environ(own)).code == 0
    pids = own.pids()
    assert own.deploy(**environ(own)).finished["outcome"] == "unchanged"
    assert own.pids() == pids
    assert own.deploy(**{**environ(own), "GIVEN": "another"}).finished["outcome"] == "committed"
    assert not set(own.pids()) & set(pids)
    assert [own.environ(host)["GIVEN"] for host in own.hosts] == ["another"]


def test_secret_of_any_value_reaches_the_program_exactly(make_app: MakeApp) -> None:
    given = {f"GIVEN{number}": value for number, value in enumerate([*EXACT, "x" * 100_000])}
    kept = {f"KEPT{number}": value for number, value in enumerate(EXACT)}
    app = make_app(secrets=[*given, *kept]).alone()
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in kept.items()}
    keep(app, "".join(f"{name}='{value}'\n" for name, value in quoted.items()))
    run = app.deploy(**given)
    assert run.code == 0, run
    for host in app.hosts:
        got = app.environ(host)
        assert {name: got[name] for name in (*given, *kept)} == {**given, **kept}


@pytest.mark.promise(9)
def test_command_for_secrets_runs_for_the_commands_that_need_them_and_fails_before_any_host(own: App) -> None:
    own.environment = {"secrets_from": f"echo >>{own.gate}/runs; echo {MARK} >&2; cat {own.gate}/$OUTPUT.env"}
    own.write(secrets={"GIVEN": "SHOP_GIVEN", "KEPT": None})
    (own.gate / "good.env").write_text("SHOP_GIVEN=printed\nKEPT='it\\'s'\n")
    contacted = [own.lab[host].sshd.log for host in own.hosts]
    failed = own.deploy("--verbose", OUTPUT="none")
    assert failed.code == 2 and "secrets_from: the command failed: exit status 1" in messages(failed)
    assert [own.lab[host].sshd.log for host in own.hosts] == contacted, "a host was contacted"
    assert own.deploy(OUTPUT="good").code == 0
    assert [(own.environ(host)["GIVEN"], own.environ(host)["KEPT"]) for host in own.hosts] == [("printed", "it's")]
    assert own.deploy(SHOP_GIVEN="printed", KEPT="it's", OUTPUT="none").finished["outcome"] == "unchanged"
    assert own.fab("status").code == 0
    assert (own.gate / "runs").read_text() == "\n" * 2
    assert MARK not in failed.out + failed.err


@pytest.mark.promise(9)
@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_missing_secret_is_refused_before_any_host(own: App, command: str) -> None:
    contacted = [own.lab[host].sshd.log for host in own.hosts]
    run = own.fab(command, own.name, KEPT=GIVEN)
    assert run.code == 2, run
    assert "FILE" in messages(run) and "GIVEN" in messages(run) and "KEPT" not in messages(run)
    assert MARK not in run.out + run.err
    assert [own.lab[host].sshd.log for host in own.hosts] == contacted, "a host was contacted"
    gitlab = own.fab(command, own.name, GITLAB_CI="true", CI_COMMIT_REF_PROTECTED="false", CI_COMMIT_REF_NAME="topic")
    assert "topic is not: protect it" in messages(gitlab)


def test_commands_that_need_no_secret_ask_for_none(own: App) -> None:
    for command in (["status"], ["restart", own.name]):
        assert "secret" not in messages(own.fab(*command))
