"""A Debian as debootstrap makes it, with an apt of its own: sshd, sudo with a password, and what else it is given.

It runs in namespaces of its own: its mounts and processes are gone with the one process that began them.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support import guard
from tests.support.lab import wait_for
from tests.support.processes import descendants, kill
from tests.support.sshd import free_port, keygen, public

PACKAGES = ("openssh-server", "python3", "sudo")
# sshd lets a user without PAM in; sudo asks PAM for the password.
SSHD = "Port {port}\nListenAddress 127.0.0.1\nHostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM no\nUseDNS no\n"
BEGIN = """
mount --make-rprivate / && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" || exit
test ! -e "$0/usr/bin/supervisord" || chroot "$0" /usr/bin/supervisord -c /etc/supervisor/supervisord.conf
exec chroot "$0" /usr/sbin/sshd -D -e -f /etc/ssh/sshd_of_test
"""


class Debian:
    """`with Debian("bookworm") as host:`; the user `deploy` may use sudo with `password`. `packages`: further ones; a
    supervisor among them runs."""

    password = "it's a s3cret"

    def __init__(self, suite: str = "bookworm", packages: tuple[str, ...] = ()) -> None:
        assert shutil.which("debootstrap"), "debootstrap is not installed"
        self.folder = Path(tempfile.mkdtemp(prefix="debian-"))
        guard.watch(self.folder)
        self.tree = self.folder / suite
        self._suite = suite
        self._packages = ",".join(PACKAGES + packages)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Debian:
        self.folder.chmod(0o755)
        self._run("debootstrap", "--variant=minbase", f"--include={self._packages}", self._suite, str(self.tree))
        self.key, self.port = keygen(self.folder / "client"), free_port()
        self.chroot("useradd --create-home --shell /bin/bash --groups sudo deploy")
        self.chroot("chpasswd", f"deploy:{self.password}\n")
        self.chroot("install -d -o deploy -m 700 /home/deploy/.ssh && mkdir -p /run/sshd")
        (self.tree / "home/deploy/.ssh/authorized_keys").write_text(public(self.key) + "\n")
        (self.tree / "etc/ssh/sshd_of_test").write_text(SSHD.format(port=self.port))
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", BEGIN, str(self.tree)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._listens, "sshd of the Debian")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        guard.clear(self.folder)

    @property
    def known_hosts_line(self) -> str:
        return f"[127.0.0.1]:{self.port} {public(self.tree / 'etc/ssh/ssh_host_ed25519_key')}\n"

    def chroot(self, script: str, given: str = "") -> str:
        return self._run("chroot", str(self.tree), "/bin/sh", "-euc", script, given=given)

    def kill(self, pid: int) -> None:
        """That process, by its number within the Debian, and all that it started."""
        assert self._process is not None
        (outside,) = [each for each in descendants(self._process.pid) if number_within(each) == pid]
        for each in [outside, *descendants(outside)]:
            kill(each)

    def settings(self, **more: Any) -> dict[str, Any]:
        """As under `hosts` in hosts.yaml."""
        return {"address": "127.0.0.1", "port": self.port, "user": "deploy", "identity_file": str(self.key), **more}

    def _run(self, *command: str, given: str = "") -> str:
        done = subprocess.run(command, input=given, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        assert done.returncode == 0, done.stdout[-2000:]
        return done.stdout

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


def number_within(pid: int) -> int:
    """The number that a process has in its own namespace; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("\nNSpid:")[2].partition("\n")[0].split()[-1])
