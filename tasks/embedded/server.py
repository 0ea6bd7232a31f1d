"""The process behind the sandbox: both hosts' SSH servers, and their supervisords as its children.

    python -m tasks.embedded.server STATE CHECKOUT

It writes `ready` to its standard output, once, and runs until it gets SIGTERM or one of the folders is removed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pwd
import signal
import sys
from pathlib import Path

import supervisor

from . import listener, processes
from .sandbox import LAYOUT, NAMES
from .state_dir import write_private

Supervisord = asyncio.subprocess.Process

# Without our environment, supervisord would not be found where PYTHONPATH or the home folder has it.
START_SUPERVISORD = "import sys; sys.path.append(sys.argv.pop(1)); from supervisor.supervisord import main; main()"


def main() -> None:
    """Detach, and reset signals that the caller may have ignored or blocked: the hosts' programs inherit them."""
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    state, checkout = map(Path, sys.argv[1:3])
    os.chdir(state)
    asyncio.run(_run(state, checkout))


async def _run(state: Path, checkout: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    environment = _environment(state)
    supervisords = {name: await _supervise(state / name, environment) for name in NAMES}
    try:
        ports = await listener.listen(state, environment)
        for name, supervisord in supervisords.items():
            await _wait_until_answering(state / name / "root" / "supervisor.sock", supervisord)
        _report_ready(state, ports, supervisords)
        while not stop.is_set() and state.exists() and checkout.exists():
            try:
                await asyncio.wait_for(stop.wait(), 2)
            except asyncio.TimeoutError:
                continue
    finally:
        for supervisord in supervisords.values():
            if supervisord.returncode is None:
                supervisord.terminate()
        await asyncio.gather(*(supervisord.wait() for supervisord in supervisords.values()))


def _environment(state: Path) -> dict[str, str]:
    """The variables of a login, and no others: a service must not depend on variables of the caller.

    PATH is the caller's, and at its end our python3, for machines that have none of that name.
    """
    path = os.environ.get("PATH", os.defpath) + os.pathsep + str(Path(sys.executable).parent)
    return {"PATH": path, "USER": _user(), "LOGNAME": _user(), "SHELL": "/bin/sh", "LANG": "C.UTF-8",
            processes.MARK: str(state)}


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


async def _supervise(folder: Path, environment: dict[str, str]) -> Supervisord:
    (folder / "root" / "supervisor.sock").unlink(missing_ok=True)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", START_SUPERVISORD, str(Path(supervisor.__file__).parents[1]),
        "-c", str(folder / "root" / "supervisord.conf"),
        cwd=folder / "root", env={**environment, "HOME": str(folder / "home")},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, start_new_session=True)


async def _wait_until_answering(path: Path, supervisord: Supervisord) -> None:
    while supervisord.returncode is None:
        try:
            _, writer = await asyncio.open_unix_connection(path)
        except OSError:
            await asyncio.sleep(0.01)
            continue
        writer.close()
        return
    raise SystemExit(f"supervisord ended with status {supervisord.returncode}; see {path.parent}/supervisord.log")


def _report_ready(state: Path, ports: dict[str, tuple[int, int]], supervisords: dict[str, Supervisord]) -> None:
    pids = [os.getpid(), *(supervisord.pid for supervisord in supervisords.values())]
    write_private(state / "state.json", json.dumps({
        "layout": LAYOUT, "boot": processes.boot(), "python": sys.executable, "user": _user(),
        "processes": [(pid, processes.start_time(pid)) for pid in pids],
        "hosts": {name: {"port": port, "variables": {"PORT": str(service)}}
                  for name, (port, service) in ports.items()},
    }))
    try:
        os.write(1, b"ready\n")
    except BrokenPipeError:
        pass
    os.dup2(2, 1)


if __name__ == "__main__":
    main()
