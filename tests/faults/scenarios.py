"""The faults and their moments. Every choice is made by a seed."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

from tests.faults.case import Case, Heal, Strike
from tests.faults.fleet import SHORT_LEASE, Fleet
from tests.integration.app import RUN, RunningClient
from tests.support.lab import wait_for
from tests.support.processes import command_line, descendants

STEPS = ("fetch", "checkout", "files", "build", "program", "restart", "verify", "health")
POINTS = (*(f"step:{step}" for step in STEPS), *(f"begun:{step}" for step in STEPS),
          *(f"did:{step}" for step in STEPS), "commit", "committed")
HELPER = b"exec(eval(input(1)))"
DISK = 60           # changes of the disk in a deploy, about
HOSTS = Fleet.names
STUBBORN = RUN.replace("exec -a", "trap '' TERM\nexec -a")


def stands(fleet: Fleet, client: RunningClient, host: str) -> bool:
    return fleet.stands(host, client)


def after(seconds: float):  # type: ignore[no-untyped-def]
    def wait(fleet: Fleet, client: RunningClient, host: str) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and client.process.poll() is None:
            time.sleep(0.005)
        return client.process.poll() is None
    return wait


def held(name: str, when: str, host: str, strike: Strike, **more: object) -> Case:
    """The host stands still at that point while it happens."""
    return Case(name, when, host, {"at": when, "do": "hold"}, strike, stands, **more)  # type: ignore[arg-type]


def at_random(name: str, seconds: float, host: str, strike: Strike, **more: object) -> Case:
    return Case(name, f"after {seconds:.3f} s", host, {}, strike, after(seconds), **more)  # type: ignore[arg-type]


def client_gets(number: signal.Signals) -> Strike:
    def strike(fleet: Fleet, client: RunningClient, host: str) -> None:
        client.signal(number)
        if number == signal.SIGKILL:
            client.process.wait()
    return strike


def executor_dies(fleet: Fleet, client: RunningClient, host: str) -> None:
    fleet.kill(fleet.executor_of(host))


def helper_dies(fleet: Fleet, client: RunningClient, host: str) -> None:
    """The process that sudo started as root; the executor lives on."""
    executor = fleet.executor_of(host)
    fleet.kill(*(pid for pid in descendants(executor or os.getpid()) if HELPER in command_line(pid)))


def host_side_dies(fleet: Fleet, client: RunningClient, host: str) -> None:
    fleet.kill_host_side(host)


def power_fails(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    """supervisord, all programs and what was not synced are gone, too; then it is started again, as a reboot would."""
    fleet.power_off(host)
    return lambda: fleet.power_on(host)


def all_power_fails(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    for name in HOSTS:
        fleet.power_off(name)
    return lambda: [fleet.power_on(name) for name in HOSTS] and None


def link_is_cut(fleet: Fleet, client: RunningClient, host: str) -> None:
    fleet.proxy.cut()


def link_is_cut_for_a_while(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    fleet.proxy.refusing = True
    fleet.proxy.cut()
    return lambda: setattr(fleet.proxy, "refusing", False)


def link_freezes(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    """Of a deploy with the short lease. The host must be as it was before the link is well again: it cannot know when
    that will be."""
    fleet.proxy.freeze()

    def thaw() -> None:
        try:
            fleet.settle(20)
        except AssertionError:
            fleet.complaints.append("the host waits for a client that it does not hear")
        fleet.proxy.thaw()
    return thaw


def link_freezes_for_a_moment(fleet: Fleet, client: RunningClient, host: str) -> None:
    fleet.proxy.freeze()
    after(0.5)(fleet, client, host)
    fleet.proxy.thaw()


def host_is_lost(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    """Its power and its network, and nobody knows for how long."""
    fleet.proxy.refusing = True
    fleet.power_off("web2")
    fleet.proxy.cut()

    def replaced() -> None:
        fleet.proxy.refusing = False
        fleet.power_on("web2")
    return replaced


def supervisord_stops(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    fleet.lab[host].stop_supervisord()
    return lambda: fleet.power_on(host)


def supervisord_restarts(fleet: Fleet, client: RunningClient, host: str) -> None:
    fleet.lab[host].stop_supervisord()
    fleet.lab[host].start_supervisord()


def supervisord_hangs(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    daemon = fleet.lab[host].daemon
    assert daemon is not None
    daemon.send_signal(signal.SIGSTOP)
    return lambda: daemon.send_signal(signal.SIGCONT)


def fails_and_reboots(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    """The client ends the deploy at the health check; the armed host goes back, and then its power fails."""
    _end_at_health(fleet, client)
    fleet.stands(host, client)
    return power_fails(fleet, client, host)


def reboots(fleet: Fleet, client: RunningClient, host: str) -> Heal:
    """The armed executor has lost what was not synced, and died; the rest of the host follows."""
    return power_fails(fleet, client, host)


def by_the_executor(name: str, at: str, do: str, nth: int, host: str, strike: Strike | None = None,
                    files: dict[str, str] | None = None, options: tuple[str, ...] = (), **more: object) -> Case:
    """The armed executor does it by itself."""
    when = f"{at} {nth}" if at == "disk" else at
    arm = {"at": at, "do": do, "nth": nth, **more}
    if strike is None:
        return Case(name, when, host, arm, files=files or {}, options=options)
    return Case(name, when, host, arm, strike, stands, files=files or {}, options=options)


KINDS = {
    "client SIGKILL": lambda r: _moment(r, "client SIGKILL", client_gets(signal.SIGKILL)),
    "client SIGTERM": lambda r: _moment(r, "client SIGTERM", client_gets(signal.SIGTERM)),
    "client SIGINT": lambda r: _moment(r, "client SIGINT", client_gets(signal.SIGINT)),
    "executor SIGKILL": lambda r: _moment(r, "executor SIGKILL", executor_dies),
    "all of the host side SIGKILL": lambda r: _moment(r, "all of the host side SIGKILL", host_side_dies),
    "SIGKILL at a change of the disk": lambda r: by_the_executor(
        "SIGKILL at a change of the disk", "disk", "kill", r.randint(1, DISK), r.choice(HOSTS)),
    "power cut and reboot": lambda r: _moment(r, "power cut and reboot", power_fails),
    "power cut of all hosts": lambda r: _moment(r, "power cut of all hosts", all_power_fails),
    "power cut at a change of the disk": lambda r: by_the_executor(
        "power cut at a change of the disk", "disk", "power cut", r.randint(1, DISK), r.choice(HOSTS), reboots),
    "disk full": lambda r: by_the_executor(
        "disk full", "disk", "full", r.randint(1, DISK), r.choice(HOSTS), writes=r.choice([1, 1000])),
    "network cut": lambda r: _moment(r, "network cut", link_is_cut, "web2"),
    "network cut, and back later": lambda r: _moment(r, "network cut, and back later", link_is_cut_for_a_while, "web2"),
    "network frozen": lambda r: _moment(r, "network frozen", link_freezes, "web2", lease=SHORT_LEASE),
    "network frozen for a moment": lambda r: _moment(
        r, "network frozen for a moment", link_freezes_for_a_moment, "web2"),
    "host lost for good": lambda r: _moment(r, "host lost for good", host_is_lost, "web2"),
    "supervisord stopped": lambda r: _moment(r, "supervisord stopped", supervisord_stops),
    "supervisord restarted": lambda r: _moment(r, "supervisord restarted", supervisord_restarts),
    "supervisord hangs": lambda r: _moment(r, "supervisord hangs", supervisord_hangs),
    "the clock jumps": lambda r: by_the_executor(
        "the clock jumps", r.choice(POINTS), "jump", 1, r.choice(HOSTS), seconds=r.choice([-90000, 90000])),
    "a build that forks into the background": lambda r: Case(
        "a build that forks into the background", "build", "web1",
        build=r.choice(["setsid sleep 5000 &\n", "env -i sleep 5000 &\n", "setsid nohup sh -c 'sleep 5000' &\n"])),
    "a way back that fails": lambda r: failing_way_back(r.choice(["checkout", "build", "program", "restart"])),
    "a small disk, full": lambda r: held(
        "a small disk, full", r.choice(POINTS[:3] + POINTS[7:10]), "web2", disk_fills(r.choice([0, 0, 0, 4, 16, 40]))),
    "a program that ignores SIGTERM": lambda r: stubborn(r.choice(["did:restart", "step:verify", "step:health"])),
    "sudo helper SIGKILL": lambda r: _moment(r, "sudo helper SIGKILL", helper_dies),
    "2 clients": lambda r: racing(2, r),
    "4 clients": lambda r: racing(4, r),
    "8 clients": lambda r: racing(8, r),
}

OF_SUDO = ("sudo helper SIGKILL",)


def _moment(r: random.Random, name: str, strike: Strike, host: str = "", **more: object) -> Case:
    host = host or r.choice(HOSTS)
    if r.random() < 0.3:
        return at_random(name, r.uniform(0.3, 1.2), host, strike, **more)
    return held(name, r.choice(POINTS), host, strike, **more)


def disk_fills(left: int) -> Strike:
    """A real file system, with `left` kB on it."""
    def strike(fleet: Fleet, client: RunningClient, host: str) -> Heal | None:
        if fleet.small_disk is None:
            return None
        filler = fleet.root(host) / "filler"
        free = os.statvfs(fleet.small_disk)
        with suppress(OSError):
            filler.write_bytes(b"x" * max(0, free.f_bavail * free.f_frsize - left * 1024))
        return filler.unlink
    return strike


def stubborn(at: str) -> Case:
    """The new version has to be killed on the way back."""
    return held("a program that ignores SIGTERM", at, "web1", client_gets(signal.SIGTERM), files={"run.sh": STUBBORN})


def racing(clients: int, r: random.Random) -> Case:
    """Some want all hosts, some one, some wait for the lock; each is told the truth, and never do two meet."""
    choices = [[], ["--wait", "60"], ["--host", "web1"], ["--host", "web2", "--wait", "60"]]
    orders = [r.choice(choices) for _ in range(clients - 1)]

    def strike(fleet: Fleet, client: RunningClient, host: str) -> None:
        others = [fleet.begin("deploy", "app", *order) for order in orders]
        for other, order in zip(others, orders, strict=True):
            code = other.end(90).code
            if code not in ((0,) if "--wait" in order else (0, 75)):
                fleet.complaints.append(f"a client {order} ended with {code}")
    return Case(f"{clients} clients", "at once", "web1", {}, strike, after(r.uniform(0, 0.6)), apart=True)


def failing_way_back(undo: str) -> Case:
    """The client is interrupted at the health check; then one of the undos breaks."""
    at = f"undo:{undo}"
    return Case("a way back that fails", at, "web1", {"at": at, "do": "break"},
                lambda fleet, client, host: _end_at_health(fleet, client), _hold_health)


def power_cut_after_the_way_back(host: str) -> Case:
    return Case("power cut, restored", "restored", host, {"at": "restored", "do": "power cut"}, fails_and_reboots,
                _hold_health)


def _hold_health(fleet: Fleet, client: RunningClient, host: str) -> bool:
    """`hold` keeps the health check from passing: the version is not healthy yet."""
    fleet.app.shut("hold", fleet.version)
    return True


def _end_at_health(fleet: Fleet, client: RunningClient) -> None:
    wait_for(lambda: any(event["event"] == "step_started" and event["step"] == "health"
                         for event in list(client.events)) or client.process.poll() is not None, "the health check")
    client.signal(signal.SIGTERM)


def cases(seed: int, kinds: list[str] | None = None, sudo: bool = False) -> Iterator[Case]:
    """One of every kind, each at a moment of its own."""
    for name in kinds or [name for name in KINDS if sudo or name not in OF_SUDO]:
        yield KINDS[name](random.Random(f"{seed} {name}"))


