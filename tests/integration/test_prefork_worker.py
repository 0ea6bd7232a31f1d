"""A real prefork worker, celery with the file system as its broker: no job is lost at a deploy."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.app import App
from tests.integration.conftest import MakeApp
from tests.support.lab import wait_for

# A job waits for the test, and notes how often it was begun, by which version, and that it was done.
JOBS = """\
import os, time
from celery import Celery

gate = os.environ["GATE"]
folders = {f"data_folder_{way}": gate + "/queue" for way in ("in", "out")}
app = Celery("jobs", broker="filesystem://", broker_transport_options={**folders, "control_folder": gate + "/control"})


@app.task
def job(name):
    version = open("source").read().strip()
    note(f"{name} begun by {version}")
    while not os.path.exists(f"{gate}/end-{name}"):
        time.sleep(0.05)
    note(f"{name} done by {version}")


def note(line):
    with open(gate + "/notes", "a") as file:
        file.write(line + "\\n")
"""
BUILD = "test -d .venv || { python3 -m venv .venv && .venv/bin/pip install --quiet celery; }"
COMMAND = ".venv/bin/celery -A jobs worker --concurrency 2 --without-gossip --without-mingle"


@pytest.fixture
def worker(make_app: MakeApp) -> App:
    """Deployed to one host in its first version."""
    app = make_app(command=COMMAND, build=BUILD, program={"startsecs": 1, "stopwaitsecs": 90})
    for folder in ("queue", "control"):
        (app.gate / folder).mkdir()
    app.alone().commit(f"{app.name}-1", {"jobs.py": JOBS, ".gitignore": ".venv\n__pycache__\n"})
    return app.deployed()


def send(app: App, name: str) -> None:
    """Have a job begun."""
    folder = app.lab["web1"].directory(app.name)
    order = [folder / ".venv/bin/python", "-c", f"import jobs; jobs.job.delay('{name}')"]
    subprocess.run(order, cwd=folder, check=True, env={"GATE": str(app.gate)}, timeout=60)
    wait_for(lambda: any(line.startswith(f"{name} begun") for line in notes(app)), f"job {name}")


def notes(app: App) -> list[str]:
    path = Path(app.gate / "notes")
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.long
@pytest.mark.promise(11)
def test_job_of_celery_is_done_once_though_its_worker_is_deployed_meanwhile(worker: App) -> None:
    send(worker, "first")
    worker.commit(f"{worker.name}-2")
    client = worker.start("deploy", worker.name)
    waits = client.wait_event(lambda event: event.get("state") == "waiting", "the deploy to wait for the job")
    assert waits["detail"] == f"for {worker.name} to stop (up to 90 s)"
    assert notes(worker) == [f"first begun by {worker.name}-1"]
    (worker.gate / "end-first").touch()
    run = client.end()
    assert run.code == 0, run
    send(worker, "second")
    (worker.gate / "end-second").touch()
    wait_for(lambda: len(notes(worker)) > 3, "the second job")
    old, new = f"{worker.name}-1", f"{worker.name}-2"
    assert notes(worker) == [
        f"first begun by {old}", f"first done by {old}", f"second begun by {new}", f"second done by {new}"]
