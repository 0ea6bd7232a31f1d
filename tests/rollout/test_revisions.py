"""Which host resolves a revision, and what is said of the commits of all hosts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tasks.rollout import protocol
from tasks.rollout.commits import revisions
from tasks.rollout.queries import status
from tasks.rollout.steps import Plan
from tests.rollout.samples import A, B, C, facts, peer


def resolved(commit: str, revision: str = "main") -> protocol.Resolved:
    return protocol.Resolved(service="monitor", revision=revision, commit=commit, branch="main", subject="", back=0,
                             forward=0, dropped=[], commits=[])


def test_lowest_named_host_of_a_service_resolves_its_revision() -> None:
    asked = revisions.by_host([peer("web1"), peer("web2")], {"monitor": "main", "elsewhere": "main"})
    assert asked == {"web1": {"monitor": "main"}, "web2": {}}
    assert revisions.by_host([peer("web1")], {"monitor": None}) == {"web1": {}}, "the planner chooses"


@pytest.mark.promise(1)
def test_host_owes_facts_and_the_commit_that_was_asked_for() -> None:
    host = peer("web1", resolved={"monitor": resolved(A)})
    assert revisions.unanswered(host, {"monitor": "main"}) == ""
    assert "it sent nothing about monitor" in revisions.unanswered(peer("web1"), {"monitor": "main"})
    assert "it sent nothing about monitor" in revisions.unanswered(peer("web1", facts={}), {})
    assert "is not" in revisions.unanswered(host, {"monitor": "v1"}), "an answer to another question"
    full = peer("web1", resolved={"monitor": resolved(A, B)})
    assert revisions.unanswered(full, {"monitor": B}) == f"monitor: {B} is not {A}"


def test_hosts_that_stay_on_their_commit_are_named_with_the_reason() -> None:
    hosts = [peer("web1"), peer("web2")]
    for host in hosts:
        host.targets = [replace(target, service=replace(target.service, subdirectory="backend"))
                        for target in host.targets]
    assert list(revisions.untouched("monitor", B, hosts)) == [], "their plans lead there"
    hosts[1].plans = {"monitor": Plan(was=A, tried=A)}
    (notice,) = revisions.untouched("monitor", B, hosts)
    assert notice.message == (f"monitor: nothing below backend differs between {A[:8]} and {B[:8]}, so nothing changes"
                              f" on web2 (--force deploys {B[:8]})")


def test_hosts_with_the_same_subdirectory_have_not_diverged() -> None:
    hosts = [peer("web1", facts={"monitor": facts(A, subtree=B)}), peer("web2", facts={"monitor": facts(C, subtree=B)})]
    assert list(revisions.diverged("monitor", hosts)) == []
    assert [row.oddities for row in status.rows("production", hosts)] == [[], []]


def test_diverged_hosts_are_named_with_the_remedy() -> None:
    hosts = [peer("web1"), peer("web2", facts={"monitor": facts(C)})]
    (notice,) = revisions.diverged("monitor", hosts)
    assert notice.message == f"monitor: the hosts have diverged: {A[:8]} on web1, {C[:8]} on web2"
    hosts[1].plans = {"monitor": Plan(was=C, tried=C)}
    (notice,) = revisions.diverged("monitor", hosts)
    assert notice.message.endswith(": fab deploy monitor"), "this command brings them to different commits"
    assert list(revisions.diverged("monitor", hosts[:1])) == []


def test_commit_that_the_planner_chose_is_reported() -> None:
    (event,) = revisions.chosen("monitor", [peer("web1", plans={"monitor": Plan(was=B, tried=A)})])
    assert (event.revision, event.commit) == ("the version before", A)
    assert list(revisions.chosen("monitor", [peer("web1", plans={"monitor": Plan(was=A, tried=A)})])) == []
