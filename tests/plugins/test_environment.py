"""What tests inherit of the developer's shell (environment.py)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.lab import CHECKOUT


def test_hosts_yaml_of_the_developer_is_hidden_from_tests(tmp_path: Path) -> None:
    asks = "import os\ndef test_it(): assert not {'FAB_INVENTORY', 'FAB_ENV'} & {*os.environ}\n"
    (tmp_path / "test_asks.py").write_text(asks)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.plugins.environment", "-c", os.devnull,
         "--rootdir", str(tmp_path), str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "FAB_INVENTORY": "/etc/hosts.yaml", "FAB_ENV": "production"})
    assert done.returncode == 0, done
