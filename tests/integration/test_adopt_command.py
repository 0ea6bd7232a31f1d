"""`fab adopt`: what it writes deploys to the very same process, and loses nothing."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.inventory import loading
from tests.integration.app import messages
from tests.support.lab import Lab, LabHost, Run, git, stands_in, wait_for
from tests.support.packaged import PYTHON, PackagedHost
from tests.support.processes import descendants

RUN = "#!/usr/bin/python3\nimport time\ntime.sleep(100000)\n"
CI = """
deploy:
  script:
    - cd $GOPATH/src/git.domain.com/micro/monitor && git pull && git checkout main && cp run.sh built
    - mkdir -p logs && supervisorctl -c ../../supervisord.conf update && supervisorctl restart monitor
"""
AUTO_LOG = "---supervisor-"
OF_THE_SHELL = {"_", "PWD", "OLDPWD", "SHLVL", "RUN_MODE"}
# Fabvisor starts another command, which becomes the program; these are checked by the process itself.
BY_THE_PROCESS = {"command", "uid", "directory", "inuse", "process_prio", "group_prio", "autostart"}


def process(rpc: Any, name: str) -> dict[str, Any]:
    """All that a process runs with, and all options that supervisord has for it."""
    [info] = [each for each in rpc.getAllProcessInfo() if each["name"] == name]
    [config] = [each for each in rpc.getAllConfigInfo() if each["name"] == name]
    proc, directory = Path("/proc") / str(info["pid"]), stands_in(info["pid"])
    # While the kernel exchanges the program, both are empty.
    wait_for(lambda: (proc / "cmdline").read_text().startswith("/usr/bin/python3") and (proc / "environ").read_text(),
             "the program, which sh becomes")
    environ = dict(entry.partition("=")[::2] for entry in (proc / "environ").read_text().split("\0") if entry)
    # What supervisord adds names the group.
    kept = {key: value for key, value in environ.items()
            if key not in OF_THE_SHELL and key != "SUPERVISOR_GROUP_NAME"}
    # supervisord names a log of its own (AUTO) anew at each start.
    options = {key: "auto" if AUTO_LOG in str(value) else value for key, value in config.items()
               if key not in BY_THE_PROCESS and key != "group"}
    return {"command": (proc / "cmdline").read_text(), "directory": directory, "variables": kept,
            "uid": proc.stat().st_uid, **options}


class Adopter:
    """The user who adopts a host, and deploys what was written."""

    def __init__(self, lab: Lab, folder: Path, host: LabHost | PackagedHost) -> None:
        self.lab = lab
        self.output = folder / "hosts.yaml"
        self.host = host

    def adopt(self, *options: str, format: str = "json") -> Run:
        sshd = self.host.sshd
        return self.lab.fab("adopt", f"{sshd.user}@{sshd.host}:{sshd.port}", "--supervisord-conf", str(self.host.conf),
                            *options, format=format, SSH_PRIVATE_KEY=str(sshd.client_key))

    def deploy(self) -> Run:
        return self.fab("deploy", "all")

    def fab(self, *args: str) -> Run:
        """With what was written."""
        return self.lab.fab(*args, FAB_INVENTORY=str(self.output), SSH_PRIVATE_KEY=str(self.host.sshd.client_key))


@pytest.fixture(scope="module")
def lab(real_hosts: None) -> Iterator[Lab]:
    """Its supervisord has variables of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADOPTED_LEVEL", "de bug")
        with Lab(("web1",)) as lab:
            for name in ("monitor", "wild", "many"):
                lab.repository(name, {"run.sh": RUN, "backend/run.sh": RUN, ".gitlab-ci.yml": CI})
                git(lab.folder, "clone", "--quiet", str(lab.folder / f"git/{name}.git"),
                    str(lab["web1"].directory(name)))
                (lab["web1"].directory(name) / "logs").mkdir()
            yield lab


def start(host: LabHost, program: str) -> None:
    host.rpc.reloadConfig()
    host.rpc.addProcessGroup(program)


def unnamed(process: dict[str, Any]) -> dict[str, Any]:
    """Without supervisord's name of it, and without the number that Fabvisor gives it."""
    variables = {key: value for key, value in process["variables"].items()
                 if key not in ("SUPERVISOR_PROCESS_NAME", "PROCESS_NUM")}
    return {**{key: value for key, value in process.items() if key != "name"}, "variables": variables}


ARTICLE = """
[program:monitor]
command=%(here)s/micro/monitor/run.sh --name "a b"
directory=%(here)s/micro/monitor
environment=RUN_MODE="prod",PORT="8080",DB_PASSWORD="it's 50%%",URL="x;y"
stdout_logfile=%(here)s/micro/monitor/logs/monitor.log
redirect_stderr=true
startsecs=0
"""


@pytest.mark.promise(11)
def test_article_host_is_adopted_and_its_program_runs_as_before(lab: Lab, tmp_path: Path) -> None:
    """The section lies in supervisord.conf itself: the remark says what to do by hand, and the test does that."""
    host = lab["web1"]
    before_conf = host.conf.read_text()
    host.conf.write_text(before_conf + ARTICLE)
    start(host, "monitor")
    before, adopter = process(host.rpc, "monitor"), Adopter(lab, tmp_path, host)
    plain = adopter.adopt(format="plain")
    assert yaml.safe_load(plain.out)["services"]["monitor"] and "! monitor: before the first deploy" in plain.err
    assert "50%" not in plain.out and "the values of DB_PASSWORD are not shown" in " ".join(plain.err.split())
    run = adopter.adopt("--output", str(adopter.output))
    assert run.code == 0 and "50%" not in run.out, run
    [document] = [adopter.output.read_text()]
    data = yaml.safe_load(document)
    service = data["services"]["monitor"]
    assert (service["build"], service["secrets"]) == (["cp run.sh built"], ["DB_PASSWORD"])
    path = before["variables"]["PATH"]          # supervisord's: the login has another
    assert "directory" not in service and service["variables"] == {"PATH": path, "PORT": "8080", "URL": "x;y"}
    assert "# supervisord's, as before; without it" in document
    assert data["environments"]["production"]["run_mode"] == "prod" and "from .gitlab-ci.yml" in document
    own = f"{host.root}/conf.d/monitor.conf"
    assert f"move [program:monitor] from {host.conf}" in messages(run) and own in re.sub(r"\n *# ", " ", document)
    host.conf.write_text(before_conf)
    Path(own).write_text(ARTICLE.replace("%(here)s", str(host.root)))
    run = adopter.deploy()
    assert run.code == 0, run
    assert process(host.rpc, "monitor") == before
    again = adopter.adopt()
    assert (again.code, "Fabvisor deploys all programs there already: monitor" in messages(again)) == (2, True), again


WILD = """
[program:wild]
command = %(here)s/../micro/wild/run.sh 'say "hi" 100%%' "it's" %(ENV_ADOPTED_LEVEL)s
  %(program_name)s
directory = %(here)s/../micro/wild
environment = A="50%%",B="it's",C='say "x"',D="%(ENV_ADOPTED_LEVEL)s",
  API_TOKEN="t'%%\\n",E="x,y"
autorestart = unexpected
stopsignal = SIGINT
stopwaitsecs = 7
exitcodes = 0,2
umask = 027
priority = 5
startsecs = 0
stderr_logfile = %(here)s/../micro/wild/logs/%(program_name)s-100%%%%.err
stdout_logfile_maxbytes = 1MB
[group:pack]
programs = wild
"""


@pytest.mark.promise(11)
def test_group_expansions_quotes_and_percent_signs_are_adopted(lab: Lab, tmp_path: Path) -> None:
    host = lab["web1"]
    file = host.root / "conf.d/wild.conf"
    file.write_text(WILD)
    start(host, "pack")
    before, adopter = process(host.rpc, "wild"), Adopter(lab, tmp_path, host)
    run = adopter.adopt("--output", str(adopter.output))
    assert run.code == 0, run
    assert "wild: it is pack:wild: take it out of `programs` of [group:pack] first" in messages(run)
    file.write_text(file.read_text().partition("[group")[0])
    run = adopter.deploy()
    assert run.code == 2 and "still runs pack:wild, which no file defines any more" in run.out, run
    host.rpc.stopProcessGroup("pack")
    host.rpc.removeProcessGroup("pack")
    start(host, "wild")
    run = adopter.deploy()
    assert run.code == 0, run
    assert process(host.rpc, "wild") == before


MANY = """
[program:web]
command = %(here)s/../micro/many/backend/run.sh --port 80%(process_num)02d "a b"
directory = %(here)s/../micro/many/backend
process_name = %(program_name)s_%(process_num)02d
numprocs = 2
environment = RUN_MODE="prod",LEVEL="1",SOCKET="/tmp/web%(process_num)d",DB_PASSWORD="it's 50%%"
startsecs = 0
[program:worker]
command = %(here)s/../micro/many/backend/run.sh work
directory = %(here)s/../micro/many/backend
environment = RUN_MODE="prod",LEVEL="1",QUEUE="q",DB_PASSWORD="it's 50%%"
stopwaitsecs = 30
startsecs = 0
[program:beat]
command = %(here)s/../micro/many/run.sh beat
directory = %(here)s/../micro/many
environment = RUN_MODE="prod",LEVEL="2",DB_PASSWORD="it's 50%%"
startsecs = 0
[group:pack]
programs = web,worker,beat
"""


@pytest.mark.promise(11)
def test_group_of_programs_is_adopted_as_one_service(lab: Lab, tmp_path: Path) -> None:
    """Three programs of one clone, in two folders of it; one in two processes, with its number in command and variable.
    A deploy is refused while those of before would go on beside them."""
    host = lab["web1"]
    file = host.root / "conf.d/many.conf"
    file.write_text(MANY)
    start(host, "pack")
    names = ("beat", "web_00", "web_01", "worker")
    before, adopter = {name: unnamed(process(host.rpc, name)) for name in names}, Adopter(lab, tmp_path, host)
    run = adopter.adopt("--output", str(adopter.output))
    assert run.code == 0, run
    service = yaml.safe_load(adopter.output.read_text())["services"]["pack"]
    assert list(service["programs"]) == ["web", "worker", "beat"] and service["programs"]["web"]["numprocs"] == 2
    assert (service["subdirectory"], service["secrets"]) == ("backend", ["DB_PASSWORD"])
    assert "web: before the first deploy, take [program:web] out of" in messages(run)
    run = adopter.fab("deploy", "pack")
    assert run.code == 2 and f"{file}:15 defines [program:beat], which is pack-beat here" in messages(run), run
    assert f"out of [group:pack] in {file}:20; then: supervisorctl" in messages(run)
    file.unlink()
    for run in (adopter.fab("plan", "pack"), adopter.fab("deploy", "pack")):
        assert run.code == 2 and "still runs pack:beat, pack:web_00, pack:web_01, pack:worker" in run.out, run
    host.rpc.stopProcessGroup("pack")
    host.rpc.removeProcessGroup("pack")
    run = adopter.fab("deploy", "pack")
    assert run.code == 0, run
    assert {name: unnamed(process(host.rpc, f"pack-{name}")) for name in names} == before


SHOP = """
[program:shop]
command={folder}/current/run.sh
directory={folder}/current
stdout_logfile={folder}/logs/shop.log
redirect_stderr=true
environment=RUN_MODE="production"
startsecs=1
startretries=0
"""


def with_capistrano(lab: Lab, folder: Path) -> Path:
    """The folders as `cap production deploy` leaves them; returns the release."""
    lab.repository("shop", {"run.sh": RUN, "config/default": "x"})
    commit = git(lab.folder / "git/shop", "rev-parse", "HEAD")
    release, shared = folder / "releases/20240101120000", folder / "shared"
    (folder / "logs").mkdir(parents=True)
    (shared / "config").mkdir(parents=True)
    (shared / "config/app.cfg").write_text("theirs")
    (shared / "log").mkdir()
    (release / "config").mkdir(parents=True)
    git(lab.folder, "clone", "--quiet", "--mirror", str(lab.folder / "git/shop.git"), str(folder / "repo"))
    (release / "run.sh").write_text(RUN)
    (release / "run.sh").chmod(0o755)
    (release / "REVISION").write_text(commit + "\n")
    (release / "config/app.cfg").symlink_to(shared / "config/app.cfg")
    (release / "log").symlink_to(shared / "log")
    (folder / "current").symlink_to(release)
    (folder / "revisions.log").write_text(f"Branch main (at {commit}) deployed as release 20240101120000 by ann\n")
    return release


def files_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_text()
            for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()}


@pytest.mark.long
@pytest.mark.promise(11)
def test_failed_deploy_leaves_the_adopted_folders_of_capistrano_as_they_were(lab: Lab, tmp_path: Path) -> None:
    host = lab["web1"]
    folder = host.root / "shop"
    release = with_capistrano(lab, folder)
    (host.root / "conf.d/shop.conf").write_text(SHOP.format(folder=folder))
    start(host, "shop")
    wait_for(lambda: host.info("shop")["statename"] == "RUNNING", "the program")
    theirs, adopter = files_of(release), Adopter(lab, tmp_path, host)
    run = adopter.adopt("--output", str(adopter.output))
    assert run.code == 0, run
    data = yaml.safe_load(adopter.output.read_text())
    service = data["services"]["shop"]
    assert {key: service[key] for key in ("strategy", "shared_directory", "shared", "directory")} == {
        "strategy": "releases", "shared_directory": "shared", "shared": ["config/app.cfg", "log/"], "directory": "shop"}
    lab.commit("shop", {"run.sh": "#!/bin/sh\nexit 1\n"})
    run = adopter.fab("deploy", "shop")
    assert run.code == 1, run
    assert (folder / "current").readlink() == release and stands_in(host.info("shop")["pid"]) == release
    assert {path.name for path in folder.iterdir()} == {
        "releases", "current", "shared", "repo", "revisions.log", "logs"}
    assert [path.name for path in (folder / "releases").iterdir()] == [release.name]

    assert files_of(release) == theirs


def test_files_that_are_there_are_not_replaced(lab: Lab, tmp_path: Path) -> None:
    adopter = Adopter(lab, tmp_path, lab["web1"])
    adopter.output.write_text("mine")
    run = adopter.adopt("--output", str(adopter.output))
    assert run.code == 2 and "is there already" in messages(run), run
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets/staging.env").write_text("mine")
    run = adopter.adopt("--output", str(tmp_path / "other.yaml"), "--env", "staging")
    assert run.code == 2 and "staging.env is there already" in messages(run), run
    assert (adopter.output.read_text(), (tmp_path / ".secrets/staging.env").read_text()) == ("mine", "mine")
    assert not (tmp_path / "other.yaml").exists()


def test_host_without_a_supervisord_conf_there_says_what_to_name(lab: Lab, tmp_path: Path) -> None:
    sshd = lab["web1"].sshd
    run = lab.fab("adopt", f"{sshd.user}@{sshd.host}:{sshd.port}", "--root", "~/nowhere",
                  SSH_PRIVATE_KEY=str(sshd.client_key))
    assert run.code == 2 and "nowhere/supervisord.conf does not exist" in messages(run), run


def test_configuration_that_supervisord_cannot_read_is_named_with_file_and_line(lab: Lab, tmp_path: Path) -> None:
    host = lab["web1"]
    broken, latin = host.root / "conf.d/broken.conf", host.root / "conf.d/latin.conf"
    broken.write_text("[program:x]\ncommand=a\nnonsense\n")
    latin.write_bytes("; für\n".encode("latin-1"))
    run = Adopter(lab, tmp_path, host).adopt()
    for path in (broken, latin):
        path.unlink()
    assert run.code == 2 and f"{broken} cannot be parsed" in messages(run) and "line  3" in messages(run), run
    assert f"{latin} is not UTF-8" in messages(run)


DEBIAN = """
[program:{name}]
command={directory}/run.sh {name}
directory={directory}
user={user}
environment=NAME="{name}",SECRET_KEY="s3cret-{name}",PATH="{directory}/bin:%(ENV_PATH)s"
startsecs=0
stopasgroup=true
killasgroup=true
"""


@pytest.mark.usefixtures("real_hosts")
def test_debian_host_with_three_services_of_two_users_is_adopted(tmp_path: Path) -> None:
    """root's supervisord; the login user owns the clones. Its environment is known by a program of the login user. What
    that one may not read is named, and hinders nothing."""
    with PackagedHost() as host, Lab(()) as lab:
        host.allow_sudo(f"{PYTHON} -I -S -c exec(eval(input(1)))")
        (lab.home / ".ssh/known_hosts").write_text(host.sshd.known_hosts_line + "\n")
        (host.sshd.home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
        lab.folder.chmod(0o755)
        users = {"api": host.account.pw_name, "web": host.user("www").pw_name, "jobs": host.account.pw_name}
        for name, user in users.items():
            lab.repository(name, {"run.sh": RUN})
            git(lab.folder, "clone", "--quiet", str(lab.folder / f"git/{name}.git"), str(host.root / name))
            text = DEBIAN.format(name=name, user=user, directory=host.root / name)
            if name == "jobs":
                text = text.partition(",PATH")[0] + text.partition("%(ENV_PATH)s\"")[2]
            (host.program_dir / f"{name}.conf").write_text(text.replace("SECRET_KEY", f"SECRET_KEY_{name.upper()}"))
        (lab.folder / "git").chmod(0o755)
        for path in host.root.rglob("*"):
            os.chown(path, host.account.pw_uid, host.account.pw_gid, follow_symlinks=False)
        host.rpc.reloadConfig()
        for name in users:
            host.rpc.addProcessGroup(name)
        before = {name: process(host.rpc, name) for name in users}
        adopter = Adopter(lab, tmp_path, host)
        hidden = host.program_dir / "hidden.conf"
        hidden.write_text("[program:hidden]\ncommand=true\nautostart=false\n")
        hidden.chmod(0o600)
        run = adopter.adopt("--output", str(adopter.output))
        assert run.code == 0, run
        assert f"cannot read {hidden}: Permission denied: no program of it is adopted" in messages(run)
        secrets = tmp_path / ".secrets/production.env"
        assert stat.S_IMODE(secrets.stat().st_mode) == 0o600 and "s3cret-api" not in adopter.output.read_text()
        [target, *_] = loading.load(adopter.output).environment("production").targets
        assert target.host.sudo and target.host.root == str(host.root) and target.service.directory == "api"
        run = adopter.deploy()
        assert run.code == 0, run
        for name in users:
            assert process(host.rpc, name) == before[name]
        assert len(descendants(host.daemon.pid if host.daemon else 0)) >= 3
