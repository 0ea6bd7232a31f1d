"""The paths below the root."""

from __future__ import annotations

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
