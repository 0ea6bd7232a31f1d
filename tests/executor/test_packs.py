"""What many fetches left in a clone is put together after a deploy, and no object is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.executor.errors import HostError
from tasks.executor.git import packs
from tests.executor.driver import Example
from tests.executor.place import Place
from tests.mirror.test_mirror import add_loose_objects
from tests.support.lab import git

pytestmark = pytest.mark.promise(11)
# An object in each, which no reference names.
PACKS = """
for number in $(seq {first} {last}); do
    echo $number | git hash-object -w --stdin | tee -a .git/names | git pack-objects --quiet .git/objects/pack/pack
done >/dev/null; git prune-packed --quiet
"""


def listed(clone: Path, pattern: str) -> set[Path]:
    return {*(clone / ".git/objects").glob(pattern)}


def test_many_packs_become_one_and_no_object_is_lost(place: Place) -> None:
    place.forward(place.commit("echo one > file"))
    git(place.folder, "repack", "-adq")
    place.run(PACKS.format(first=1, last=packs.PACKS - 1))
    before = listed(place.folder, "pack/*")
    packs.put_together(place.ctx.clone.git)
    assert listed(place.folder, "pack/*") == before, "git takes so many"
    place.run(PACKS.format(first=packs.PACKS, last=packs.PACKS))
    packs.put_together(place.ctx.clone.git)
    assert len(listed(place.folder, "pack/*.pack")) == len(listed(place.folder, "pack/*.idx")) == 1
    names = (place.folder / ".git/names").read_text().split()
    assert [git(place.folder, "cat-file", "blob", name) for name in (names[0], names[-1])] == ["1", str(packs.PACKS)]
    known = git(place.folder, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    assert {*names} < {*known} and git(place.folder, "fsck", "--full", "--no-dangling") == ""


@pytest.mark.long
def test_pack_that_is_large_kept_or_unfinished_stays_as_it_is(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.forward(place.commit("head -c 100000 /dev/urandom > file"))
    git(place.folder, "repack", "-adq")
    (large,) = listed(place.folder, "pack/*.pack")
    monkeypatch.setattr(packs, "MOST", 50_000)
    place.run(PACKS.format(first=1, last=packs.PACKS))
    kept, unfinished, *_ = listed(place.folder, "pack/*.pack") - {large}
    kept.with_suffix(".keep").touch()
    unfinished.with_suffix(".idx").unlink()
    packs.put_together(place.ctx.clone.git)
    left = listed(place.folder, "pack/*.pack")
    assert {large, kept, unfinished} < left and len(left) == 4


def test_pack_that_cannot_be_written_leaves_nothing_behind(place: Place) -> None:
    """As on a full disk: git has begun to write."""
    place.forward(place.commit("echo one > file"))
    place.run(PACKS.format(first=1, last=packs.PACKS + 1))
    damaged = max(listed(place.folder, "pack/*.pack"))
    content = damaged.read_bytes()
    damaged.chmod(0o600)
    damaged.write_bytes(content[:-25] + bytes(5) + content[-20:])
    before = listed(place.folder, "**/*")
    with pytest.raises(HostError):
        packs.put_together(place.ctx.clone.git)
    assert listed(place.folder, "**/*") == before


def test_loose_objects_are_packed_after_a_deploy(example: Example) -> None:
    example.write()
    example.committed()
    add_loose_objects(example.directory / ".git/objects")
    before = git(example.directory, "cat-file", "--batch-all-objects", "--batch-check")
    example.write()
    example.committed()
    assert not listed(example.directory, "??/*")
    after = git(example.directory, "cat-file", "--batch-all-objects", "--batch-check")
    assert {*before.splitlines()} < {*after.splitlines()}
