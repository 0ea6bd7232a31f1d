"""What a host may say when, about which services, and how often."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tasks.rollout import events, protocol
from tasks.rollout.facts import Holder
from tasks.rollout.peers import message_rules
from tasks.rollout.peers.peer import Peer
from tasks.rollout.peers.peer_events import Connected
from tasks.rollout.protocol import NotInProtocol
from tests.rollout.samples import HOST, TARGET, A, B, facts, plan

pytestmark = pytest.mark.promise(8)

LOCKED = protocol.Locked(recovered=[])
FACTS = protocol.Facts(services={"monitor": facts()})
RESOLVED = protocol.Resolved(service="monitor", revision="main", commit=B, branch="main", subject="x", back=0,
                             forward=1, dropped=[], commits=[])
STARTED = events.StepStarted(host="web1", service="monitor", step="build")
OUTPUT = events.Output(host="web1", service="monitor", step="build", line="cc")
FINISHED = events.StepFinished(host="web1", service="monitor", step="build", ok=True, changed=True, seconds=1)
DONE, ACTIVE = protocol.Done(phase="prepare"), protocol.Done(phase="activate")
COMMITTED, RESTORED = protocol.Committed(now={"monitor": B}), protocol.Restored(why="no", now={"monitor": A})
FAILED = protocol.Failed(kind="failed", message="no", hint="look", step="build")
NOTICE = events.Notice(host="web1", message="x")
ENDED, RUNS = protocol.Ended(), protocol.Runs(deploys=["d"])
LOG = protocol.Log(service="monitor", process="monitor", stream="stdout", line="x", mark=[1, 2, 3, 4])
LINE = events.History(host="web1", service="monitor", deploy="d", at=None, by=None, command=None, from_=None, to=None,
                      result=None, why=None, revision=None, branch=None)


def another(message: Any) -> Any:
    """The same of a service that the host was not asked about."""
    if isinstance(message, (protocol.Committed, protocol.Restored, protocol.Heads)):
        return type(message)(**{**{name: getattr(message, name) for name in message.__struct_fields__},
                                "now": {**message.now, "other": A}})
    return replace(message, service="other")


def heard(verb: str, *script: Any, **settings: Any) -> Peer:
    """A peer that was asked with `verb`, and then sent and heard the script."""
    services = [{"name": "monitor", "revision": "main"}]
    peer = Peer(HOST, [TARGET])
    peer.apply(Connected())
    peer.greet({"do": verb, "services": services, **settings})
    for event in script:
        if event == "plan":
            peer.plans = {"monitor": plan(facts())}
            peer.give_plan({"do": "plan", "services": {}, "phases": ["prepare"]})
        elif event == "activate":
            peer.run("activate")
        elif isinstance(event, str):
            getattr(peer, event)()
        else:
            message_rules.check(peer, event)
            peer.apply(event)
    return peer


PLANNED = (LOCKED, RESOLVED, FACTS, "plan")
HEALTHY = (*PLANNED, STARTED, OUTPUT, FINISHED, DONE, "activate", ACTIVE)


@pytest.mark.parametrize(("verb", "script"), [
    ("rollout", (*HEALTHY, "commit", NOTICE, COMMITTED)), ("rollout", (*PLANNED, STARTED, FAILED, FINISHED, RESTORED)),
    ("rollout", (protocol.Heads(now={"monitor": A}), protocol.Refused(service="monitor", holder=Holder()), "retry",
                 *PLANNED)),
    ("rollout", (another(STARTED), another(OUTPUT), another(FINISHED), *PLANNED)),
    ("status", (FACTS, ENDED)), ("history", (LINE, LINE, ENDED)), ("logs", (LOG, LOG, ENDED)),
    ("runs", (RUNS, LOG, ENDED))])
def test_host_may_say_what_it_was_asked_for(verb: str, script: tuple[Any, ...]) -> None:
    heard(verb, *script, lines=2)


@pytest.mark.parametrize(("verb", "script"), [
    ("rollout", (FACTS,)), ("rollout", (LOCKED, DONE)), ("rollout", (LOCKED, FACTS, COMMITTED)), ("rollout", (ENDED,)),
    ("rollout", (*PLANNED, ACTIVE)), ("rollout", (*PLANNED, COMMITTED)), ("rollout", (*HEALTHY, COMMITTED)),
    ("rollout", (*PLANNED, FAILED, DONE)), ("rollout", (*PLANNED, ENDED)), ("rollout", (*PLANNED, RUNS)),
    ("status", (COMMITTED,)), ("status", (LOCKED,)), ("history", (LOG,)), ("heads", (FACTS,)), ("logs", (RUNS,))])
def test_host_may_not_say_it_in_another_state(verb: str, script: tuple[Any, ...]) -> None:
    heard(verb, *script[:-1], lines=2)
    with pytest.raises(NotInProtocol):
        heard(verb, *script, lines=2)


@pytest.mark.parametrize(("verb", "before", "message"), [
    ("rollout", (LOCKED,), RESOLVED), ("rollout", (LOCKED,), protocol.Facts(services={"other": facts()})),
    ("rollout", (LOCKED,), protocol.Facts(services={"monitor": facts(), "other": facts()})),
    ("rollout", PLANNED, STARTED), ("rollout", PLANNED, OUTPUT), ("rollout", PLANNED, RESTORED),
    ("rollout", (*HEALTHY, "commit"), COMMITTED), ("rollout", (), protocol.Heads(now={"monitor": A})),
    ("status", (), protocol.Odd(service="monitor", message="", hint="")), ("history", (), LINE), ("logs", (), LOG),
    ("runs", (RUNS,), LOG)])
def test_host_may_not_speak_of_what_it_was_not_asked_about(verb: str, before: tuple[Any, ...], message: Any) -> None:
    with pytest.raises(NotInProtocol):
        heard(verb, *before, message if isinstance(message, protocol.Facts) else another(message), lines=2)


@pytest.mark.parametrize(("verb", "before", "message", "most"), [
    ("rollout", (), NOTICE, 1_000), ("rollout", (), STARTED, 10_000), ("rollout", (LOCKED,), RESOLVED, 1),
    ("rollout", (), protocol.Heads(now={"monitor": A}), 1), ("rollout", PLANNED, DONE, 1),
    ("rollout", PLANNED, FAILED, 1),
    ("status", (), FACTS, 1), ("history", (), LINE, 2), ("logs", (), LOG, 3_000), ("runs", (), RUNS, 1)])
def test_host_that_says_it_without_end_is_stopped(verb: str, before: tuple[Any, ...], message: Any, most: int) -> None:
    heard(verb, *before, *[message] * most, lines=2)
    with pytest.raises(NotInProtocol):
        heard(verb, *before, *[message] * (most + 1), lines=2)


@pytest.mark.parametrize(("verb", "setting", "message"), [("status", "watch", FACTS), ("logs", "follow", LOG)])
def test_lasting_answers_have_no_number(verb: str, setting: str, message: Any) -> None:
    heard(verb, *[message] * 1_000, **{setting: True, "lines": 2})


def test_output_belongs_to_a_step_that_has_begun() -> None:
    """Else a host could open sections of GitLab's log, and rows of the screen, without end."""
    for script in ((OUTPUT,), (FINISHED,), (STARTED, FINISHED, OUTPUT), (STARTED, FINISHED, FINISHED)):
        with pytest.raises(NotInProtocol):
            heard("rollout", *PLANNED, *script)


@pytest.mark.parametrize("now", [{"monitor": B}, {"monitor": None}, {}])
def test_host_that_says_restored_is_at_the_commit_of_before(now: dict[str, str | None]) -> None:
    with pytest.raises(NotInProtocol):
        heard("rollout", *PLANNED, protocol.Restored(why="no", now=now))


def test_host_that_leaves_before_its_plan_is_tried_again() -> None:
    peer = heard("rollout", LOCKED, protocol.Restored(why="the client was silent for 3 s", now={}))
    assert peer.error is not None and peer.error.exit_code == 75 and "silent" in peer.error.message


def test_host_has_no_end_of_processes() -> None:
    """The place in the log of each is kept, also with --follow."""
    with pytest.raises(NotInProtocol):
        heard("logs", *(replace(LOG, process=f"monitor_{number}") for number in range(1_001)), lines=2, follow=True)
