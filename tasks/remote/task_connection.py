"""Connections for a team's own tasks: commands begin where a service runs, and what they print becomes lines."""

from __future__ import annotations

import contextlib
import functools
import io
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .._errors import FabvisorError, NotReady
from ..executor.masking import Mask
from ..inventory.model import Target
from ..program.quoting import for_sh, path_for_sh
from .connection import HostConnection, connect
from .ssh_answers import SshAnswers

AT_ONCE = 10
LONGEST_LINE = 1 << 16                      # characters; what is longer is given on in pieces
Say = Callable[[str, str], None]            # takes a line, and the stream that it came on: stdout or stderr


@dataclass(frozen=True)
class TaskConnection:
    """`env_file`: its text, where the task is about a service; empty where it is not."""

    target: Target
    connection: HostConnection
    env_file: str

    @property
    def prefixes(self) -> int:
        """How many commands stand before one of the task: cd, and those that give the environment."""
        return 3 if self.env_file else 1

    @contextlib.contextmanager
    def placed(self, service: str, say: Say) -> Iterator[HostConnection]:
        """The connection, while its commands run in the service's directory, with its environment; without a service
        in the root. Secrets of the service are masked in what `say` gets."""
        mask = Mask()
        mask.learn(self.env_file)
        lock = threading.Lock()
        streams = [LineStream(functools.partial(_masked, say, mask, name), lock) for name in ("stdout", "stderr")]
        settings = self.connection.config.run
        settings.out_stream, settings.err_stream = streams
        settings.in_stream = False
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.connection.cd(
                self.target.running_directory if service else self.target.host.root))
            if service:
                variables = f"export RUN_MODE={for_sh(self.target.service.run_mode)}"
                stack.enter_context(self.connection.prefix(f". {path_for_sh(self.target.env_file)} && {variables}"))
            try:
                yield self.connection
            finally:
                for stream in streams:
                    stream.end()

    def close(self) -> None:
        self.connection.sever()


def _masked(say: Say, mask: Mask, stream: str, line: str) -> None:
    say(mask(line), stream)


class LineStream(io.TextIOBase):
    """A file that gives each line on as soon as it is whole. `lock`: of both streams, which Invoke writes on threads of
    their own: whoever takes the lines is not called twice at once."""

    def __init__(self, take: Callable[[str], None], lock: threading.Lock) -> None:
        self._take = take
        self._lock = lock
        self._rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        if len(self._rest) > LONGEST_LINE:
            lines, self._rest = [*lines, self._rest], ""
        with self._lock:
            for line in lines:
                self._take(line.rstrip("\r"))
        return len(text)

    def end(self) -> None:
        """What is left is a line, too."""
        if self._rest:
            self.write("\n")


def open_all(targets: Sequence[Target], service: str) -> list[TaskConnection | FabvisorError]:
    """To each host, in the order of the targets; the error of a host that cannot be used. Close them."""
    ask = SshAnswers()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda target: _open(target, service, ask), targets))


def _open(target: Target, service: str, ask: SshAnswers) -> TaskConnection | FabvisorError:
    try:
        connection = connect(target.host, ask)
    except FabvisorError as error:
        return error
    try:
        return TaskConnection(target, connection, _env_file(connection, target) if service else "")
    except FabvisorError as error:
        connection.sever()
        return error


def _env_file(connection: HostConnection, target: Target) -> str:
    """Raises NotReady where the service is not deployed."""
    answer = connection.run(f"cat {path_for_sh(target.env_file)}", hide=True, warn=True, in_stream=False)
    if not answer.ok:
        raise NotReady(f"{target.host.name}: {target.service.name} is not deployed, or the login user "
                       f"cannot read {target.env_file}", f"fab deploy {target.service.name}")
    return str(answer.stdout)

