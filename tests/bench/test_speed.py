"""The goals of speed. Run by `pytest tests/bench` only (conftest.py): a busy machine must not fail the suite."""

import pytest

from tests.bench import scaling
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


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.bench
@pytest.mark.timeout(1200)
def test_scaling_prints_what_a_host_more_costs() -> None:
    rows = list(scaling.rows())
    print()
    scaling.print_table(rows)
    assert {(row.command, row.hosts) for row in rows} == {
        (command, count) for command in scaling.COMMANDS for count in scaling.COUNTS}
