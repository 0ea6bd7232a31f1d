"""The rows of `fab status`."""

from __future__ import annotations

import pytest

from tasks import _errors as errors
from tasks.rollout.queries import status
from tests.rollout.samples import BLANK, A, B, facts, peer


@pytest.mark.parametrize(("error", "state"), [
    (errors.Bug("web1: a bug", ""), "UNKNOWN"), (errors.NeedsPerson("web1: who knows", "look"), "UNKNOWN"),
    (errors.LoginError("web1: no", "ssh-add"), "refused"), (errors.Unreachable("web1: down", "wait"), "unreachable")])
def test_host_that_gave_no_answer_restored_nothing(error: errors.FabvisorError, state: str) -> None:
    [row] = status.rows("test", [peer("web1", facts={}, error=error)])
    assert row.state == state


def test_unreachable_host_has_a_row_in_status() -> None:
    silent = errors.Unreachable("web2: no route", "try again")
    lost = peer("web2", error=silent, facts={})
    first, second = status.rows("test", [peer("web1"), lost])
    assert (first.state, first.oddities) == ("RUNNING", [])
    assert second.state == "unreachable" and second.oddities == ["no route: try again"]
    again = peer("web2", facts={})
    again.before = silent
    assert status.rows("test", [again])[0].oddities == ["no route: try again"], "while it is tried again"


def test_hosts_with_the_same_subdirectory_agree_also_beside_a_host_without_a_commit() -> None:
    same = [peer(name, facts={"monitor": facts(commit, subtree="d" * 40)})
            for name, commit in (("web2", A), ("web3", B))]
    new, *others = status.rows("test", [peer("web1", facts={"monitor": BLANK}), *same])
    assert new.oddities and [row.oddities for row in others] == [[], []]
