"""Promises 3, 4, 5 under faults: a short fixed set. `./fab test.faults --seeds N` goes on from here."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator

import pytest

from tests.faults import scenarios as faults
from tests.faults.case import Case, try_it
from tests.faults.fleet import SHORT_LEASE, Fleet
from tests.integration.app import RunningClient, messages
from tests.support.lab import wait_for

# A fault may cost a lease of 30 seconds, and each of these tests tries dozens.
MINUTES = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def fleet(real_hosts: None) -> Iterator[Fleet]:
    with Fleet() as made:
        yield made


@pytest.fixture(scope="module")
def carried(real_hosts: None) -> Iterator[Fleet]:
    """Its hosts get their commits from the client."""
    with Fleet(fetch="client") as made:
        yield made


@pytest.fixture(scope="module")
def several(real_hosts: None) -> Iterator[Fleet]:
    """Three programs, of which one comes and goes, on hosts with `sudo: true`."""
    with Fleet(several=True, sudo=True) as made:
        yield made


@pytest.fixture(scope="module")
def hooked(real_hosts: None) -> Iterator[Fleet]:
    with Fleet(hooked=True) as made:
        yield made


CASES = [
    faults.held("power cut and reboot", "step:program", "web2", faults.power_fails),
    faults.by_the_executor("power cut", "committed", "power cut", 1, "web2", faults.reboots),
]
LONG = [
    faults.held("client SIGKILL", "did:fetch", "web1", faults.client_gets(signal.SIGKILL)),
    faults.held("network cut", "did:verify", "web2", faults.link_is_cut),
    Case("a build in the background", "", "web1", build="setsid sleep 5000 &\nenv -i sleep 5000 &\n"),
    faults.held("a small disk, full", "step:fetch", "web2", faults.disk_fills(0)),
    faults.by_the_executor("SIGKILL", "disk", "kill", 30, "web1"),
    faults.by_the_executor("disk full", "disk", "full", 6, "web1", writes=1000),
    faults.held("client SIGKILL", "step:health", "web1", faults.client_gets(signal.SIGKILL)),
    faults.held("client SIGINT", "did:restart", "web1", faults.client_gets(signal.SIGINT)),
    faults.held("client SIGKILL", "did:restart", "web2", faults.client_gets(signal.SIGKILL)),
    faults.by_the_executor("power cut", "begun:verify", "power cut", 1, "web2", faults.reboots),
    faults.held("client SIGTERM", "did:restart", "web2", faults.client_gets(signal.SIGTERM)),
    faults.held("executor SIGKILL", "did:program", "web1", faults.executor_dies),
    faults.held("power cut and reboot", "did:build", "web1", faults.power_fails),
    faults.power_cut_after_the_way_back("web2"),
    faults.held("network frozen", "did:build", "web2", faults.link_freezes, lease=SHORT_LEASE),
    faults.held("supervisord stopped", "did:restart", "web1", faults.supervisord_stops),
    faults.by_the_executor("clock", "did:build", "jump", 1, "web1", seconds=-90000),
    faults.failing_way_back("build"),
]


BY_THE_CLIENT = {"options": ("--fetch", "client"),
                 "files": {"large": random.Random(1).randbytes(2**20).hex()}}       # several pieces of a pack
CARRIED = [
    faults.held("network cut", "pack", "web2", faults.link_is_cut, **BY_THE_CLIENT),
    *(pytest.param(case, marks=pytest.mark.long) for case in (
        faults.held("client SIGKILL", "pack", "web1", faults.client_gets(signal.SIGKILL), **BY_THE_CLIENT),
        faults.held("power cut and reboot", "pack", "web1", faults.power_fails, **BY_THE_CLIENT),
        faults.held("a small disk, full", "pack", "web2", faults.disk_fills(0), **BY_THE_CLIENT),
        faults.by_the_executor("SIGKILL", "pack", "kill", 3, "web1", **BY_THE_CLIENT))),
]


SEVERAL = [
    faults.held("sudo helper SIGKILL", "did:restart", "web1", faults.helper_dies),
    faults.held("power cut and reboot", "step:verify", "web2", faults.power_fails),
    faults.held("sudo helper SIGKILL", "step:program", "web2", faults.helper_dies),
    faults.held("client SIGKILL", "did:restart", "web1", faults.client_gets(signal.SIGKILL)),
    faults.held("supervisord restarted", "did:program", "web1", faults.supervisord_restarts),
    faults.failing_way_back("restart"),
]


HOOKED = [
    faults.held("client SIGKILL", "did:drain", "web2", faults.client_gets(signal.SIGKILL)),
    faults.held("client SIGKILL", "step:drain", "web1", faults.client_gets(signal.SIGKILL)),
    faults.held("client SIGKILL", "did:restart", "web1", faults.client_gets(signal.SIGKILL)),
    faults.held("client SIGKILL", "did:undrain", "web2", faults.client_gets(signal.SIGKILL)),
    faults.held("client SIGINT", "did:drain", "web2", faults.client_gets(signal.SIGINT)),
    faults.held("client SIGTERM", "step:undrain", "web1", faults.client_gets(signal.SIGTERM)),
    faults.held("executor SIGKILL", "did:drain", "web1", faults.executor_dies),
    faults.held("executor SIGKILL", "step:verify", "web2", faults.executor_dies),
    faults.held("executor SIGKILL", "did:undrain", "web1", faults.executor_dies),
    faults.held("power cut and reboot", "did:drain", "web2", faults.power_fails),
    faults.held("power cut and reboot", "did:undrain", "web1", faults.power_fails),
    faults.held("network cut", "did:drain", "web2", faults.link_is_cut),
    faults.held("network cut", "did:undrain", "web2", faults.link_is_cut),
    faults.by_the_executor("power cut", "committed", "power cut", 1, "web2", faults.reboots),
    faults.failing_way_back("drain"), faults.failing_way_back("undrain"), faults.failing_way_back("restart"),
]


def name(case: Case) -> str:
    return f"{case.name} {case.when}".strip()


@pytest.mark.promise(3)
@pytest.mark.promise(4)
@pytest.mark.promise(8)
@pytest.mark.parametrize("case", [*CASES, *(pytest.param(case, marks=pytest.mark.long) for case in LONG)], ids=name)
def test_fault_leaves_one_version_everywhere_or_names_the_host(fleet: Fleet, case: Case) -> None:
    """Old or new on each host, the same on all or named; nothing left behind; the next deploy works."""
    assert try_it(fleet, case).wrong == []


@pytest.mark.promise(3)
@pytest.mark.parametrize("case", CARRIED, ids=name)
def test_fault_in_the_pack_of_the_client_leaves_one_version_everywhere(fleet: Fleet, case: Case) -> None:
    assert try_it(fleet, case).wrong == []


@pytest.mark.long
@pytest.mark.promise(3)
@pytest.mark.promise(4)
@pytest.mark.parametrize("case", SEVERAL, ids=name)
def test_fault_leaves_one_version_of_all_programs_through_sudo(several: Fleet, case: Case) -> None:
    assert try_it(several, case).wrong == []


@pytest.mark.long
@pytest.mark.promise(3)
@pytest.mark.promise(4)
@pytest.mark.parametrize("case", HOOKED, ids=name)
def test_fault_leaves_each_host_in_service_or_status_names_it(hooked: Fleet, case: Case) -> None:
    """And the next recover, or deploy, takes it into service again: by the hooks of the host, and of the client."""
    assert try_it(hooked, case).wrong == []


@MINUTES
@pytest.mark.long
def test_random_faults_leave_one_version_of_all_programs_through_sudo(several: Fleet) -> None:
    assert [verdict for case in faults.cases(1, sudo=True) if (verdict := try_it(several, case)).wrong] == []


@MINUTES
@pytest.mark.long
def test_random_faults_leave_one_version_everywhere_with_packs_of_the_client(carried: Fleet) -> None:
    assert [verdict for case in faults.cases(1) if (verdict := try_it(carried, case)).wrong] == []


@MINUTES
@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_random_faults_leave_one_version_everywhere(fleet: Fleet, seed: int) -> None:
    assert [verdict for case in faults.cases(seed) if (verdict := try_it(fleet, case)).wrong] == []


@pytest.mark.promise(8)
def test_screen_says_what_is_waited_for_when_a_program_does_not_stop(fleet: Fleet) -> None:
    """It ignores SIGTERM: supervisord kills it after stopwaitsecs, and the screen says what is waited for."""
    fleet.next_version({"run.sh": faults.STUBBORN})
    assert fleet.fab("deploy", "app").code == 0
    wait_for(lambda: fleet.app.running("web1") == fleet.version, "it to ignore signals from now on")
    fleet.next_version()
    run = fleet.fab("deploy", "app")
    assert run.code == 0, run
    waits = [event for event in run.events if event["event"] == "host_state" and event["state"] == "waiting"]
    assert {event["host"] for event in waits} == set(fleet.names)
    assert {event["detail"] for event in waits} == {"for app to stop (up to 2 s)"}


@pytest.mark.promise(3)
def test_undo_does_not_depend_on_events_that_cannot_be_sent(fleet: Fleet) -> None:
    old = fleet.version
    fleet.next_version(build="false\n")
    fleet.arm("web1", "telling", "break")
    run = fleet.fab("deploy", "app")
    assert run.code == 1 and run.outcome("web1", "app") == "restored", run
    assert fleet.lab["web1"].leftovers() == []
    assert fleet.app.running("web1") == old


@pytest.mark.promise(3)
def test_commit_sent_before_the_client_died_counts(fleet: Fleet) -> None:
    """The client dies right behind it, before the host has read it."""
    new = fleet.next_version()
    fleet.arm("web1", "commit", "hold")
    client = fleet.begin("deploy", "app", "--host", "web1")
    assert fleet.stands("web1", client)
    client.signal(signal.SIGKILL)
    client.end()
    fleet.release("web1")
    fleet.settle()
    assert fleet.app.running("web1") == new
    assert fleet.lab["web1"].history("app")[-1]["result"] == "committed"
    assert fleet.fab("deploy", "app").code == 0


def half_committed(fleet: Fleet) -> tuple[str, RunningClient]:
    """A new version, and its deploy when web1 has committed it and web2 has not read the commit."""
    new = fleet.next_version()
    fleet.arm("web2", "commit", "hold")
    client = fleet.begin("deploy", "app")
    assert fleet.stands("web2", client)
    wait_for(lambda: fleet.lab["web1"].history("app")[-1].get("to") == fleet.lab["web1"].head("app"), "web1's commit")
    return new, client


@pytest.mark.promise(8)
def test_signal_behind_a_commit_waits_for_the_answers_of_all_hosts(fleet: Fleet) -> None:
    new, client = half_committed(fleet)
    client.signal(signal.SIGTERM)
    fleet.release("web2")
    run = client.end()
    assert (run.code, run.finished["outcome"]) == (0, "committed"), run
    assert [fleet.app.running(host) for host in fleet.names] == [new, new]


@pytest.mark.promise(8)
def test_second_interrupt_behind_a_commit_names_the_host_that_has_not_answered(fleet: Fleet) -> None:
    """The first one is held until all answers are in; the second leaves at once, with 3, and does not say "go back"."""
    new, client = half_committed(fleet)
    wait_for(lambda: client.process.poll() is not None or client.signal(signal.SIGINT), "the client to leave")
    run = client.end()
    fleet.release("web2")
    fleet.settle()
    assert run.code == 3, run
    assert "web2 may have committed" in messages(run) and "go back" not in messages(run)
    assert [fleet.app.running(host) for host in fleet.names] == [new, new]


@pytest.mark.promise(8)
def test_host_that_dies_before_its_commit_is_named_and_recovered(fleet: Fleet) -> None:
    """No protocol excludes it. It is named at once, by status and by the next command; recover and deploy mend it."""
    old, new = fleet.app.running("web2"), fleet.next_version()
    fleet.arm("web2", "commit", "hold")
    client = fleet.begin("deploy", "app")
    assert fleet.stands("web2", client)
    wait_for(lambda: not fleet.executor_of("web1"), "web1 to have committed")
    fleet.kill_host_side("web2")
    run = client.end()
    assert (run.code, run.outcome("web1", "app"), run.outcome("web2", "app")) == (3, "committed", "unknown")
    assert "fab recover app --host web2" in messages(run)
    recovered = fleet.fab("recover", "app")
    assert (recovered.code, recovered.outcome("web2", "app")) == (0, "restored")
    assert "the hosts have diverged" in messages(recovered) and "fab deploy app" in messages(recovered)
    assert [fleet.app.running(host) for host in fleet.names] == [new, old]
    deployed = fleet.fab("deploy", "app")
    assert deployed.code == 0 and "the hosts have diverged" in messages(deployed)
    assert [fleet.app.running(host) for host in fleet.names] == [new, new]
    assert "the hosts have diverged" not in messages(fleet.fab("deploy", "app"))
