"""docs/recipes.md: each hosts.yaml of the page is deployed, with the repositories, hosts and ports of this machine."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.lab import Lab, Run, wait_for
from tests.support.pages import CHECKOUT, blocks, section
from tests.support.sshd import free_port

PAGE = (CHECKOUT / "docs/recipes.md").read_text()
NAMES = itertools.count(1)


class Recipe:
    """One recipe, in a repository with these files. Each host of the page is one of the lab's, with a port of its own.
    """

    def __init__(self, lab: Lab, folder: Path, heading: str, files: dict[str, str]) -> None:
        self.lab = lab
        (text,) = blocks("yaml", section(heading, PAGE))
        data = yaml.safe_load(text)
        ((self.name, service),) = data["services"].items()
        service["repo"] = str(lab.repository(f"{self.name}{next(NAMES)}", files))
        production = data["environments"]["production"]
        self.ports = {host: str(free_port()) for host in production["hosts"]}
        production["hosts"] = {host: lab[host.partition(".")[0]].settings(variables={"PORT": port})
                               for host, port in self.ports.items()}
        self.inventory = folder / "hosts.yaml"
        self.inventory.write_text(yaml.safe_dump(data))

    def fab(self, *args: str, **env: str) -> Run:
        return self.lab.fab(*args, FAB_INVENTORY=str(self.inventory), FAB_ENV="production", **env)

    def deployed(self, **env: str) -> None:
        run = self.fab("deploy", self.name, **env)
        assert run.code == 0, run
        status = self.fab("status")
        assert status.code == 0, status

    def running(self, host: str) -> list[str]:
        return sorted(info["name"] for info in self.lab[host].rpc.getAllProcessInfo()
                      if info["group"].split("-")[0] == self.name and info["statename"] == "RUNNING")

    def answer(self, host: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[host]}/", timeout=10) as answer:
            return str(answer.read().decode())


def has_stopped(rpc: Any, group: str) -> bool:
    return not any(info["group"] == group and info["statename"] == "STOPPING" for info in rpc.getAllProcessInfo())


@pytest.fixture
def clean(lab: Lab) -> Iterator[Lab]:
    """The lab's hosts, afterwards without the programs of the recipe."""
    before = {name: {info["group"] for info in lab[name].rpc.getAllProcessInfo()} for name in lab.hosts}
    yield lab
    for name in lab.hosts:
        rpc = lab[name].rpc
        for info in rpc.getAllProcessInfo():
            if info["group"] not in before[name]:
                rpc.stopProcess(f"{info['group']}:{info['name']}", False)
                with contextlib.suppress(ProcessLookupError):       # it may have stopped already
                    os.kill(info["pid"], signal.SIGKILL)            # a worker would take its time
        for group in {info["group"] for info in rpc.getAllProcessInfo()} - before[name]:
            rpc.stopProcessGroup(group)
            wait_for(partial(has_stopped, rpc, group), f"{group} to stop")
            rpc.removeProcessGroup(group)
            (lab[name].root / "conf.d" / f"{group.split('-')[0]}.conf").unlink(missing_ok=True)


def test_procfile_of_the_recipes_is_deployed(clean: Lab, tmp_path: Path) -> None:
    run = "#!/bin/sh\necho $0 $* $QUEUE $PROCESS_NUM\nexec sleep 100000\n"
    recipe = Recipe(clean, tmp_path, "A Procfile", {
        "release.sh": "#!/bin/sh\ntouch released\n", "server.sh": run, "jobs/worker.sh": run,
        ".gitignore": "released\n"})
    recipe.deployed()
    assert recipe.running("web1") == ["blog-web", "blog-worker_00", "blog-worker_01"]
    assert (clean["web1"].directory("blog") / "released").exists()
    log = clean["web1"].directory("blog") / "logs/blog-worker_01.log"
    wait_for(lambda: log.read_text() == "./worker.sh mail 1\n", "its line")


SERVER = """
const server = require("http").createServer((asked, answer) => answer.end(`pid ${process.pid}\\n`));
server.listen({fd: 0});
"""
SITE = {"name": "site", "version": "1.0.0"}
LOCK = json.dumps({**SITE, "lockfileVersion": 3, "packages": {"": SITE}})


@pytest.mark.long
def test_node_of_the_recipes_is_deployed(clean: Lab, tmp_path: Path) -> None:
    recipe = Recipe(clean, tmp_path, "Node", {
        "server.js": SERVER, "package.json": json.dumps(SITE), "package-lock.json": LOCK})
    recipe.deployed()
    assert recipe.running("web1") == ["site_00", "site_01"]
    assert recipe.answer("web1.example.com").startswith("pid ")


MONITOR = """
package main
import ("fmt"; "net/http"; "os")
func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "well") })
	panic(http.ListenAndServe("127.0.0.1:" + os.Getenv("PORT"), nil))
}
"""


@pytest.mark.long
def test_go_of_the_recipes_is_deployed(clean: Lab, tmp_path: Path) -> None:
    recipe = Recipe(clean, tmp_path, "Go", {
        "main.go": MONITOR, "go.mod": "module monitor\n\ngo 1.19\n", ".gitignore": "monitor\n"})
    recipe.deployed()
    assert recipe.answer("web1.example.com") == "well"


SETTINGS = """
import os, pathlib
HERE = pathlib.Path(__file__).parent.parent
SECRET_KEY = os.environ.get("SECRET_KEY", "for the build")
ROOT_URLCONF, WSGI_APPLICATION, ALLOWED_HOSTS = "shop.urls", "shop.wsgi.application", ["*"]
INSTALLED_APPS = ["django.contrib.staticfiles"]
STATIC_URL, STATIC_ROOT, USE_TZ = "/static/", HERE / "collected", True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE / "db.sqlite3"}}
"""
CELERY = """
import pathlib
from celery import Celery
queue = pathlib.Path(__file__).parent.parent / "queue"
queue.mkdir(exist_ok=True)
app = Celery("shop", broker="filesystem://")
app.conf.broker_transport_options = {"data_folder_in": str(queue), "data_folder_out": str(queue)}
"""
DJANGO: dict[str, str] = {
    "requirements.txt": "django\ngunicorn\ncelery\n",
    "manage.py": "#!/usr/bin/env python3\nimport sys\nfrom django.core.management import execute_from_command_line\n"
                 "execute_from_command_line(sys.argv)\n",
    "shop/__init__.py": "from .celery import app as celery_app\n", "shop/celery.py": CELERY,
    "shop/settings.py": SETTINGS,
    "shop/urls.py": "from django.http import HttpResponse\nfrom django.urls import path\n"
                    "urlpatterns = [path('', lambda asked: HttpResponse('well'))]\n",
    "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    ".gitignore": ".venv/\ncollected/\nqueue/\n__pycache__/\ncelerybeat-schedule*\ndb.sqlite3\n"}


@pytest.mark.long
@pytest.mark.timeout(600)               # pip installs, on each host
def test_django_of_the_recipes_is_deployed(clean: Lab, tmp_path: Path) -> None:
    recipe = Recipe(clean, tmp_path, "Django, gunicorn and celery", DJANGO)
    recipe.deployed(SECRET_KEY="hunter2-MARK")
    both = ["shop-web_00", "shop-web_01", "shop-worker_00", "shop-worker_01"]
    assert recipe.running("web1") == ["shop-beat", *both] and recipe.running("web2") == both
    assert {recipe.answer(host) for host in recipe.ports} == {"well"}
