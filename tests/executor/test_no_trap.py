"""No journal is a trap: where an undo fails for good, a command leads out."""

from __future__ import annotations

import signal
from typing import NamedTuple

import pytest

from tests.executor.driver import Deploy, Example, with_files

# The undo fails, whatever is tried. Two actions are steps as well: `only` tells their undo apart.
BROKEN = """
from . import steps, errors
real = steps.ACTIONS["{action}"]
def broken(ctx, step):
    if {only}:
        raise errors.HostError("it is broken", "")
    return real(ctx, step)
steps.ACTIONS["{action}"] = broken
"""
ONLY = {"build": "'certain' in step.args", "switch": "step.args['release'] == '{first}'"}
UNDOS = {"in_place": ["checkout_back", "place_files_back", "build", "files_back", "program_back"],
         "releases": ["remove_release", "files_back", "program_back", "switch"]}
CASES = [(strategy, action) for strategy, actions in UNDOS.items() for action in actions]


class Stuck(NamedTuple):
    """A service whose deploy was killed right before its commit. `faults` break one of its undos for good."""

    example: Example
    faults: str
    problem: dict[str, str]             # what the next command was told


@pytest.fixture(params=CASES, ids="-".join)
def stuck(request: pytest.FixtureRequest, example: Example) -> Stuck:
    strategy, action = request.param
    example.service = with_files(example.with_(strategy=strategy), config="1")
    first = example.write()
    example.committed()
    example.write()
    example.service = with_files(example.service, config="2")
    with example.deploy() as deploy:
        deploy.activate().executor.kill()
    faults = BROKEN.format(action=action, only=ONLY.get(action, "True").format(first=first))
    with example.deploy(faults=faults) as deploy:
        deploy.hello()
        return Stuck(example, faults, deploy.executor.until("problem"))


def recovered(deploy: Deploy) -> list[str]:
    locked = next(message for message in deploy.executor.heard if message["event"] == "locked")
    return [one["result"] for one in locked["recovered"]]


@pytest.mark.promise(4)
@pytest.mark.rows(1)
def test_a_failing_undo_names_the_commands_that_lead_out_and_is_left_by_accepting_what_is_there(stuck: Stuck) -> None:
    assert stuck.problem["kind"] == "needs_person"
    assert "it is broken" in stuck.problem["message"]
    for command in ("fab recover {}", "fab deploy {}", "fab recover {} --accept"):
        assert command.format(stuck.example.name) in stuck.problem["hint"]
    with stuck.example.deploy(faults=stuck.faults) as deploy:
        assert recovered(deploy.look(unfinished="accept")) == ["accepted"]
    assert not stuck.example.host.leftovers()
    commit = stuck.example.write()
    assert stuck.example.committed() == commit


@pytest.mark.promise(4)
@pytest.mark.rows(1)
def test_a_failing_undo_is_left_by_a_deploy_that_works(stuck: Stuck) -> None:
    commit = stuck.example.write()
    with stuck.example.deploy(faults=stuck.faults) as deploy:
        assert recovered(deploy.look(unfinished="replace")) == ["replaced"]
        assert stuck.example.host.leftovers(), "the journal stays until the new deploy is committed"
        deploy.plan(set_aside=True).done("prepare").run("activate").done("activate")
        deploy.executor.send({"do": "commit"})
        assert deploy.ending()["event"] == "committed"
        deploy.executor.rest()
    assert stuck.example.head() == commit
    assert not stuck.example.host.leftovers()


CUT_OFF = """
import os
from .state import journal
journal.Journal.give_up = lambda *args: os._exit(9)
"""


@pytest.mark.promise(4)
@pytest.mark.rows(1)
def test_a_deploy_that_took_the_place_of_another_stays_after_a_power_cut(stuck: Stuck) -> None:
    """The cut comes right after its commit, and the cause that broke the undo is gone by then."""
    commit = stuck.example.write()
    with stuck.example.deploy(faults=stuck.faults + CUT_OFF) as deploy:
        deploy.look(unfinished="replace").plan(set_aside=True).done("prepare").run("activate").done("activate")
        deploy.executor.send({"do": "commit"})
        deploy.executor.rest()
    with stuck.example.deploy() as deploy:
        assert recovered(deploy.look()) == ["committed"]
    assert stuck.example.head() == commit
    assert stuck.example.results()[-2:] == ["committed", "restored"]


@pytest.mark.promise(4)
def test_deploys_that_were_cut_off_are_undone_the_newest_first(example: Example) -> None:
    """The second one began with what the first had left, which could not be undone then."""
    first = example.write()
    example.committed()
    for unfinished, faults in (("undo", ""), ("replace", BROKEN.format(action="checkout_back", only="True"))):
        example.write()
        with example.deploy(faults=faults) as deploy:
            deploy.look(unfinished=unfinished).plan().done("prepare").run("activate").done("activate")
            deploy.executor.kill()
    with example.deploy() as deploy:
        assert recovered(deploy.look()) == ["restored", "restored"]
    assert (example.head(), example.info()["statename"], example.host.leftovers()) == (first, "RUNNING", [])


@pytest.mark.promise(3)
def test_undo_waits_for_a_supervisord_that_is_too_slow_to_answer(example: Example) -> None:
    """As on an overloaded host: the client is gone, and nobody would finish what is left."""
    first = example.write()
    example.committed()
    example.write()
    daemon = example.host.daemon
    assert daemon is not None
    with example.deploy(faults="from .supervisor import rpc\nrpc.ANSWER_WITHIN = 0.3\n") as deploy:
        deploy.activate()
        daemon.send_signal(signal.SIGSTOP)
        try:
            deploy.executor.send({"do": "abort", "why": "stopped"})
            while "supervisord hangs" not in deploy.executor.until("host_state")["detail"]:
                pass
        finally:
            daemon.send_signal(signal.SIGCONT)
        assert deploy.ending()["event"] == "restored"
    assert not example.host.leftovers()
    assert (example.head(), example.info()["statename"]) == (first, "RUNNING")


@pytest.mark.promise(11)
def test_change_of_a_build_is_an_edit_when_its_history_line_is_torn(example: Example) -> None:
    """Nobody knows any more who changed the file: --set-aside keeps it, and goes on."""
    example.service = example.with_(build=("cp source built", "echo built >> notes"))
    example.write(notes="a\n")
    example.committed()
    history = example.state / "history.jsonl"
    history.write_bytes(history.read_bytes()[:-20])
    commit = example.write()
    with example.deploy() as deploy:
        assert deploy.look().facts[example.name].edited == [" M notes"]
        deploy.plan(set_aside=True).done("prepare").run("activate").done("activate")
        deploy.executor.send({"do": "commit"})
        assert deploy.ending()["event"] == "committed"
        deploy.executor.rest()
    assert example.head() == commit
    with example.deploy() as deploy:
        assert deploy.look().facts[example.name].edited == []
