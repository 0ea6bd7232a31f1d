"""The folders of the cache, where a build runs and mirrors lie."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tasks._errors import Failed, NotReady
from tasks.mirror.clean_clone import empty_folder


def test_folder_in_which_root_made_files_is_refused_to_the_next_build(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container does: the build that did so ends as it would without."""
    rmdir = os.rmdir

    def refuse(path: str, **options: Any) -> None:
        if os.path.basename(path) == "of-root":
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)
        rmdir(path, **options)

    monkeypatch.setattr(os, "rmdir", refuse)
    place = tmp_path / "app.build"
    with pytest.raises(Failed, match="the build failed"), empty_folder(place):
        (place / "of-root").mkdir()
        raise Failed("the build failed", "correct it")
    with pytest.raises(NotReady, match=f"cannot remove {place}/of-root from the cache: Op") as refused, \
            empty_folder(place):
        pass
    assert f"sudo rm -r {place};" in refused.value.hint
