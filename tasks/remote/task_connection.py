"""Connections for a team's own tasks: commands begin where a service runs, and what they print becomes lines."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from paramiko import SSHException

from .._errors import FabvisorError, NotReady
from ..executor.masking import Mask
from ..inventory.model import Target
from ..inventory.secret import Secret, reveal
from ..program.quoting import for_any_shell, for_sh, path_for_sh
from . import running_folder, start_errors
from .configuration.ssh_answers import SshAnswers
from .connection.connection import connect
from .connection.host_connection import HostConnection
from .task_runner import ERR, OUT, ClientRunner, HostRunner, LineStream

AT_ONCE = 10
BEGUN = "fabvisor: sh begins"       # behind what the login prints
Say = Callable[[str, str], None]            # takes a line, and the stream that it came on: stdout or stderr


@dataclass(frozen=True)
class TaskConnection:
    """`env_file`: its text, where the task is about a service; empty where it is not."""

    target: Target
    connection: HostConnection
    env_file: str
    sudo_password: Secret | None

    @functools.cached_property
    def mask(self) -> Mask:
        """Of the secrets of the service as the host has them, and of the password for sudo."""
        mask = Mask()
        mask.learn(self.env_file)
        if self.sudo_password is not None:
            mask.learn_words([reveal(self.sudo_password)])
        return mask

    @contextlib.contextmanager
    def placed(self, service: str, say: Say) -> Iterator[HostConnection]:
        """The connection, while its commands run in the service's directory, with its environment; without a service
        in the root. Secrets of the service are masked in what `say` gets."""
        if self.sudo_password is not None:
            self.connection.config.sudo.password = reveal(self.sudo_password)       # for c.sudo
        lock = threading.Lock()
        streams = {name: LineStream(functools.partial(_masked, say, self.mask, name), lock) for name in (OUT, ERR)}
        runners = self.connection.config.runners
        runners.remote = functools.partial(HostRunner, streams=streams, beginning=self._beginning(service))
        runners.local = functools.partial(ClientRunner, streams=streams)
        try:
            yield self.connection
        finally:
            for stream in streams.values():
                stream.end()

    def _beginning(self, service: str) -> str:
        if not service:
            return f"cd {path_for_sh(self.target.host.root)}"
        return (f"{running_folder.enter(self.target)} && . {path_for_sh(self.target.env_file)}"
                f" && export RUN_MODE={for_sh(self.target.service.run_mode)}")

    def answers(self) -> bool:
        """Whether the host still opens a session, after a command that ended without an exit status."""
        try:
            self.connection.transport.open_session(timeout=self.target.host.connect_timeout).close()
        except (SSHException, EOFError, OSError):
            return False
        return True

    def close(self) -> None:
        self.connection.sever()


def _masked(say: Say, mask: Mask, stream: str, line: str) -> None:
    say(mask(line), stream)


def open_all(targets: Sequence[Target], service: str, sudo_password: Secret | None
             ) -> list[TaskConnection | FabvisorError]:
    """To each host, in the order of the targets; the error of a host that cannot be used. Close them."""
    ask = SshAnswers()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda target: _open(target, service, sudo_password, ask), targets))


def _open(target: Target, service: str, sudo_password: Secret | None, ask: SshAnswers
          ) -> TaskConnection | FabvisorError:
    try:
        connection = connect(target.host, ask)
    except FabvisorError as error:
        return error
    try:
        return TaskConnection(target, connection, _env_file(connection, target, service), sudo_password)
    except FabvisorError as error:
        connection.sever()
        return error


def _env_file(connection: HostConnection, target: Target, service: str) -> str:
    """Its text; empty without a service. Raises NotReady where that is not deployed, or the host runs no commands."""
    name = target.host.name
    script = f"echo {BEGUN}" + (f"; cat {path_for_sh(target.env_file)}" if service else "")
    answer = connection.run(for_any_shell(script), hide=True, warn=True, in_stream=False)
    before, begun, text = answer.stdout.partition(f"{BEGUN}\n")
    if not begun:
        raise start_errors.no_commands(name, before + answer.stderr)
    if not answer.ok:
        raise NotReady(f"{name}: {target.service.name} is not deployed, or the login user "
                       f"cannot read {target.env_file}", f"fab deploy {target.service.name}")
    return str(text)
