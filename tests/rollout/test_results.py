"""The end of a deploy: exit codes, outcomes, what each host was, tried and is now."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tasks import _errors as errors
from tasks.rollout.events import Result
from tasks.rollout.peers import results
from tests.rollout.samples import LOST, A, B, C, facts, peer, plan

CODES = (3, 130, 143, 2, 75, 1, 0)


@pytest.mark.parametrize("codes", list(itertools.combinations(CODES, 2)))
def test_worst_exit_code_counts(codes: tuple[int, int]) -> None:
    """3, then 130/143, 2, 75, 1 (design, section 4)."""
    assert results.worst(list(codes)) == results.worst(list(reversed(codes))) == codes[0]
    assert results.worst([]) == 0


DONE: dict[str, Any] = {"has_plan": True, "ending": "committed", "now": {"monitor": B}}
BACK: dict[str, Any] = {"has_plan": True, "ending": "restored", "now": {"monitor": A}, "why": "another host failed"}
NOTHING: dict[str, Any] = {"plans": {"monitor": plan(facts(B))}}


@pytest.mark.promise(8)
@pytest.mark.parametrize(("fields", "code", "outcome", "ends"), [
    ([DONE, DONE], 0, "committed", 0), ([DONE, NOTHING], 0, "committed", 0), ([NOTHING, NOTHING], 0, "unchanged", 0),
    ([BACK, BACK], 1, "restored", 1), ([DONE, BACK], 1, "mixed", 3),
    ([DONE, {"has_plan": True, "error": LOST}], 1, "unknown", 3),
    ([BACK, {"has_plan": True, "error": LOST}], 130, "unknown", 3),
    ([{"plans": {}, "error": errors.Unreachable("web1: no route", "try again")}, {"plans": {}}], 75, "unreachable", 75),
    ([{"plans": {}}, {"plans": {}}], 2, "refused", 2)])
def test_finished_event_has_the_outcome_of_all_hosts(fields: list[dict[str, Any]], code: int, outcome: str,
                                                     ends: int) -> None:
    peers = [peer(f"web{number}", **one) for number, one in enumerate(fields, 1)]
    finished = results.finished("deploy", peers, {}, "why", code)
    assert (finished.outcome, finished.exit_code) == (outcome, ends)
    assert list(finished.hosts) == ["web1", "web2"]


@pytest.mark.promise(8)
@pytest.mark.parametrize(("error", "outcome"), [
    (errors.Failed("web1: the pattern took too long", "write another"), "refused"),
    (errors.NeedsPerson("web1: not in the protocol", "look"), "unknown"),
    (errors.Unreachable("web1: no route", "try again"), "unreachable")])
def test_command_that_only_reads_never_says_that_a_host_went_back(error: errors.FabvisorError, outcome: str) -> None:
    finished = results.read("logs", [peer(plans={}, facts={}, error=error)])
    assert (finished.outcome, finished.hosts["web1"]["monitor"].outcome) == (outcome, outcome)


@pytest.mark.promise(8)
def test_result_of_a_host_says_was_tried_and_now() -> None:
    def of(**fields: Any) -> Result:
        finished = results.finished("deploy", [peer(**fields)], {"monitor": C}, "somebody else failed", 1)
        return finished.hosts["web1"]["monitor"]

    assert of(**DONE) == Result(was=A, tried=B, now=B, outcome="committed")
    assert of(**BACK) == Result(was=A, tried=B, now=A, outcome="restored", why="another host failed")
    unknown = of(has_plan=True, error=LOST)
    assert (unknown.outcome, unknown.now) == ("unknown", None)
    refused = of(plans={}, facts={})
    assert (refused.was, refused.tried, refused.outcome, refused.why) == (None, C, "refused", "somebody else failed")


@pytest.mark.promise(8)
@pytest.mark.parametrize(("state", "outcome", "code"), [
    ({"has_plan": True, "commit_sent": True}, "unknown", 3), ({"has_plan": True}, "unknown", 3), (DONE, "committed", 3),
    (BACK, "restored", 1), ({}, "unchanged", 1), (NOTHING, "unchanged", 1)])
def test_client_that_failed_says_of_each_host_what_it_knows(state: dict[str, Any], outcome: str, code: int) -> None:
    """And 1 only where every host with a plan has said that it went back."""
    finished = results.cut_short("deploy", [peer("web1", **BACK), peer("web2", **state)])
    assert finished.exit_code == code
    assert [row["monitor"].outcome for row in finished.hosts.values()] == ["restored", outcome]
