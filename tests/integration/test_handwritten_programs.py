"""Promise 11: a program file that a person wrote is kept, and refused while a deploy would lose some of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.app import App, messages
from tests.support.lab import wait_for

BIN = Path(sys.executable).parent               # supervisorctl is there
BY_HAND = """\
; ours since 2019
[program:{name}]
command=/bin/sleep 100000
environment=DATABASE_URL="postgres://u:pa55word@db/x",RUN_MODE="old"
umask=027
startsecs=0
"""


def put(app: App) -> bytes:
    """On web1, by hand, and running."""
    file = app.program_file("web1")
    file.write_text(BY_HAND.format(name=app.name))
    file.chmod(0o640)
    app.lab["web1"].rpc.reloadConfig()
    app.lab["web1"].rpc.addProcessGroup(app.name)
    wait_for(lambda: app.pid("web1"), "the program by hand to run")
    return file.read_bytes()


@pytest.mark.promise(11)
def test_handwritten_program_is_refused_named_kept_and_comes_back(app: App) -> None:
    app.alone()
    text, pid, file = put(app), app.pid("web1"), app.program_file("web1")
    words = f"{file} was written by hand, and has what hosts.yaml does not set: umask, variable DATABASE_URL"
    plan, deploy, status = app.fab("plan", app.name), app.deploy(), app.fab("status")
    assert (plan.code, deploy.code, status.code) == (2, 2, 1)
    for run in (plan, deploy, status):
        assert words in run.out.replace("\\n", "\n"), run
        assert "pa55word" not in run.out + run.err
    assert "--force" in messages(deploy) and "before-fabvisor.conf" in messages(deploy)
    assert (app.pid("web1"), file.read_bytes()) == (pid, text)
    assert not app.lab["web1"].directory(app.name).exists()

    app.write(health={"command": "exit 1", "timeout": 0.1})
    assert app.deploy("--force").code == 1
    assert (file.read_bytes(), oct(file.stat().st_mode & 0o777)) == (text, "0o640")
    assert wait_for(lambda: app.pid("web1"), "the program by hand to run again")

    app.write(health={"command": "true"}, program={"startsecs": 0, "umask": "027"},
              variables={"DATABASE_URL": "postgres://other"})
    assert app.deploy("--host", "web1").code == 0
    kept = app.lab["web1"].root / ".fabvisor" / app.name / "before-fabvisor.conf"
    assert (kept.read_bytes(), oct(kept.stat().st_mode & 0o777)) == (text, "0o600")
    assert app.deploy("--host", "web1").outcome("web1", app.name) == "unchanged"
    assert kept.exists()

    rollback = app.fab("rollback", app.name, "--host", "web1")
    assert rollback.code == 2 and str(kept) in messages(rollback), rollback
    command = next(line for line in messages(rollback).splitlines() if str(kept) in line).partition("web1: ")[2]
    pid = app.pid("web1")
    subprocess.run(command, shell=True, check=True, env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
    assert file.read_bytes() == text
    assert wait_for(lambda: app.pid("web1") not in (None, 0, pid), "the program by hand to run once more")
