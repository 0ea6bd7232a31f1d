"""The sources of commits that this machine carries: rollout/commits/sources.py."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tasks._errors import NotReady
from tasks.rollout.commits.client_builds import ClientBuilds
from tasks.rollout.commits.sources import Sources
from tests.rollout.samples import SERVICE, TARGET
from tests.support.services import changed


def test_git_of_this_machine_that_is_too_old_is_named_before_anything_is_fetched(tmp_path: Path) -> None:
    """Where hosts fetch for themselves, nobody asks for it."""
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho git version 2.23.4\n")
    program.chmod(0o755)
    nobody: Any = None

    def resolve(fetch: str) -> object:
        targets = [replace(TARGET, service=changed(SERVICE, fetch=fetch))]
        environ = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return Sources(targets, tmp_path, tmp_path, environ, ClientBuilds(targets)).resolve({"monitor": "main"}, nobody)

    with pytest.raises(NotReady, match=r"git version 2.23.4 on this machine is older than 2.24"):
        resolve("client")
    assert resolve("host") == {} and not (tmp_path / ".cache").exists()
