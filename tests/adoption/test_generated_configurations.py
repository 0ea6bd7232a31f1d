"""Whatever supervisord keeps running, and in whatever clones: `adopt` writes a hosts.yaml that `check` takes."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from tasks._errors import Mistake
from tasks.adoption import document, environment, files, host
from tasks.executor.adoption import adopt
from tasks.inventory import loading, secret_sources
from tasks.inventory.model import Host, Target
from tasks.program import handwritten
from tasks.program.files import Paths, program_file
from tasks.rollout.protocol import Adopted
from tests.support.lab import git

CONF = """\
[unix_http_server]
file = %(here)s/supervisor.sock
[supervisord]
environment = LEVEL="de bug",ROOT=/srv
[include]
files = conf.d/*.conf {here}more/*.ini
"""
NAMES = ["web", "worker", "worker_00", "worker_01", "api-1", "a.b", "x y", "all", "journal", "na\u00efve", "shop",
         "shop-web", "shop-worker", "web-web", "Web", "100%", "$HOME", "beat", "conf.d", "-x", "a..b", "current",
         "shop_web", "web_00", "shop-web_00", "logs", "n" * 99, "n" * 60 + "-a", "n" * 60 + "-b"]
OF_A_PROCESS = ["worker", "worker_00", "worker_01", "worker-00", "worker_02"]
COMMANDS = [
    "./run", "%(here)s/run --name 'a b'", "run $HOME ${HOME} ${X:-y}", "sh -c 'a && b'", "A=1 ./run", "./a && ./b",
    "~/run", "run 100%%", "run --port=80%(process_num)02d", "run %(ENV_LEVEL)s %(program_name)s", "run %(ENV_NO)s",
    "run 'open", "", "run \"it's\"", "cd x", "run\n  --next", "run a;b", "run '%(group_name)s'", "run `x` $(y)",
    "run na\u00efve", "bash -lc 'exec ${X} $HOME'", "run %%(process_num)d", "run *", "run ${X}", "run \\", "(x)",
    "run %(ENV_API_KEY)s"]
VALUES = ['"1"', "x", '"a,b"', '"it\'s"', '"50%%"', '"%(ENV_LEVEL)s"', '"n%(process_num)02d"', '"%(here)s/x"', '""',
          "'say \"x\"'", '"${X}"', '"https://u:hunter2@x/y"', '"na\u00efve"', '"a=b"', '"%(process_num)d"', '" x "']
VARIABLES = ["A", "PORT", "RUN_MODE", "DB_PASSWORD", "API_KEY", "PATH", "UID", "PROCESS_NUM", "HOME", "LEVEL", "A-B",
             "X"]
OPTIONS: dict[str, list[str]] = {
    "numprocs": ["1", "2", "3", "101", "0"], "numprocs_start": ["1", "7"], "priority": ["1", "5", "-1", "999"],
    "autostart": ["false", "yes"], "autorestart": ["false", "unexpected", "true"], "startsecs": ["0", "10"],
    "startretries": ["0", "07"], "exitcodes": ["0,2", "0, 3", "1"], "stopsignal": ["INT", "SIGQUIT", "9"],
    "stopwaitsecs": ["600", "9999999"], "stopasgroup": ["true", "false"], "killasgroup": ["true"],
    "user": ["root", "www-data", "1000", "%(ENV_LEVEL)s", "${X}"], "umask": ["027", "22", "0o22"],
    "redirect_stderr": ["true", "false", "1"], "stdout_logfile": [
        "AUTO", "NONE", "off", "/dev/stdout", "%(here)s/logs/%(program_name)s.log", "/x/%(process_num)02d.log",
        "/x/${Y}.log", "syslog", "/x/100%%%%.log"],
    "stderr_logfile": ["/x/a.err", "NONE", "AUTO", "/x/%(process_num)d.err"],
    "stdout_logfile_maxbytes": ["1MB", "0", "512", "1.5MB"], "stderr_logfile_maxbytes": ["1MB"],
    "stderr_events_enabled": ["true"], "stdout_syslog": ["true"], "serverurl": ["AUTO", "http://127.0.0.1:9001"],
    "socket_owner": ["www-data"], "socket_mode": ["0770", "%(ENV_LEVEL)s"], "socket_backlog": ["100"],
    "process_name": ["%(program_name)s_%(process_num)02d", "p%(process_num)d"], "no_such": ["1"]}
SOCKETS = ["tcp://127.0.0.1:8000", "tcp://localhost:8000", "unix:///run/x.sock", "unix:///run/%(program_name)s.sock",
           "tcp://0.0.0.0:8000", "tcp://127.0.0.1:80%(process_num)02d"]
CI = """\
deploy:
  script:
    - git pull
    - make ${X} && ./b | tee x
    - supervisorctl restart x
"""


class Clones:
    """Of one repository, in each form in which a clone is met."""

    def __init__(self, folder: Path) -> None:
        work = folder / "work"
        for path, text in {"run": "", "backend/run": "", "it's 100%/run": "", ".gitlab-ci.yml": CI}.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
        git(work, "init", "--quiet", "--initial-branch=main")
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message", "first")
        git(work, "commit", "--quiet", "--allow-empty", "--message", "second")
        self.places: list[Path] = []
        names = ("plain", "detached", "shallow", "branch", "with space", "shop", "no-origin", "odd")
        for number, name in enumerate(names):
            options = ["--depth", "1"] if name == "shallow" else []
            git(folder, "clone", "--quiet", *options, work.as_uri(), str(folder / name))
            self._add(folder / name)
            if number % 3:
                self._add(folder / name / "backend", folder / name / "it's 100%")
        git(folder / "detached", "checkout", "--quiet", "HEAD~")
        git(folder / "branch", "checkout", "--quiet", "-b", "feature/#1-\u00fc")
        git(folder / "no-origin", "remote", "remove", "origin")
        git(folder / "odd", "remote", "set-url", "origin", "https://ann:hunter2@git.example.com/x y.git")
        git(folder / "plain", "worktree", "add", "--quiet", "--detach", str(folder / "worktree"))
        git(folder, "clone", "--quiet", work.as_uri(), str(folder / "plain/vendor"))
        git(folder, "clone", "--quiet", "--bare", work.as_uri(), str(folder / "bare.git"))
        git(folder / "shop", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", work.as_uri(), "part")
        (folder / "shop/logs").mkdir()
        with_capistrano(folder / "cap", work)
        self._add(folder / "worktree", folder / "plain/vendor", folder / "bare.git", folder / "shop/part",
                  folder / "shop/logs", folder / "plain/.git", folder / "absent", folder / "cap/current",
                  folder / "cap/current/backend")

    def _add(self, *places: Path) -> None:
        self.places += places


def with_capistrano(folder: Path, work: Path) -> None:
    release = folder / "releases/20240101120000"
    release.mkdir(parents=True)
    git(folder, "clone", "--quiet", "--bare", work.as_uri(), "repo")
    (folder / "shared/log").mkdir(parents=True)
    (release / "log").symlink_to(folder / "shared/log")
    (folder / "current").symlink_to(release)


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> Clones:
    return Clones(tmp_path_factory.mktemp("clones"))


def sections(rng: random.Random, clones: Clones, folder: Path) -> Iterator[str]:
    """Of one file of supervisord. Many programs share few clones."""
    places = rng.sample([*clones.places, folder], rng.choice((1, 1, 2, 3)))
    names = rng.sample(NAMES if rng.random() < 0.7 else OF_A_PROCESS, rng.randint(1, 5))
    for name in names:
        kind = rng.choice(["program"] * 6 + ["fcgi-program", "eventlistener"])
        yield f"[{kind}:{name}]\ncommand = {rng.choice(COMMANDS) if rng.random() < 0.5 else './run'}"
        if rng.random() < 0.95:
            yield f"directory = {str(rng.choice(places)).replace('%', '%%')}"
        if kind == "fcgi-program":
            yield f"socket = {rng.choice(SOCKETS)}"
        if rng.random() < 0.7:
            chosen = rng.sample(VARIABLES, rng.randint(1, 4))
            yield "environment = " + ",".join(f"{variable}={rng.choice(VALUES)}" for variable in chosen)
        chosen = rng.sample(list(OPTIONS), rng.choice((0, 1, 2, 4, 8)))
        for option in dict.fromkeys([*chosen, *(["numprocs", "process_name"] if rng.random() < 0.3 else [])]):
            yield f"{option} = {rng.choice(OPTIONS[option])}"
    if rng.random() < 0.4:
        grouped = rng.sample(names, rng.randint(1, len(names)))
        yield f"[group:{rng.choice(['pack', *NAMES])}]\nprograms = {','.join(grouped)}"
    if rng.random() < 0.1:
        yield "[include]\nfiles = elsewhere/*.conf"


class Link:
    """Keeps what the host answers."""

    def answer(self, message: dict[str, Any]) -> None:
        self.message = message


def adopted_host(rng: random.Random, clones: Clones, folder: Path) -> Adopted:
    for name in ("conf.d", "more", "elsewhere"):
        (folder / name).mkdir(parents=True)
    (folder / "supervisord.conf").write_text(CONF.format(here=rng.choice(("", "%(here)s/"))))
    places = ("conf.d/a.conf", "conf.d/worker.conf", "more/b.ini", "elsewhere/c.conf", "supervisord.conf")
    for name in rng.sample(places, 3):
        with (folder / name).open("a") as file:
            file.write("\n".join(sections(rng, clones, folder)) + "\n")
    link, hello = Link(), {"root": str(folder), "supervisord_conf": None}
    adopt.adopt(link, hello, None, {**os.environ, "LEVEL": "login"})  # type: ignore[arg-type]
    home = rng.choice((folder, folder, *clones.places))
    writable = link.message["writable"] if rng.random() < 0.7 else []
    return convert({**link.message, "supervisord": rng.choice(("root", "deploy", None)), "login": "deploy",
                    "home": str(home), "writable": writable}, Adopted)


@pytest.mark.rows(4)
@pytest.mark.parametrize("seed", range(400))
def test_adopted_file_has_no_mistake(tmp_path: Path, clones: Clones, seed: int) -> None:
    rng = random.Random(seed)
    hosts = {Host(name=f"web{number}", root="~"): adopted_host(rng, clones, tmp_path / f"h{number}")
             for number in range(rng.choice((1, 1, 2, 3)))}
    adoption = environment.of_hosts(host.of_hosts(hosts), "production")
    if not adoption.data["services"]:
        return
    path = tmp_path / "hosts.yaml"
    files.write(path, document.text(adoption), adoption)
    assert "hunter2" not in path.read_text()
    try:
        inventory = loading.load(path)
        for name in inventory.environments:
            targets = inventory.environment(name).targets
            filled = secret_sources.SecretSources(name, tmp_path, {}).fill(targets)
            remarks = " ".join(document.warnings(adoption))
            assert [loss for target in filled for loss in losses(target, hosts)
                    if loss.removeprefix("variable ") not in remarks] == []
    except Mistake as mistake:
        pytest.fail(str(mistake))


def losses(target: Target, hosts: dict[Host, Adopted]) -> list[str]:
    """What the first deploy of a single program would be refused for."""
    service = target.service
    if [program.group for program in service.programs] != [service.name]:
        return []
    files_of = [program.path for named, adopted in hosts.items() if named.name == target.host.name
                for program in adopted.programs if program.name == service.name]
    new = program_file(service, Paths(directory="/d", env_file="/e", logs="/d/logs", user="deploy"))
    return handwritten.losses(service, files_of[0], Path(files_of[0]).read_text(), new) if files_of else []
