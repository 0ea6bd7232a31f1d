"""The goals of speed. Run by `pytest tests/bench` only (conftest.py): a busy machine must not fail the suite."""

import pytest

from tests.bench.measurement import CASES, Case, Result

ROUNDS = 7


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.bench
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_speed_reaches_its_goal(case: Case) -> None:
    result = Result(case, case.pairs(ROUNDS))
    print(f"{case.name}: {result.ratio:.2f} (goal {case.goal}); pairs: {result.ratios}")
    assert result.reached
