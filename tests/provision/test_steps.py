"""What a host lacks becomes steps of sh: by its facts, and by the rights that hosts.yaml gives."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from supervisor.options import ServerOptions

from tasks._errors import NotReady
from tasks.executor.supervisor.supervisord_conf import SupervisordConf
from tasks.inventory.model import Host
from tasks.provision import files, packages
from tasks.provision.conversation import script_of
from tasks.provision.packages import manager_of
from tasks.provision.steps import Step, steps_for
from tasks.rollout.protocol import HostFacts
from tests.support.packaged import PackagedHost
from tests.support.sshd import keygen

BARE = HostFacts(
    login="deploy", home="/home/deploy", node="web1", python="/usr/bin/python3", venv=True,
    distributions=["ubuntu", "debian"], programs=["git", "crontab", "ssh-keygen"],
    root_shell=True, systemd=True, user_units=False,
    root="/srv/app", root_exists=False, root_can_be_made=True, supervisord_conf="/srv/app/supervisord.conf",
    conf_exists=False, program_dir="/srv/app/conf.d", program_dir_exists=False, supervisor_venv="/srv/app/.supervisor",
    venv_supervisord=False, closed=[], supervisord_runs=False, supervisord_command=[], starts_at_boot=False,
    keys=[])
READY = replace(BARE, root_exists=True, conf_exists=True, program_dir_exists=True, venv_supervisord=True,
                supervisord_runs=True, starts_at_boot=True, keys=["ssh-ed25519 AAAA"])
CLOSED = {"root_can_be_made": False}


def steps(facts: HostFacts = BARE, kind: str = "own", needs_key: bool = True, **changes: Any) -> dict[str, str]:
    host = Host(name="web1", root="/srv/app", supervisord=kind)
    manager = manager_of(changes.get("distributions", BARE.distributions))
    if kind == "packaged" and manager:
        facts = replace(facts, supervisord_conf=manager.conf)
        changes.pop("supervisord_conf", None)
    return {step.name: step.typed for step in steps_for(host, replace(facts, **changes), needs_key)}


def test_host_that_has_everything_needs_no_step() -> None:
    assert steps(READY) == steps(READY, "packaged") == {}
    assert steps(READY, keys=[], needs_key=False) == {}
    assert list(steps(READY, keys=[])) == ["key"]


def test_key_that_ssh_keygen_cannot_read_is_kept_and_named(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    key = keygen(tmp_path / ".ssh/id_ed25519", passphrase="a word")
    before = key.read_bytes()
    done = subprocess.run(["sh", "-euc", steps(READY, keys=[], home=str(tmp_path))["key"]], check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode != 0 and f'Load key "{key}": incorrect passphrase' in done.stderr
    assert key.read_bytes() == before


def test_own_supervisord_needs_no_root() -> None:
    assert list(steps()) == ["root", "supervisor", "configuration", "program_dir", "boot", "key"]
    assert "sudo" not in "".join(steps().values())


def test_unfinished_setup_goes_on_where_it_was() -> None:
    assert list(steps(READY, supervisord_runs=False)) == ["start"]
    assert list(steps(READY, starts_at_boot=False)) == ["boot"]
    assert files.start_command(READY) not in steps(READY, starts_at_boot=False)["boot"].splitlines()


def test_supervisord_that_runs_already_is_the_one_that_starts_with_the_host() -> None:
    """No other is installed, and the line of cron names no program that is not there."""
    by_hand = {"venv_supervisord": False, "starts_at_boot": False}
    command = ["/opt/my python", "-m", "supervisor.supervisord"]
    assert list(steps(READY, **by_hand, supervisord_command=command)) == ["boot"]
    assert files.cron_line(replace(READY, supervisord_command=command)) == \
        "@reboot '/opt/my python' -m supervisor.supervisord -c /srv/app/supervisord.conf"
    assert list(steps(READY, **by_hand, closed=["root"], supervisord_command=command)) == ["boot"]
    assert list(steps(READY, **by_hand)) == ["supervisor", "boot"], "nobody knows how that one was started"


def test_virtual_environment_without_its_python_is_made_anew(tmp_path: Path) -> None:
    """As an upgrade of the distribution leaves it."""
    python = tmp_path / "bin/python3"
    python.parent.mkdir()
    for name in ("python", "python3", "python3.0"):
        (python.parent / name).symlink_to("/usr/bin/python3.0")
    line = steps(python=sys.executable, supervisor_venv=str(tmp_path))["supervisor"].splitlines()[0]
    subprocess.run([*shlex.split(line), "--without-pip"], check=True)
    assert python.exists()


def test_user_who_may_not_linger_gets_a_line_of_cron() -> None:
    script = steps(user_units=True)["boot"]
    assert script.startswith("if loginctl enable-linger\nthen\n") and "\nelse\n{ crontab -l" in script
    assert "systemctl --user enable --now supervisord-srv-app.service" in script


@pytest.mark.parametrize(("distributions", "install", "enable"), [
    (["debian"], "apt-get install -qq -y supervisor", "systemctl enable --now supervisor"),
    (["rocky", "rhel", "centos", "fedora"], "dnf install -q -y supervisor", "systemctl enable --now supervisord"),
])
def test_packaged_supervisord_is_installed_as_root(distributions: list[str], install: str, enable: str) -> None:
    made = steps(kind="packaged", distributions=distributions, **CLOSED)
    assert list(made) == ["packages", "supervisord", "root", "key"]
    assert install in made["packages"] and enable in made["supervisord"]
    assert all(made[name].startswith("sudo sh -eu -s <<") for name in ("packages", "supervisord", "root"))
    assert "sudo" not in made["key"]


@pytest.mark.long
def test_apt_accepts_the_command_that_installs_packages() -> None:
    """Simulated, of packages that this machine has: no list of packages need be here."""
    script = packages.APT.install(packages.APT.packages(["git"])).partition(" && ")[2]
    simulated = script.replace("apt-get install", "apt-get install --simulate")
    assert simulated != script and subprocess.run(["sh", "-eu", "-c", simulated], check=False).returncode == 0


@pytest.mark.parametrize(("kind", "changes", "message", "hint"), [
    ("packaged", {"distributions": ["alpine"]}, "web1: alpine is a distribution whose packages are not known",
     "supervisor, git, and an ssh client"),
    ("packaged", {"distributions": ["alpine"], "conf_exists": True, "programs": []},
     "web1: alpine is a distribution whose packages are not known", "git, and an ssh client"),
    ("packaged", {"distributions": ["alpine"], "conf_exists": True}, "web1: supervisord does not run",
     "start it on the host yourself"),
    ("own", {"programs": [], "venv": False}, "web1: git and Python's venv are missing",
     "apt-get install -qq -y git openssh-client python3-venv"),
    ("own", {"programs": [], "distributions": []}, "web1: git is missing", "install these on the host yourself: git"),
    ("packaged", {"root_shell": False, "systemd": False},
     "web1: sudo lets deploy run no script as root without a password",
     "--prompt-for-sudo-password asks for it; or put into sudoers until it is set up: deploy ALL=(root) NOPASSWD: ALL"),
    ("own", {"program_dir": "/srv/our programs"}, "web1: supervisord includes no files of a folder with a blank",
     "program_dir"),
    ("own", CLOSED, "web1: deploy cannot make the root /srv/app", "install -d -o deploy /srv/app"),
    ("own", {"root_exists": True, "closed": ["root", "program_dir"]}, "web1: deploy cannot write in /srv/app",
     "let `root` in hosts.yaml name a place of that user"),
    ("own", {"supervisord_conf": "/etc/supervisor/supervisord.conf", "closed": ["supervisord_conf"]},
     "web1: deploy cannot write in /etc/supervisor", "for the distribution's supervisord, sudo: true"),
])
def test_what_only_root_can_give_is_told_with_the_command(kind: str, changes: dict[str, Any], message: str, hint: str
                                                          ) -> None:
    with pytest.raises(NotReady, match=message) as raised:
        steps(kind=kind, **changes)
    assert hint in raised.value.hint
    assert "\n" not in raised.value.hint, "it can be typed as it stands"


@pytest.mark.parametrize("kind", ["own", "packaged"])
@pytest.mark.parametrize("user_units", [True, False])
def test_script_is_sh_whatever_the_paths_are(kind: str, user_units: bool) -> None:
    odd = "/srv/it's 100% $HOME"
    text = script_of({"web1": [Step(name, script) for name, script in steps(
        kind=kind, user_units=user_units, root=odd, program_dir=f"{odd}/conf.d", supervisor_venv=f"{odd}/.supervisor",
        supervisord_conf=f"{odd}/supervisord.conf").items()]})
    assert subprocess.run(["sh", "-n"], input=text, text=True, check=False).returncode == 0


@pytest.mark.parametrize("program_dir", ["conf.d", "etc/con%f.d"])
def test_supervisord_reads_the_program_files_of_a_root_with_a_blank(tmp_path: Path, program_dir: str) -> None:
    root = tmp_path / "my apps"
    folder = root / program_dir
    folder.mkdir(parents=True)
    conf = root / "supervisord.conf"
    conf.write_text(files.configuration(replace(BARE, supervisord_conf=str(conf), program_dir=str(folder))))
    (folder / "api.conf").write_text("[program:api]\ncommand=true\n")
    options = ServerOptions()
    options.realize(["-c", str(conf)])
    assert [group.name for group in options.process_group_configs] == ["api"]
    assert SupervisordConf(str(conf), os.environ).patterns() == [f"{root}/{program_dir}/*.conf"]


def test_hosts_with_the_same_script_share_it() -> None:
    text = script_of({"web1": [Step("root", "mkdir x")], "web2": [Step("root", "mkdir x")], "web3": []})
    assert text == "# On web1, web2:\nset -eu\n# root\nmkdir x\n\n# On web3: nothing to do\n"


def test_percent_sign_reaches_supervisord_by_cron_and_by_systemd() -> None:
    facts = replace(BARE, supervisord_conf="/srv/50%/supervisord.conf")
    assert files.cron_line(facts).endswith("/srv/50\\%/supervisord.conf")
    assert '"/srv/50%%/supervisord.conf"' in files.unit(facts)


def test_unit_is_what_systemd_reads(tmp_path: Path) -> None:
    facts = replace(BARE, supervisor_venv=str(tmp_path))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/supervisord").write_text("#!/bin/sh\n")
    (tmp_path / "bin/supervisord").chmod(0o755)
    unit = tmp_path / files.unit_name(facts)
    unit.write_text(files.unit(facts))
    env = {"XDG_RUNTIME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(["systemd-analyze", "--user", "verify", str(unit)], check=False, capture_output=True,
                          text=True, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("real_hosts")
def test_step_of_root_runs_through_sudo_and_gives_the_folder_to_the_login_user() -> None:
    with PackagedHost() as host:
        host.allow_sudo()
        root = host.folder / "srv/root's own/app"
        script = steps(kind="packaged", login=host.account.pw_name, root=str(root), **CLOSED)["root"]
        done = subprocess.run(["runuser", "-u", host.account.pw_name, "--", "sh", "-euc", script], check=False,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (root.stat().st_uid, root.parent.stat().st_uid) == (host.account.pw_uid, 0)
