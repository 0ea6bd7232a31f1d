"""supervisord, by its XML-RPC API over the unix socket that supervisord.conf names.

States and fault codes are those of supervisor.states and supervisor.xmlrpc (4.3).
"""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping

from ..errors import HostError
from ..protocol import UP
from ..system import leftovers
from ..system.shell import Check
from . import quoted_text, rpc
from .supervisord_access import SupervisordAccess
from .supervisord_conf import USE_SUDO

QUIET = 0.5                         # seconds in which an autorestart would begin
MOMENT = 1.0                        # seconds; users are told of longer waits
UNKNOWN_METHOD, SHUTDOWN_STATE, BAD_NAME, CANT_REREAD = 1, 6, 10, 92
SPAWN_ERROR, ALREADY_STARTED, NOT_RUNNING = 50, 60, 70
RPC_INTERFACE = "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface"


def reason(info: Mapping[str, Any]) -> str:
    """Why a program is in its state, in supervisord's words. They point to a log, which we show beside them."""
    words: str = info.get("spawnerr") or info.get("description") or ""
    return words.replace(" (process log may have details)", "")


class Down(HostError):
    """supervisord does not answer."""

    kind = "not_ready"


class Busy(Down):
    """supervisord did not answer in time: it hangs, or the host is overloaded."""


class Away(Down):
    """supervisord is not there: it may be restarted at this moment, as by an upgrade of its package."""


class Refused(HostError):
    """supervisord answers with a fault; `code` as in supervisor.xmlrpc.Faults."""

    def __init__(self, code: int, message: str, supervisorctl: str) -> None:
        super().__init__("supervisord: " + message, f"its own log on the host says more: {supervisorctl} maintail")
        self.code = code


class BadConfiguration(HostError):
    """supervisord cannot read its configuration; `message` has its own words."""

    kind = "not_ready"


class Supervisord:
    def __init__(self, access: SupervisordAccess, check: Check = lambda: None) -> None:
        self._access = access
        self._check = check
        self._conf = access.supervisord_conf

    def reload(self) -> tuple[list[str], list[str], list[str]]:
        """(added, changed, removed) groups against what runs. Starts and stops nothing."""
        try:
            ((added, changed, removed),) = self._call("reloadConfig")
        except Refused as fault:
            if fault.code == CANT_REREAD:
                words = fault.message.replace("supervisord: CANT_REREAD: ", "")
                raise BadConfiguration(quoted_text.hide(words),
                                       "correct that file on the host, then try again") from None
            raise
        return added, changed, removed

    def info(self, process: str) -> dict[str, Any]:
        """getProcessInfo of GROUP:NAME; {"statename": "absent"} when supervisord does not know the process."""
        try:
            info: dict[str, Any] = self._call("getProcessInfo", process)
            return info
        except Refused as fault:
            if fault.code == BAD_NAME:
                return {"statename": "absent", "pid": 0, "start": 0, "spawnerr": "", "description": ""}
            raise

    def processes(self, *groups: str) -> list[dict[str, Any]]:
        """getProcessInfo of each process in these groups, group after group, by name; [] when supervisord knows none of
        them. It tells of all programs of the host each time: ask for all groups at once."""
        infos = [info for info in self.all_processes() if info["group"] in groups] if groups else []
        return sorted(infos, key=lambda info: (groups.index(info["group"]), str(info["name"])))

    def all_processes(self) -> list[dict[str, Any]]:
        """getProcessInfo of each process."""
        infos: list[dict[str, Any]] = self._call("getAllProcessInfo")
        return infos

    def configurations(self, *groups: str) -> list[dict[str, Any]]:
        """The settings of these groups as supervisord read them last; a program that is defined twice has two."""
        return [info for info in self._call("getAllConfigInfo") if info["group"] in groups]

    def start(self, process: str) -> None:
        """Start it, and do not wait: a program may have ended before supervisord looks at it (SPAWN_ERROR)."""
        self._tolerating((ALREADY_STARTED, SPAWN_ERROR), "startProcess", process, False)

    def signal(self, process: str, signal: str) -> None:
        """Send it to a process that runs; `signal` as in HUP."""
        self._call("signalProcess", process, signal)

    def stop(self, states: Mapping[str, str], timeout: float, tell_wait: Check = lambda: None) -> None:
        """Stop them and wait for that, at most `timeout` seconds; supervisord itself kills them after stopwaitsecs.
        `states`: of each process the state that it was just seen in. `tell_wait` is called once, when that takes longer
        than a moment. Raises HostError.

        A program that ended by itself may be started again at once (autorestart): it must stay down for a moment.
        """
        begin = time.monotonic()
        is_told = False
        left = dict.fromkeys(states, begin)         # when each of them ended, or was last seen up
        pause = 0.001
        while True:
            for process in list(left):
                self._stop(process, states.get(process) or self.info(process)["statename"], left)
            if not left:
                return
            states = {}                             # from now on supervisord is asked
            self._check()
            now = time.monotonic()
            if now - begin > MOMENT and not is_told:
                is_told = True
                tell_wait()
            if now > begin + timeout:
                group, _, name = next(iter(left)).partition(":")
                raise HostError(f"{name} did not stop within {timeout:g} s",
                                f"see on the host what keeps it: ps -fp {self.info(f'{group}:{name}')['pid']}")
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    def _stop(self, process: str, state: str, left: dict[str, float]) -> None:
        """Ask for it where it is up; take it out of `left` when it is down, and stays so."""
        now = time.monotonic()
        if state in UP:
            left[process] = now
            if state != "STOPPING":
                self._tolerating((NOT_RUNNING,), "stopProcess", process, False)
        elif state != "EXITED" or now - left[process] > QUIET:
            del left[process]

    def add(self, program: str) -> None:
        self._call("addProcessGroup", program)

    def remove(self, program: str) -> None:
        self._call("removeProcessGroup", program)

    def _tolerating(self, codes: tuple[int, ...], method: str, *args: Any) -> None:
        try:
            self._call(method, *args)
        except Refused as fault:
            if fault.code not in codes:
                raise

    def version(self) -> str:
        return str(self._call("getSupervisorVersion"))

    def pid(self) -> int:
        return int(self._call("getPID"))

    def uid(self) -> int:
        """The user that supervisord runs as."""
        return int(self._reach(self._access.uid))

    def _call(self, method: str, *args: Any) -> Any:
        return self._reach(lambda: self._access.call(method, *args))

    def _reach(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except rpc.Fault as fault:
            if fault.code == SHUTDOWN_STATE:
                raise Away("supervisord is shutting down or restarting",
                           f"wait until it is gone, and start it on the host: {self._access.start_command}") from None
            if fault.code == UNKNOWN_METHOD:
                raise Down(f"{self._conf} has no [rpcinterface:supervisor]: supervisord takes no commands",
                           f"add that section, with the line {RPC_INTERFACE}, then restart supervisord") from None
            raise Refused(fault.code, str(fault), self._access.supervisorctl) from None
        except FileNotFoundError:
            why = f"its socket {self._access.socket} does not exist"
        except ConnectionRefusedError:
            why = f"its socket {self._access.socket} refuses connections"
        except PermissionError:
            raise Down(f"no permission to use supervisord's socket {self._access.socket}",
                       f"{USE_SUDO}; or log in as the user that runs supervisord") from None
        except (rpc.Timeout, BlockingIOError):     # BlockingIOError: too many wait for an answer already
            raise Busy(f"supervisord hangs: no answer within {rpc.ANSWER_WITHIN} s",
                       f"end it on the host, and start it anew: {self._access.start_command}") from None
        except rpc.NotOk as error:
            if error.status == 401:
                raise Down(f"supervisord refuses the username and password in {self._conf}",
                           "restart supervisord, or correct [unix_http_server]; where that has a {SHA}, the password"
                           " itself belongs into [supervisorctl]") from None
            if error.status == 500:
                raise HostError("supervisord fails at that, as where it cannot listen on the socket of a program",
                                f"its own log on the host says why: {self._access.supervisorctl} maintail") from None
            why = str(error)
        except OSError as error:
            why = str(error) or type(error).__name__
        raise self._down(why)

    def _down(self, why: str) -> Away:
        """A supervisord whose socket was swept away lives on, and a second one would fight with it over the ports; one
        that was killed left its programs behind, which hold them."""
        start, kill = self._access.start_command, self._access.prefix + "kill"
        pid = leftovers.daemon(self._access.pidfile)
        if pid:
            return Away(f"supervisord (pid {pid}) lives, but {why}",
                        f"restart it on the host, which restarts all of its programs: {kill} {pid}; "
                        f"when it is gone: {start}")
        left = leftovers.leftovers(self._access.socket)
        if left:
            pids = " ".join(str(process.pid) for process in left)
            return Away(f"supervisord is down: {why}; it left running: {leftovers.in_words(left)}",
                        f"end these on the host: {kill} {pids}; then start it: {start}")
        return Away(f"supervisord is down: {why}", f"start it on the host: {start}")
