"""Whether git can go back: a clone that lost an object (a power cut, a bad disk) shows it only when it reads that."""

from __future__ import annotations

from . import index
from .command import Git
from .errors import lacking
from .state import GITLINK

REPLACED = ("A", "M", "T")        # by the checkout: changed or removed


def require_way_back(git: Git, commit: str) -> None:
    """Raise Unusable unless the content of each file that a checkout of the commit replaces is here. A partial clone is
    not asked: it would fetch each that it lacks, one by one."""
    blobs = {change.index_blob: change.path for change in index.changes(git, commit)
             if change.kind in REPLACED and change.index_mode != GITLINK}
    if not blobs or git.is_partial():
        return
    for line in git.run("cat-file", "--batch-check", given="".join(blob + "\n" for blob in blobs).encode()):
        blob, _, kind = line.partition(" ")
        if kind == "missing":
            raise lacking(git.directory, git.repo, blobs[blob])
