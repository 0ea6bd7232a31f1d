"""A host that cannot be trusted hurts no other: a short fixed set. `python -m tests.faults.message_fuzz` goes on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from tasks.rollout import events, protocol
from tasks.rollout.peers import results
from tests.faults.message_fuzz import Case, try_it
from tests.faults.mutations import MUTATIONS

# The first ones; those that bring the kinds of mutations which the first ones lack; further ones that found something.
SEEDS = [*range(1, 41), 43, 49, 67, 82, 1038, 10855]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.seconds(10)
@pytest.mark.promise(8)
def test_host_that_breaks_the_protocol_hurts_no_other(tmp_path: Path) -> None:
    """No traceback, no wrong word about another host, no hidden character, an end, and the right exit code."""
    cases: list[Case] = []
    wrong: list[str] = []
    for seed in SEEDS:
        case, problems = try_it(seed, tmp_path)
        cases.append(case)
        wrong += [f"{case}: {problem}" for problem in problems]
    assert not wrong
    done = Counter(name.split()[0] for case in cases for name in case.mutator.names)
    assert done.keys() == {mutation.__name__ for mutation, _ in MUTATIONS}, "a fuzz that leaves out a kind tests little"
    assert {case.code for case in cases} >= {0, 1, 3, 75}


@pytest.mark.parametrize(("module", "name", "instead"), [
    (results, "finished", lambda command, *rest: events.Finished(command=command, outcome="restored", exit_code=1)),
    (protocol, "decode", lambda host, message: convert({**message, "host": host}, protocol.KINDS[message["event"]]))],
    ids=["a hasty end", "no check"])
def test_fuzz_finds_what_is_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str,
                                        instead: Any) -> None:
    monkeypatch.setattr(module, name, instead)
    assert any(try_it(seed, tmp_path)[1] for seed in range(1, 101))
