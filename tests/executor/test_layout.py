"""The paths below the root."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tasks.executor import errors
from tasks.executor.layout import Layout


def test_layout_resolves_paths_below_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Layout({"root": "~/r", "supervisord_conf": "/etc/s.conf", "program_dir": "../p"})
    assert (made.root, made.supervisord_conf, made.program_dir) == (f"{tmp_path}/r", "/etc/s.conf", f"{tmp_path}/p")
    with pytest.raises(errors.NotReady, match="does not exist"):
        made.prepare()


@pytest.mark.promise(9)
@pytest.mark.parametrize("state", [".fabvisor", "small/state"], ids=["there", "to be made"])
def test_disk_of_our_files_that_is_read_only_is_refused_by_who_writes_and_by_a_plan(tmp_path: Path, state: str) -> None:
    disk = tmp_path / ("small" if "/" in state else state)
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,size=100k", "none", disk], check=False,
                      capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        made = Layout({"root": str(tmp_path), "state": state, "supervisord_conf": "s", "program_dir": "p"})
        for require in (made.prepare, made.require_writable):
            with pytest.raises(errors.NotReady, match=f"cannot write below {disk}: Read-only file system") as refused:
                require()
            assert refused.value.hint.endswith(f"findmnt -T {disk}")
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
