"""What a deploy says of its plans before it carries them out."""

from __future__ import annotations

from msgspec.structs import replace

from tasks.rollout.peers import results
from tasks.rollout.steps import Action, Plan, Step
from tasks.rollout.transaction import preview
from tests.rollout.samples import SERVICE, TARGET, A, B, facts, peer, plan


def test_move_to_another_directory_is_told_with_what_it_leaves_behind() -> None:
    step = Step(name="fetch", phase="prepare", do=Action("fetch"))
    target = replace(TARGET, service=replace(SERVICE, shared=("uploads/",)))
    moving, staying, unchanged = (
        peer("web1", targets=[target], facts={"monitor": facts(written_directory=where)},
             plans={"monitor": Plan(was=None, tried="x", steps=steps)})
        for where, steps in (("/r/e/current", (step,)), ("/r/d/current", (step,)), ("/r/e", ())))
    [notice] = preview.moved([moving, staying, unchanged])
    assert notice.message == ("monitor runs in /r/e/current, and hosts.yaml names /r/d since then:"
                              " its logs, uploads/ stay where they are")


def test_service_that_another_environment_deployed_to_the_same_place_is_told() -> None:
    step = Step(name="stop", phase="activate", do=Action("stop"))
    staging = replace(TARGET, service=replace(SERVICE, run_mode="staging"))
    other, same, unchanged = (
        peer("web1", targets=[target], facts={"monitor": facts()},
             plans={"monitor": Plan(was=None, tried="x", steps=steps)})
        for target, steps in ((staging, (step,)), (TARGET, (step,)), (staging, ())))
    [notice] = preview.renamed([other, same, unchanged])
    assert notice.message == ("monitor runs as prod, not as staging: if both are environments, each needs a `root` of"
                              " its own")


def test_plan_over_an_interrupted_deploy_is_the_undo_whatever_that_left() -> None:
    for left in (facts(B, due=["d1"]), facts(A, due=["d1"], edited=[" M half"], program_file="new")):
        host = peer("web1", facts={"monitor": left}, plans={"monitor": plan(left, set_aside=True)})
        [shown] = preview.full([host])
        assert (shown.steps, shown.edited, shown.diff) == (["recover"], [], [])
        assert shown.obstacles == ["an interrupted deploy (d1) is undone first"]
        assert not preview.is_refused([host], [shown])
        assert results.dry_run_result("plan", [host], False).outcome == "pending"


def test_plan_over_an_interrupted_deploy_confirms_the_commit_and_no_steps() -> None:
    confirmed = preview.fingerprint(plan(facts(B)), facts(B, due=["d1"]))
    after = preview.fingerprint(plan(facts(A)), facts(A))
    assert confirmed == (B,) == after[:1]
    assert len(preview.fingerprint(plan(facts(B)), facts(B))) > 1
