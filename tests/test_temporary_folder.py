"""A container may have no folder that can be written at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tasks._errors import Mistake
from tasks._temporary_folder import temporary_folder
from tasks.embedded.state_dir import state_of
from tasks.reports.crash_report import file_crash
from tasks.rollout.events import Bug


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_get_default_tempdir", none)


def test_machine_without_a_temporary_folder_is_told_so(read_only: None) -> None:
    for ask in (temporary_folder, lambda: state_of(Path("/x"))):
        with pytest.raises(Mistake, match="no folder for temporary files can be written") as refused:
            ask()
        assert "export TMPDIR=" in refused.value.hint


def test_crash_without_a_temporary_folder_is_still_told(read_only: None) -> None:
    error = file_crash(Bug(message="a bug: x", trace="…"), [], str)
    assert (error.message, error.hint.partition(" found")[0]) == (
        "a bug: x", "its details could not be saved: No usable temporary directory")
