"""The boundary where a command becomes an exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tasks._command import _guarded
from tasks._options import DEFAULTS
from tasks.reports.formats import LazyReporter
from tasks.rollout.events import Event, Finished, Result

DEPLOYED = {"web1": {"api": Result(outcome="committed")}}


def code_of(finished: Finished) -> int:
    return _guarded(finished.command, lambda run: finished, {**DEFAULTS, "format": "json"}, None)


@pytest.mark.promise(8)
@pytest.mark.parametrize(("finished", "code"), [
    (Finished(command="deploy", outcome="committed", exit_code=0, hosts=DEPLOYED), 0),
    (Finished(command="deploy", outcome="unknown", exit_code=3, hosts=DEPLOYED), 3),
    (Finished(command="logs", outcome="unchanged", exit_code=0), 1)], ids=["deployed", "unknown", "read"])
def test_command_ends_as_its_hosts_did_where_the_disk_of_its_output_is_full(
        finished: Finished, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert code_of(finished) == code
    assert "No space left on device" in capsys.readouterr().err


@pytest.mark.promise(8)
@pytest.mark.parametrize(("hosts", "code"), [(DEPLOYED, 3), ({}, 1)], ids=["with hosts", "without"])
def test_command_whose_end_cannot_be_shown_never_says_that_hosts_are_as_they_were(
        hosts: dict[str, dict[str, Result]], code: int, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    def fail(self: LazyReporter, event: Event) -> None:
        raise ValueError("of a format")

    monkeypatch.setattr(LazyReporter, "on", fail)
    assert code_of(Finished(command="deploy", outcome="committed", exit_code=0, hosts=hosts)) == code
    assert "the report failed (ValueError: of a format)" in capsys.readouterr().err
