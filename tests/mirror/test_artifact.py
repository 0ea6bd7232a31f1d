"""Tar files that were cut off on their way, as by an interrupted upload of a job."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tasks._errors import NotReady
from tasks.mirror.artifact import Artifact

CONTENT = bytes(700)                    # a header and two blocks
MEMBER = 3 * tarfile.BLOCKSIZE


def packed(compression: str) -> bytes:
    """A tar file of two members."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode=f"w:{compression}") as tar:       # type: ignore[call-overload]
        for name in ("one", "two"):
            member = tarfile.TarInfo(name)
            member.size = len(CONTENT)
            tar.addfile(member, io.BytesIO(CONTENT))
    return whole.getvalue()


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_artifact_that_was_cut_off_is_refused_wherever_that_was(tmp_path: Path, compression: str) -> None:
    path, whole = tmp_path / "app.tar", packed(compression)
    path.write_bytes(whole)
    Artifact(path)
    for length in [MEMBER, 2 * MEMBER] if not compression else [len(whole) - 1, len(whole) - 8]:
        path.write_bytes(whole[:length])
        with pytest.raises(NotReady, match=r"cannot be read: (it was cut off|Compressed file ended)"):
            Artifact(path)


def test_file_that_is_no_tar_is_called_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "app.zip").write_bytes(b"PK no tar")
    with pytest.raises(NotReady) as refused:
        Artifact(tmp_path / "app.zip")
    assert refused.value.message == f"{tmp_path}/app.zip is no tar file, plain or compressed by gzip, bzip2 or xz"
