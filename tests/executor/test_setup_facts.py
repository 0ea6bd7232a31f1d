"""What `fab setup` is told of a host: what is there, and whether it is of any use."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tasks.executor.layout import Layout
from tasks.executor.verbs import setup


def test_virtual_environment_whose_python_is_gone_is_none(tmp_path: Path) -> None:
    """As an upgrade of the distribution leaves it. `fab setup` makes it anew."""
    host: Any = SimpleNamespace(env=dict(os.environ), check=lambda: None)
    supervisord = tmp_path / "supervisord"
    assert not setup._starts(str(supervisord), host)
    for interpreter, starts in (("/bin/sh", True), ("/usr/bin/python3.0", False)):
        supervisord.write_text(f"#!{interpreter}\nexit 0\n")
        supervisord.chmod(0o755)
        assert setup._starts(str(supervisord), host) is starts


def test_place_where_nothing_can_be_made_is_named_by_its_key(tmp_path: Path) -> None:
    """Before the first step, for steps that were done stay. What is there already need not be made."""
    root = tmp_path / "app"
    layout = Layout({"root": str(root), "supervisord_conf": "etc/supervisord.conf", "program_dir": "conf.d"})

    def closed(*, has_venv: bool = False) -> list[str]:
        return list(setup._closed(layout, has_venv))

    assert closed() == []
    root.symlink_to("/not there")
    assert closed() == ["root", "supervisord_conf", "program_dir"]
    root.unlink()
    (root / "conf.d").mkdir(parents=True)
    (root / "etc").touch()
    assert closed() == ["supervisord_conf"]
    (root / "etc").unlink()
    (root / "etc").mkdir()
    (root / "etc/supervisord.conf").touch()
    assert closed(has_venv=True) == []
