"""The verb `setup`: says what the host has, and runs the scripts that the client makes of that."""

from __future__ import annotations

import glob
import importlib.util
import os
import shutil
import sys
import time
from contextlib import suppress
from typing import Any, Iterator

from ..checks import boot
from ..checks.host import ExaminedHost
from ..errors import CannotRestore, HostError
from ..layout import Layout
from ..link import Link
from ..protocol import SETUP_PROGRAMS, HostFacts, SetupStep
from ..sudo.root_shell import RootShell
from ..supervisor import supervisord_search
from ..system import shell
from ..system.accounts import login_name

WITHIN = 1800.0                     # seconds for one step: packages and wheels are fetched
KEY_TOLD_WITHIN = 10.0              # seconds
VERSION_TOLD_WITHIN = 30.0
OS_RELEASE = "/etc/os-release"      # os-release(5)


def setup(link: Link, hello: dict[str, Any], layout: Layout, env: dict[str, str]) -> None:
    """Send the facts; run the steps that the client then sends, one after the other; send the facts anew."""
    host = ExaminedHost(hello, layout, env, link.raise_if_aborted)
    root_shell = RootShell(env, hello["sudo_password"], link.raise_if_aborted)
    link.answer(facts(host, root_shell))
    message = link.receive()
    if message["do"] != "perform":
        return
    for step in message["steps"]:
        _perform(link, step, env, root_shell)
    anew = Layout(hello["place"], env, layout.sudo_accesses)        # supervisord.conf may be there now
    link.answer(facts(ExaminedHost(hello, anew, env, link.raise_if_aborted), root_shell))


def facts(host: ExaminedHost, root_shell: RootShell) -> HostFacts:
    layout = host.layout
    path = host.env.get("PATH")
    release = _os_release()
    has_venv = _starts(os.path.join(layout.supervisor_venv, "bin", "supervisord"), host)
    return {
        "event": "host_facts",
        "login": login_name(),
        "home": os.path.expanduser("~"),
        "node": os.uname().nodename,
        "python": sys.executable,
        "venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")),
        "distributions": [word for key in ("ID", "ID_LIKE") for word in release.get(key, "").split()],
        "programs": [name for name in SETUP_PROGRAMS if shutil.which(name, path=path)],
        "root_shell": os.geteuid() == 0 or (bool(layout.settings["sudo"]) and root_shell.works()),
        "systemd": os.path.isdir("/run/systemd/system"),
        "user_units": os.path.exists(f"/run/user/{os.geteuid()}/systemd/private"),
        "root": layout.root,
        "root_exists": os.path.isdir(layout.root),
        "root_can_be_made": _can_be_made(layout.root),
        "supervisord_conf": layout.supervisord_conf,
        "conf_exists": os.path.exists(layout.supervisord_conf),
        "program_dir": layout.program_dir,
        "program_dir_exists": os.path.isdir(layout.program_dir),
        "supervisor_venv": layout.supervisor_venv,
        "venv_supervisord": has_venv,
        "closed": list(_closed(layout, has_venv)),
        "supervisord_runs": _runs(host),
        "supervisord_command": _command(host),
        "starts_at_boot": _starts_at_boot(host),
        "keys": _keys(host),
    }


def _perform(link: Link, step: SetupStep, env: dict[str, str], root_shell: RootShell) -> None:
    """Run one step. Raises CannotRestore where it fails: what it has done stays."""
    begin, name = time.monotonic(), step["name"]

    def say(line: str) -> None:
        link.stream({"event": "output", "service": "", "step": name, "line": line})

    link.answer({"event": "step_started", "service": "", "step": name})
    why = None
    try:
        if step["as_root"]:
            root_shell.run(step["script"], WITHIN, say)
        else:
            shell.run(["/bin/sh", "-euc", step["script"]], cwd="/", env=env, timeout=WITHIN, say=say,
                      check=link.raise_if_aborted)
    except shell.CommandFailed as failure:
        why = failure.message
    link.answer({"event": "step_finished", "service": "", "step": name, "ok": why is None, "changed": True,
                 "seconds": time.monotonic() - begin, "why": why, "stopped": False})
    if why is not None:
        raise CannotRestore(f"{name} failed: {why}; what was done before stays",
                            "correct the cause: its last lines stand above; then fab setup goes on")


def _os_release() -> dict[str, str]:
    try:
        with open(OS_RELEASE) as file:
            pairs = [line.rstrip("\n").partition("=") for line in file]
    except OSError:
        return {}
    return {key: value.strip("\"'") for key, _, value in pairs}


def _can_be_made(folder: str) -> bool:
    above = os.path.dirname(folder)
    while not os.path.isdir(above):
        above = os.path.dirname(above)
    return os.access(above, os.W_OK | os.X_OK)


def _closed(layout: Layout, has_venv: bool) -> Iterator[str]:
    folders = {"root": (layout.root, has_venv),
               "supervisord_conf": (os.path.dirname(layout.supervisord_conf), os.path.exists(layout.supervisord_conf)),
               "program_dir": (layout.program_dir, os.path.isdir(layout.program_dir))}
    for key, (folder, is_made) in folders.items():
        there = folder
        while not os.path.lexists(there):
            there = os.path.dirname(there)
        if not is_made and not (os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)):
            yield key


def _starts(supervisord: str, host: ExaminedHost) -> bool:
    """Whether that can be started: an upgrade of Python leaves a virtual environment without its interpreter."""
    try:
        shell.answer([supervisord, "--version"], cwd="/", env=host.env, timeout=VERSION_TOLD_WITHIN, check=host.check)
    except (OSError, shell.CommandFailed):
        return False
    return True


def _runs(host: ExaminedHost) -> bool:
    """Whether supervisord answers, if only that we may not use it."""
    try:
        host.layout.access.uid()
    except PermissionError:
        return True
    except (HostError, OSError):
        return False
    return True


def _command(host: ExaminedHost) -> list[str]:
    try:
        return supervisord_search.started_by(host.supervisord.pid())
    except (HostError, OSError):
        return []


def _starts_at_boot(host: ExaminedHost) -> bool:
    try:
        return all(finding.outcome == "ok" for finding in boot.start_at_boot(host))
    except (HostError, OSError):
        return False


def _keys(host: ExaminedHost) -> list[str]:
    """The public keys of the login user, for the git server. Of a key that lies alone, ssh-keygen tells the public one,
    unless it wants a passphrase."""
    keys: list[str] = []
    for path in sorted(glob.glob(os.path.expanduser("~/.ssh/id_*"))):
        with suppress(OSError, shell.CommandFailed):
            if path.endswith(".pub"):
                with open(path, errors="replace") as file:
                    keys.append(file.read().strip())
            elif not os.path.exists(path + ".pub"):
                keys += shell.answer(["ssh-keygen", "-y", "-P", "", "-f", path], cwd="/", env=host.env,
                                     timeout=KEY_TOLD_WITHIN, check=host.check)
    return keys
