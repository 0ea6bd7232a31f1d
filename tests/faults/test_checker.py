"""The suite can bite: with one safety removed, in a copy, it finds something wrong."""

from __future__ import annotations

import signal

import pytest

from tests.faults import scenarios as faults
from tests.faults.case import Case, try_it
from tests.faults.fleet import SHORT_LEASE, Fleet

Edit = tuple[str, str, str]

JOURNAL: Edit = ("state/journal.py", 'files.write_atomic(journal.path, json.dumps(head).encode() + b"\\n")', "pass")
FSYNC: Edit = ("disk/files.py", "        write_all(fd, data, path)\n        os.fsync(fd)",
               "        write_all(fd, data, path)")
SYNC: Edit = ("transaction/disk_sync.py", "why = ctx.sync(ctx.directory)", 'why = ""')
LEASE: Edit = ("link.py", "if time.monotonic() - self._heard > self._lease:\n            raise",
               "if False:\n            raise")
UNDO: Edit = ("state/journal.py", 'if step["undo"]]', 'if step["undo"] and step["name"] != "build"]')
GROUP: Edit = ("system/processes.py", "os.killpg(pid, signal.SIGKILL)", "pass")
MARK: Edit = ("system/processes.py", "os.kill(pid, signal.SIGKILL)", "pass")
REPLACED: Edit = ("state/journal.py", 'service in replaced and', "False and")

TEETH = [
    pytest.param(JOURNAL, faults.by_the_executor("killed", "did:checkout", "kill", 1, "web1"), id="the journal"),
    pytest.param(UNDO, faults.held("SIGTERM", "did:restart", "web1", faults.client_gets(signal.SIGTERM)),
                 id="the undo of a step"),
    pytest.param(GROUP, Case("forks", "", "web1", build="env -i sleep 5000 &\n"), id="the end of a process group"),
    pytest.param(FSYNC, faults.by_the_executor("power", "begun:restart", "power cut", 1, "web1", faults.reboots),
                 id="an fsync"),
    pytest.param(SYNC, faults.by_the_executor("power", "committed", "power cut", 1, "web2", faults.reboots),
                 id="the sync of what was built"),
    pytest.param(SYNC, faults.power_cut_after_the_way_back("web2"), id="the sync of what was built back"),
    pytest.param(LEASE, faults.held("frozen", "did:build", "web2", faults.link_freezes, lease=SHORT_LEASE),
                 id="the lease"),
    pytest.param(MARK, Case("forks", "", "web1", build="setsid sleep 5000 &\n"), id="the end of what is marked"),
    pytest.param(REPLACED, faults.held("power", "step:program", "web1", faults.power_fails),
                 id="the look at the process"),
]


@pytest.mark.long
@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize(("safety", "case"), TEETH)
def test_checker_finds_a_fault_when_a_safety_is_removed(safety: Edit, case: Case,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.faults.checker.SETTLES", 2)
    with Fleet(edits=(safety,)) as fleet:
        assert try_it(fleet, case).wrong != []
