"""By what a host is known under two names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.executor.service import facts


def test_folder_is_the_same_by_each_name_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "link").symlink_to("conf.d")
    names = [facts.folder_of_machine(str(tmp_path / name)) for name in ("conf.d", "link", "link/..", "absent")]
    assert names[0] == names[1] and names[0] not in names[2:] and "" not in names[:3] and names[3] == ""


def test_folder_tells_nothing_of_its_machine_where_the_kernel_names_no_boot(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two copies of a machine have folders of the same numbers: they are not one."""
    monkeypatch.setattr(facts, "BOOT_ID", str(tmp_path / "absent"))
    assert facts.folder_of_machine(str(tmp_path)) == ""
