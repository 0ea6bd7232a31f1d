"""The steps that set up a host: those that its facts ask for, in their order. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from .._errors import NotReady
from ..program.quoting import for_sh
from . import files
from .packages import Manager, manager_of

if TYPE_CHECKING:
    from ..inventory.model import Host
    from ..rollout.protocol import HostFacts

END = "END_OF_FILE"
AS_ROOT_END = "END_OF_ROOT"


class Step(Struct, frozen=True):
    """`script`: lines of sh, which stop at the first that fails. `as_root`: only root may run them."""

    name: str
    script: str
    as_root: bool = False

    @property
    def typed(self) -> str:
        """As somebody would type it who is not root."""
        return f"sudo sh -eu -s <<'{AS_ROOT_END}'\n{self.script}\n{AS_ROOT_END}" if self.as_root else self.script


def steps_for(host: Host, facts: HostFacts, needs_key: bool) -> list[Step]:
    """None where nothing is to be done. `needs_key`: the host fetches with ssh. Raises NotReady where it cannot be done
    with the rights that hosts.yaml gives."""
    packaged = (host.supervisord or ("packaged" if host.sudo else "own")) == "packaged"
    manager = manager_of(facts.distributions)
    _require(host, facts, packaged, manager)
    steps = [*(_packaged(facts, manager) if packaged and manager else ()), *_root(facts, packaged),
             *(_own(facts) if not packaged else ()), *(_key(facts) if needs_key else ())]
    if any(step.as_root for step in steps) and not facts.root_shell:
        how = "with the password that was given" if host.sudo_password else "without a password"
        raise NotReady(f"{host.name}: sudo lets {facts.login} run no script as root {how}",
                       f"--prompt-for-sudo-password asks for it; or put into sudoers until it is set up: {facts.login} "
                       "ALL=(root) NOPASSWD: ALL; or type what fab setup does as root: "
                       + " && ".join(step.script for step in steps if step.as_root))
    return [replace(step, as_root=step.as_root and facts.login != "root") for step in steps]


def _require(host: Host, facts: HostFacts, packaged: bool, manager: Manager | None) -> None:
    """What only root can give, where we are not root."""
    name = host.name
    if packaged and manager is None and not (facts.conf_exists and facts.has("git")):
        raise NotReady(f"{name}: {facts.distribution} is a distribution whose packages are not known here",
                       "install these on the host yourself: supervisor, git, and an ssh client")
    if packaged and manager is None and not facts.supervisord_runs:
        raise NotReady(f"{name}: supervisord does not run, and how {facts.distribution} starts it is not known here",
                       "start it on the host yourself, and let it start at boot")
    if packaged and manager and not facts.conf_exists and facts.supervisord_conf != manager.conf:
        raise NotReady(f"{name}: the package's supervisord does not read {facts.supervisord_conf}",
                       f"write in hosts.yaml, at the host: supervisord_conf: {manager.conf} and program_dir: "
                       f"{manager.program_dir}")
    missing = [] if packaged else [need for need in ("git", "venv") if not facts.has(need)]
    if missing:
        words = " and ".join({"git": "git", "venv": "Python's venv"}[need] for need in missing)
        install = f"as root on the host: {manager.install(manager.packages(missing))}" if manager else \
            f"install these on the host yourself: {', '.join(missing)}"
        raise NotReady(f"{name}: {words} {'is' if len(missing) == 1 else 'are'} missing on the host", install)
    if not packaged and not facts.root_exists and not facts.root_can_be_made:
        raise NotReady(f"{name}: {facts.login} cannot make the root {facts.root}",
                       f"as root on the host: install -d -o {for_sh(facts.login)} {for_sh(facts.root)}")
    if not packaged and facts.closed and not facts.supervisord_runs:
        raise _closed(name, facts)
    if not packaged and not facts.conf_exists and len(files.included_folder(facts).split()) > 1:
        raise NotReady(f"{name}: supervisord includes no files of a folder with a blank in its name: "
                       f"{facts.program_dir}", "write another program_dir in hosts.yaml, such as conf.d")


def _closed(name: str, facts: HostFacts) -> NotReady:
    """What setup would write into a folder of somebody else's, such as /etc/supervisor."""
    key = facts.closed[0]
    folder = {"root": facts.root, "program_dir": facts.program_dir}.get(key) or os.path.dirname(facts.supervisord_conf)
    return NotReady(f"{name}: {facts.login} cannot write in {folder}",
                    f"let `{key}` in hosts.yaml name a place of that user, such as below ~/app; or write, for the"
                    f" distribution's supervisord, sudo: true; whose it is: ls -ld {for_sh(folder)}")


def _packaged(facts: HostFacts, manager: Manager) -> Iterator[Step]:
    needs = [*([] if facts.conf_exists else ["supervisor"]), *([] if facts.has("git") else ["git"])]
    if needs:
        yield Step("packages", manager.install(manager.packages(needs)), as_root=True)
    if not facts.conf_exists or not facts.supervisord_runs or not facts.starts_at_boot:
        yield Step("supervisord", manager.enable(facts.systemd), as_root=True)


def _root(facts: HostFacts, packaged: bool) -> Iterator[Step]:
    if facts.root_exists:
        return
    if facts.root_can_be_made:
        yield Step("root", f"mkdir -p {for_sh(facts.root)}")
    elif packaged:
        yield Step("root", f"install -d -o {for_sh(facts.login)} {for_sh(facts.root)}", as_root=True)


def _own(facts: HostFacts) -> Iterator[Step]:
    if facts.supervisord_runs and facts.starts_at_boot:
        return
    if not facts.venv_supervisord and not facts.supervisord_command:
        venv = for_sh(facts.supervisor_venv)
        yield Step("supervisor", f"{for_sh(facts.python)} -m venv --clear {venv}\n"
                                 f"{venv}/bin/pip install --quiet --retries 2 'supervisor>=4.3,<5'")
    if not facts.conf_exists:
        yield Step("configuration", _written(facts.supervisord_conf, files.configuration(facts)))
    if not facts.program_dir_exists:
        yield Step("program_dir", f"mkdir -p {for_sh(facts.program_dir)}")
    if not facts.starts_at_boot and facts.has_boot:
        yield Step("boot", _unit_or_line(facts) if facts.user_units else _line(facts))
    elif not facts.supervisord_runs:
        yield Step("start", files.start_command(facts))


def _unit_or_line(facts: HostFacts) -> str:
    """A unit of the user starts with the host only where the user may linger."""
    name = files.unit_name(facts)
    folder = f"{facts.home}/.config/systemd/user"
    now = "" if facts.supervisord_runs else "--now "
    return "\n".join([
        "if loginctl enable-linger", "then", _written(f"{folder}/{name}", files.unit(facts)),
        "systemctl --user daemon-reload", f"systemctl --user enable {now}{name}", "else", _line(facts), "fi"])


def _line(facts: HostFacts) -> str:
    """Once, however often it runs; the other lines of the crontab stay."""
    line = for_sh(files.cron_line(facts))
    start = [] if facts.supervisord_runs else [files.start_command(facts)]
    return "\n".join([f"{{ crontab -l 2>/dev/null | grep -vxF {line} || true; echo {line}; }} | crontab -", *start])


def _key(facts: HostFacts) -> Iterator[Step]:
    if not facts.keys:
        path = for_sh(f"{facts.home}/.ssh/id_ed25519")
        comment = for_sh(f"{facts.login}@{facts.node}")
        # A key that is there, and that ssh-keygen cannot read, is a person's: it says why.
        yield Step("key", f"mkdir -p -m 700 {for_sh(facts.home + '/.ssh')}\n"
                          f"[ ! -e {path} ] || {{ ssh-keygen -y -P '' -f {path}; exit 1; }}\n"
                          f"ssh-keygen -q -t ed25519 -N '' -C {comment} -f {path}")


def _written(path: str, text: str) -> str:
    folder = path.rpartition("/")[0]
    return f"mkdir -p {for_sh(folder)}\ncat >{for_sh(path)} <<'{END}'\n{text}{END}"
