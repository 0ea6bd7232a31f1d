"""A host that was lost is asked how its deploy ended."""

from __future__ import annotations

from typing import Any

import pytest

from tasks import _errors as errors
from tasks.rollout import protocol
from tasks.rollout.transaction import outcome_query
from tests.rollout.samples import LOST, A, B, peer


def answer(result: str | None, busy: bool, due: bool) -> protocol.Outcome:
    return protocol.Outcome(service="monitor", result=result, why=None, busy=busy, due=due, now=B)


@pytest.mark.promise(8)
@pytest.mark.parametrize(("answers", "ending", "why"), [
    ([("committed", False, False)], "committed", ""), ([("committed", False, True)], "committed", ""),
    ([("committed", False, True), (None, False, True)], "committed", ""),
    ([("restored", False, False)], "restored", "lost"), ([(None, False, False)], "restored", "lost"),
    ([(None, True, True)], "", "still restoring"), ([(None, False, True)], "", "not undone there yet"),
    ([], "", "did not say")])
def test_outcome_query_tells_what_the_host_answers(answers: list[tuple[Any, bool, bool]], ending: str,
                                                   why: str) -> None:
    lost = peer("web2", has_plan=True, commit_sent=True, error=LOST)
    outcome_query.conclude(lost, [answer(*fields) for fields in answers])
    assert lost.ending == ending and why in lost.why
    assert (lost.error is None) == (ending == "committed")       # nothing went wrong, then: exit 0


def test_host_that_cannot_be_asked_is_not_known() -> None:
    lost = peer("web2", has_plan=True, error=LOST)
    outcome_query.conclude(lost, errors.Unreachable("web2: no route", "try again"))
    assert lost.ending == "" and "it is not known how the deploy ended (web2: no route)" in lost.why


def test_host_outside_the_protocol_needs_a_person_whatever_it_answers() -> None:
    strange = peer("web2", has_plan=True, commit_sent=True,
                   error=errors.NeedsPerson("web2: not in the protocol", "look"))
    outcome_query.conclude(strange, [answer("committed", False, False)])
    assert strange.ending == "committed" and strange.error is not None


@pytest.mark.promise(8)
@pytest.mark.parametrize("services", [(), ("other",), ("monitor", "other")])
def test_host_must_say_of_each_service_how_it_ended(services: tuple[str, ...]) -> None:
    lost = peer("web2", has_plan=True, error=LOST)
    outcome_query.conclude(lost, [protocol.Outcome(service=name, result="restored", why=None, busy=False, due=False,
                                                   now=A) for name in services])
    assert lost.ending == "" and "did not say" in lost.why


@pytest.mark.promise(8)
def test_host_that_was_not_told_to_commit_cannot_have_committed() -> None:
    lost = peer("web2", has_plan=True, error=LOST)
    outcome_query.conclude(lost, [answer("committed", False, False)])
    assert lost.ending == "" and "unasked" in lost.why and lost.error is not None
