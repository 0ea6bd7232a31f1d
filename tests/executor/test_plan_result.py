"""What a host looks at once more right after the commit: that what was seen to be well is so still."""

from __future__ import annotations

import pytest

from tasks.inventory.model import Health
from tests.executor.driver import Example
from tests.support.lab import git, wait_for


@pytest.mark.promise(8)
@pytest.mark.parametrize("restarted", [False, True])
def test_commit_tells_of_a_program_that_somebody_stopped_while_other_hosts_were_waited_for(example: Example,
                                                                                          restarted: bool) -> None:
    example.write()
    with example.deploy() as deploy:
        deploy.activate()
        program = f"{example.name}:{example.name}"
        example.host.rpc.stopProcess(program)
        if restarted:
            example.host.rpc.startProcess(program)
        assert deploy.executor.heard[-1]["event"] != "notice"
        deploy.executor.send({"do": "commit"})
        told = deploy.executor.until("notice")["message"]
        deploy.ends("committed")
    assert f"{example.name} ran and was well, but was stopped or crashed before the commit" in told
    assert told.split("now: ")[1].startswith("RUNNING" if restarted else "STOPPED")


@pytest.mark.promise(8)
def test_commit_tells_of_a_version_that_somebody_moved_while_other_hosts_were_waited_for(example: Example) -> None:
    example.write()
    with example.deploy() as deploy:
        deploy.activate()
        git(example.directory, "commit", "--quiet", "--allow-empty", "--message", "of a person")
        deploy.executor.send({"do": "commit"})
        told = deploy.executor.until("notice")["message"]
        deploy.ends("committed")
    moved = git(example.directory, "rev-parse", "HEAD")
    assert f"{example.name}: {example.directory} is at commit {moved[:8]} now, and not at " in told
    assert "see what moved it" in told


@pytest.mark.promise(8)
def test_program_that_may_end_is_well_when_it_has_ended_after_it_was_seen_up(example: Example) -> None:
    """One that runs once, for longer than a start is watched; its health check sees its end."""
    example.write("sleep 1.3; touch done\n")
    once = example.with_(program={"startsecs": "0", "autorestart": "false"},
                         health=Health(command="until test -e done; do sleep 0.05; done", timeout=20))
    with example.deploy(once) as deploy:
        deploy.activate()
        wait_for(lambda: example.info()["statename"] == "EXITED", "the end of the program")
        deploy.executor.send({"do": "commit"})
        deploy.ends("committed")
    assert not [message for message in deploy.executor.heard if message["event"] == "notice"]


@pytest.mark.promise(8)
def test_deploy_is_committed_whatever_goes_wrong_in_the_last_look(example: Example) -> None:
    example.write()
    faults = "from .transaction import plan_result\nplan_result.changed = lambda *_: [][0]\n"
    with example.deploy(faults=faults) as deploy:
        assert deploy.commit()["event"] == "committed"
