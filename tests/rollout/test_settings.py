"""What a host is told first: rollout/peers/settings.py."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tasks.inventory.model import Health
from tasks.program.quoting import PROCESS_NUMBER
from tasks.rollout.peers import settings
from tasks.rollout.peers.peer import Peer
from tests.rollout.samples import HOST, SERVICE, TARGET
from tests.support.services import changed


@pytest.mark.parametrize(("fields", "tool"), [
    ({"build": ["go build"]}, "go"), ({"build": ["make", "true"]}, "make"), ({"build": ["npm\nmake"]}, "npm"),
    ({"build": ["python3.12 -m venv .venv"]}, "python3.12"), ({"build": ["X=1 make"]}, None),
    ({"build": ["./make"]}, None), ({"build": ["bin/make"]}, None), ({"build": ["# make", "true"]}, None),
    ({"build": []}, None), ({"build": ["make"], "variables": {"PATH": "/x"}}, None),
    ({"build": ["make"], "build_on": "client"}, None),
])
def test_doctor_is_told_the_tool_of_a_build_where_path_should_lead_to_it(fields: dict[str, Any], tool: str | None
                                                                        ) -> None:
    peer = Peer(HOST, (replace(TARGET, service=changed(SERVICE, **fields)),))
    assert settings.doctor(peer, [], "main")["tools"] == ({"monitor": tool} if tool else {})


def test_ports_and_logs_of_all_processes_are_looked_at() -> None:
    service = changed(SERVICE, numprocs=2, program={"stdout_logfile": f"/var/log/app_{PROCESS_NUMBER}.log"},
                      health=Health(tcp="127.0.0.1:800${PROCESS_NUM}"))
    told = settings.doctor(Peer(HOST, (replace(TARGET, service=service),)), [], "main")
    assert told["asked"] == {"monitor": [8000, 8001]}
    (program,) = told["services"][0]["programs"]
    assert program["logs"] == ["/var/log/app_0.log", "/var/log/app_1.log"]
