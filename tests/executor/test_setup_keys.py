"""The public keys that `fab setup` shows for the git server."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.executor.verbs import setup
from tests.support.sshd import keygen, public


def test_each_key_is_told_once_unless_its_owner_alone_can_open_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                                 ) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / ".ssh"
    folder.mkdir()
    whole, alone, locked = (keygen(folder / name, passphrase=words) for name, words in (
        ("id_a", ""), ("id_b", ""), ("id_c", "a passphrase")))
    told = [public(key) for key in (whole, alone)]
    for key in (alone, locked):
        key.with_suffix(".pub").unlink()
    host: Any = SimpleNamespace(env=dict(os.environ), check=lambda: None)
    assert [" ".join(key.split()[:2]) for key in setup._keys(host)] == told
