"""How programs with a socket, or with `reload`, come to run a new version; and what the plan says of it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tasks.inventory.model import Health, Service
from tasks.program import files
from tasks.rollout.facts import Facts, Process
from tasks.rollout.plan import planned_event
from tasks.rollout.recipe import restarts, supervised
from tasks.rollout.steps import Plan
from tests.rollout.samples import BLANK, SERVICE, A, B, facts, plan
from tests.support.services import changed

SOCKET = {"socket": "tcp://127.0.0.1:8000"}


def found(service: Service, **more: Any) -> Facts:
    """A host where that service runs."""
    (program,) = service.programs
    there = facts(programs={program.group: [Process(name=name, state="RUNNING", pid=7 + number, start=1, now=2)
                                            for number, name in enumerate(program.processes)]})
    return replace(there, **{"program_file": files.program_file(service, supervised.paths(service, there)),
                             "env_sha256": files.env_file(service).sha256(), **more})


@pytest.mark.parametrize(("service", "old", "words"), [
    ({**SOCKET, "numprocs": 2}, {}, "monitor restarts without a gap: 2 processes, one after the other"),
    (SOCKET, {}, "monitor restarts with one process: requests wait until it is up"),
    ({**SOCKET, "numprocs": 2}, {"numprocs": 3},
     "monitor restarts with a gap: the program file changes, so supervisord closes the socket for a moment"),
    ({**SOCKET, "numprocs": 2}, {"variables": {}}, "monitor restarts without a gap: 2 processes, one after the other"),
    ({"reload": "HUP"}, {}, "monitor gets HUP, and goes on with the same process"),
    ({"reload": "HUP"}, {"variables": {}}, "monitor restarts with a gap: HUP cannot bring what changes"),
    ({"reload": "HUP"}, {"command": "./old"}, "monitor restarts with a gap: HUP cannot bring what changes"),
    ({**SOCKET, "numprocs": 2, "reload": "HUP"}, {"variables": {}},
     "monitor restarts without a gap: 2 processes, one after the other"),
    ({}, {"command": "./old"}, None),
])
def test_plan_says_what_clients_notice_of_a_restart(service: dict[str, Any], old: dict[str, Any], words: str | None
                                                    ) -> None:
    new = changed(SERVICE, **service)
    known = found(changed(new, **old))
    step = supervised.replace(new, known, B)
    assert list(restarts.words(new, known, (step,))) == ([words] if words else [])


def test_plan_says_that_a_way_back_builds_again() -> None:
    assert planned_event.way_back(plan(facts())) == f"a way back builds {A[:8]} again before it restarts"
    assert planned_event.way_back(plan(BLANK)) is None


def test_restart_of_one_program_keeps_its_socket_whatever_the_others_have() -> None:
    """The text of its section depends on whether any program has variables of its own."""
    web = replace(SERVICE.programs[0], name="web", group="monitor-web", numprocs=2, socket="tcp://127.0.0.1:8000")
    worker = replace(web, name="worker", group="monitor-worker", socket=None, variables={"QUEUE": "a"})
    whole = replace(SERVICE, programs=(web, worker))
    known = facts(program_file=files.program_file(whole, supervised.paths(whole, facts())))
    (part,) = supervised.restart(whole.only([web]), known).do.args["programs"]
    assert not part["renew"] and "verify" in part


def test_restart_by_hand_is_no_signal() -> None:
    service = changed(SERVICE, reload="HUP")
    (part,) = supervised.restart(service, found(service)).do.args["programs"]
    assert "signal" not in part


def test_health_of_each_process_asks_for_the_commit_that_is_deployed() -> None:
    service = changed(SERVICE, **SOCKET, numprocs=2, health=Health(http="http://127.0.0.1:8000/", body="${REVISION}"))
    for step, commit in ((supervised.replace(service, found(service), B), B),
                         (supervised.restart(service, found(service)), A)):
        (part,) = step.do.args["programs"]
        assert part["health"]["health"]["body"] == commit == part["health"]["variables"]["REVISION"]


def test_each_process_is_looked_at_again_by_a_check_of_its_own() -> None:
    check = Health(tcp="127.0.0.1:800${PROCESS_NUM}")
    service = changed(SERVICE, numprocs=2, health=check)
    steps = [supervised.verify(service), *supervised.health(service, B)]
    (again,) = supervised.recheck(Plan(was=A, tried=B, steps=steps), 10)
    assert [(part["health"]["tcp"], part["variables"]["PROCESS_NUM"]) for part in again.do.args["programs"]] == [
        ("127.0.0.1:8000", "0"), ("127.0.0.1:8001", "1")]
