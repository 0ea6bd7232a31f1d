"""A host that was lost is asked how its deploy ended."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rollout.samples import LOST, B, peer


@pytest.mark.promise(8)
@pytest.mark.parametrize(("answers", "ending", "why"), [
    ([("committed", False, False)], "committed", ""), ([("committed", False, True)], "committed", ""),
    ([("committed", False, True), (None, False, True)], "committed", ""),
    ([("restored", False, False)], "restored", "lost"), ([(None, False, False)], "restored", "lost"),
    ([(None, True, True)], "", "still going back"), ([(None, False, True)], "", "due"), ([], "", "did not say")])
def test_outcome_query_tells_what_the_host_answers(monkeypatch: pytest.MonkeyPatch,
                                                   answers: list[tuple[Any, bool, bool]], ending: str,
                                                   why: str) -> None:
    from tasks.rollout import outcome_query

    told = [{"service": "monitor", "result": result, "busy": busy, "due": due, "now": B}
            for result, busy, due in answers]
    monkeypatch.setattr(outcome_query, "_answers", lambda *args: told)
    one = peer("web2", planned=True, error=LOST)
    outcome_query._ask(one, "d1")
    assert one.ending == ending and why in one.why
    assert (one.error is None) == (ending == "committed")       # nothing went wrong, then: exit 0
