"""A real OpenSSH server on a free loopback port, all of it in a temporary folder, as the current user."""

from __future__ import annotations

import functools
import getpass
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support import guard
from tests.support.processes import descendants, kill

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "", comment: str = "test") -> Path:
    """A key pair PATH, PATH.pub, which is new; of `rsa` it is the same in all of a process, for its primes are rare."""
    if kind == "rsa":
        for file, text in zip((path, Path(f"{path}.pub")), _rsa_key(), strict=True):
            file.touch(0o600)
            file.write_text(text)
        words = ["-p", "-P", "", "-N", passphrase] if passphrase else ["-c", "-C", comment]
    else:
        words = ["-t", kind, "-N", passphrase, "-C", comment]
    # One round of making the passphrase hard to guess: the usual ones take as long as a deploy, also of who reads it.
    subprocess.run(["ssh-keygen", "-q", "-a", "1", *words, "-f", str(path)], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)
    return path


@functools.cache
def _rsa_key() -> tuple[str, str]:
    """The private half and the public one, of 2048 bits."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "test", "-f", str(path)],
                       check=True, stdin=subprocess.DEVNULL)
        return path.read_text(), Path(f"{path}.pub").read_text()


def public(path: Path) -> str:
    """`type base64` of PATH.pub, without the comment."""
    return " ".join(Path(f"{path}.pub").read_text().split()[:2])


def clients_of(port: int) -> list[str]:
    """The open ends of connections to that port of this machine: ESTABLISHED or CLOSE_WAIT in proc_net_tcp(5)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[2].endswith(f":{port:04X}") and row[3] in ("01", "08")]


class Sshd:
    """`with Sshd(folder) as sshd:`; a login as the current user (`sshd.user`) with the key `sshd.client_key`.

    `environment` is set in every session by SetEnv. HOME is an empty folder, `sshd.home`, unless given, so that no
    .bashrc of the developer takes part (the login shell still starts in the password database's home).
    `shell`: this program, instead of the login shell, gets the command as `shell -c`.
    `options`: further lines of sshd_config; they come first, and sshd takes the first of each.
    `host_keys`: kinds, of ed25519, ecdsa, rsa.
    `account`: who logs in, and keeps their own HOME, where root runs the server; else the current user.
    """

    host = "127.0.0.1"

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None, shell: str | None = None,
                 options: Sequence[str] = (), host_keys: Sequence[str] = ("ed25519",),
                 account: pwd.struct_passwd | None = None) -> None:
        self.folder = folder / "sshd"
        for number in range(2, 100):
            if not self.folder.exists():
                break
            self.folder = folder / f"sshd{number}"
        self.folder.mkdir(parents=True, mode=0o700)
        guard.watch(self.folder)
        self.user = account.pw_name if account else getpass.getuser()
        self.port = 0
        self.client_key = keygen(self.folder / "client")
        self.host_keys = [keygen(self.folder / f"host_{kind}", kind) for kind in host_keys]
        self.authorized_keys = self.folder / "authorized_keys"
        self.authorize(self.client_key)
        self.home = Path(account.pw_dir) if account else self.folder / "home"
        self.home.mkdir(exist_ok=True)
        if account:                         # sshd reads that file as the user who logs in
            self.folder.chmod(0o711)
            self.authorized_keys.chmod(0o644)
        self._options = [*options, _environment({"HOME": str(self.home), **(environment or {})})]
        if shell is not None:
            self._options.append(f'ForceCommand exec {shell} -c "$SSH_ORIGINAL_COMMAND"')
        self._process: subprocess.Popen[str] | None = None
        self._log: list[str] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def end_sessions(self) -> None:
        """And wait until the clients have noticed, and closed their ends."""
        for pid in descendants(self.pid):
            kill(pid)
        deadline = time.monotonic() + 30
        while clients_of(self.port):
            assert time.monotonic() < deadline, f"a client of {self.name} noticed nothing"
            time.sleep(0.02)

    def authorize(self, key: Path, options: str = "") -> None:
        with self.authorized_keys.open("a") as file:
            file.write(f"{options} {public(key)}\n".lstrip())

    @property
    def name(self) -> str:
        """Its name in known_hosts files."""
        return f"[{self.host}]:{self.port}"

    @property
    def known_hosts_line(self) -> str:
        """One line a host key."""
        return "".join(f"{self.name} {public(key)}\n" for key in self.host_keys)

    @property
    def log(self) -> str:
        return "".join(self._log)

    def known_hosts_file(self) -> Path:
        path = self.folder / "known_hosts"
        path.write_text(self.known_hosts_line)
        return path

    def __enter__(self) -> Sshd:
        for _ in range(10):                 # a free port may be gone again before sshd has it
            self.port = free_port()
            if self._start():
                return self
        raise RuntimeError(f"sshd does not start:\n{self.log}")

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        children = descendants(process.pid)
        process.terminate()
        process.wait(60)
        for pid in children:                # sessions outlive their listener
            kill(pid)
        self._reader.join(5)
        assert process.stderr is not None
        if not self._reader.is_alive():
            process.stderr.close()
        self._process = None

    def _start(self) -> bool:
        assert SSHD is not None, "openssh-server is not installed"
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text("\n".join([
            "MaxStartups 100:30:200",       # the one option of which sshd takes the last
            *self._options, f"Port {self.port}", f"ListenAddress {self.host}",
            *(f"HostKey {key}" for key in self.host_keys), f"AuthorizedKeysFile {self.authorized_keys}",
            f"PidFile {self.folder / 'pid'}", "UsePAM no", "StrictModes no", "PermitRootLogin yes",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "UseDNS no",
            "PrintMotd no", "LogLevel VERBOSE", ""]))
        self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                         errors="replace", start_new_session=True)
        listening = threading.Event()
        over = threading.Event()
        process = self._process

        def read() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                self._log.append(line)
                if "Server listening on" in line:
                    over.set()
                    listening.set()
            over.set()

        self._reader = threading.Thread(target=read, daemon=True, name="sshd log")
        self._reader.start()
        over.wait(30)
        if not listening.is_set():
            process.kill()
            process.wait()
        return listening.is_set()

    def host_settings(self, **more: Any) -> dict[str, Any]:
        """Keyword arguments for inventory.model.Host: everything given, nothing left to ~/.ssh."""
        return {"name": "web1", "root": "/srv", "address": self.host, "port": self.port, "user": self.user,
                "identity_file": str(self.client_key), "known_hosts": str(self.known_hosts_file()), **more}


def _environment(values: Mapping[str, str]) -> str:
    """One SetEnv for all: sshd takes the first only."""
    return "SetEnv " + " ".join(f'"{name}={value}"' for name, value in values.items())


OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """On loopback, for a server that starts later: meanwhile the kernel gives it to no outgoing connection, unless this
    machine lets those use every port."""
    first_outgoing = int(OUTGOING.read_text().split()[0])
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[len("gw"):])
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))         # each has ports of its own
    below = range(max(1024, first_outgoing - 10_000) + worker, first_outgoing, workers)
    for port in [*random.SystemRandom().sample(below, min(100, len(below))), 0]:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise RuntimeError("no port is free")
