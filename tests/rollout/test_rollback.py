"""The version that a rollback leads to."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from tasks._errors import Mistake, NotReady
from tasks.rollout.commits import previous_version
from tasks.rollout.facts import Release
from tests.rollout.samples import BLANK, TARGET, A, B, facts


def history(*moves: str) -> list[dict[str, Any]]:
    """`A` is a deploy of A, `<A` a rollback to it, `-A` an undone deploy, `=A` a restart of it, `~A` its removal."""
    lines: list[dict[str, Any]] = []
    now = None
    for move in moves:
        to = move[-1]
        command = {"<": "rollback", "=": "restart", "~": "remove"}.get(move[0], "deploy")
        result = "restored" if move[0] == "-" else "committed"
        lines.append({"command": command, "result": result, "from": now, "to": to, "was_running": now is not None,
                      "branch": "main"})
        now = now if result == "restored" else to
    return lines


@pytest.mark.parametrize(("moves", "leads_to"), [
    ("", None), ("A", None), ("A B", "A"), ("A B C", "B"), ("A B C <B", "A"), ("A B C <B <A", None), ("A B <A C", "A"),
    ("A B <A C <A", None), ("A -B", None), ("A B -C", "A"), ("A A B", "A"), ("A B B", "A"), ("A B =B", "A"),
    ("A B A", "B"), ("A B C A D", "A"), ("A B C A D <A", "C"), ("A B C A D <A <C", "B"), ("A B <C", "B"),
    ("A B C <A", None), ("A B C <A D", "A"), ("-A", None)])
def test_rollback_leads_to_the_version_before(moves: str, leads_to: str | None) -> None:
    lines = history(*moves.split())
    now = next((line["to"] for line in reversed(lines) if line["result"] == "committed"), None)
    assert previous_version.previous(lines, now) == leads_to


def test_commit_that_another_machine_made_is_found_in_the_histories_of_hosts() -> None:
    histories: Any = [[{"to": A}, {"to": None}, {"to": "abc" + 37 * "d"}], [{"to": A}, {"to": B}], []]
    assert previous_version.commit_of("monitor", "AAAA", histories) == A
    with pytest.raises(NotReady, match="no branch, tag or commit cccc"):
        previous_version.commit_of("monitor", "cccc", histories)
    with pytest.raises(Mistake, match=f"monitor: a is the beginning of {A} and abcd"):
        previous_version.commit_of("monitor", "a", histories)


def test_rollback_leads_to_what_ran_before_the_first_deploy() -> None:
    first: Any = {"command": "deploy", "result": "committed", "from": A, "to": B, "was_running": True}
    assert previous_version.previous([first], B) == A
    assert previous_version.previous([{**first, "was_running": False}], B) is None


def test_rollback_leads_to_the_last_deploy_after_a_checkout_by_hand() -> None:
    assert previous_version.previous(history("A", "B"), "X") == "B"


@pytest.mark.parametrize(("runs_in", "leads_to"), [("/srv/before", "A"), ("/srv/now/current", "B")])
def test_rollback_leads_to_the_version_before_in_another_directory(runs_in: str, leads_to: str) -> None:
    """hosts.yaml names it since the last deploy. Where somebody removed the clone, the last version comes back."""
    goals = []
    lines = history("A", "B")
    known = facts(history=lines, commit=None, committed=lines[-1], directory="/srv/now",
                  written_directory=runs_in)
    plan = previous_version.planner_for(lambda targets, facts, found: goals.append(found["monitor"].commit) or {})
    plan((TARGET,), {("web1", "monitor"): known}, {})
    assert goals == [leads_to]


@pytest.mark.parametrize(("moves", "leads_to"), [
    (("A B", "B"), "A"), (("B", "A B"), "A"), (("A B", ""), "A"), (("A B", "A B", "B"), "A"),
    (("A B", "B", "C B"), None), (("A B <A", "B <A"), None), (("B", "B"), None),
    (("A B ~B", "A B ~B"), "B"), (("A B ~B <B",), "A"), (("A B ~B", "A B"), "A"), (("A ~A",), "A")])
def test_rollback_takes_a_new_host_along(moves: tuple[str, ...], leads_to: str | None) -> None:
    """A host with an earlier version of its own, or with none any more, does not follow. One that the service was
    removed from does; what was removed from all of them comes back."""
    goals = []
    known = {(f"web{number}", "monitor"): facts(
                 history=lines, commit=lines[-1]["to"] if lines else None, committed=lines[-1] if lines else {},
                 program_file=None if words[-2:-1] == "~" else "[program:monitor]")
             for number, (words, lines) in enumerate((words, history(*words.split())) for words in moves)}
    plan = previous_version.planner_for(lambda targets, facts, found: goals.append(found["monitor"].commit) or {})
    with nullcontext() if leads_to else pytest.raises(Mistake):
        plan((TARGET,), known, {})
    assert goals == ([leads_to] if leads_to else [])


@pytest.mark.promise(11)
def test_rollback_without_an_earlier_version_has_the_command_that_brings_a_kept_program_file_back() -> None:
    command = "cp /r/.fabvisor/monitor/before-fabvisor.conf /r/conf.d/monitor.conf && supervisorctl update"
    plan = previous_version.planner_for(lambda targets, facts, goals: {})
    for kept in (None, command):
        with pytest.raises(Mistake) as refused:
            plan((TARGET,), {("web1", "monitor"): facts(handwritten=kept)}, {})
        assert "no earlier version" in refused.value.message and "--to REVISION" in refused.value.hint
        assert (f"web1: {command}" in refused.value.message.splitlines()) == (kept is not None)


def test_rollback_of_hosts_with_different_earlier_versions_names_them_and_the_option_that_chooses_one() -> None:
    known = {(f"web{number}", "monitor"): facts(history=lines, commit=lines[-1]["to"])
             for number, lines in enumerate([history("A", "C"), history("B", "C")])}
    with pytest.raises(Mistake) as refused:
        previous_version.planner_for(lambda targets, facts, goals: {})((TARGET,), known, {})
    assert refused.value.message.splitlines()[1:] == ["web0: A", "web1: B"] and "--to REVISION" in refused.value.hint


def test_rollback_of_what_was_never_deployed_names_the_deploy() -> None:
    plan = previous_version.planner_for(lambda targets, facts, goals: {})
    with pytest.raises(Mistake) as refused:
        plan((TARGET,), {("web1", "monitor"): BLANK}, {})
    assert (refused.value.message, refused.value.hint) == ("monitor: it was never deployed here", "fab deploy monitor")


@pytest.mark.promise(11)
def test_rollback_to_a_release_of_another_tool_without_a_commit_names_the_command() -> None:
    theirs = [Release(name=name, digest=None, in_use=False, commit="") for name in ("1", "2 x")]
    known = facts(directory="/srv/shop", releases=theirs, current=A, strategy="releases", handwritten="cp")
    with pytest.raises(Mistake) as refused:
        previous_version.planner_for(lambda targets, facts, goals: {})((TARGET,), {("web1", "monitor"): known}, {})
    assert "web1: ln -sfn '/srv/shop/releases/2 x' /srv/shop/current" in refused.value.message.splitlines()
    assert refused.value.hint.endswith("fab restart monitor")
