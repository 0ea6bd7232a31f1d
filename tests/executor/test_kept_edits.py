"""What a person does in a tree before the undo of a deploy is kept; what git or a build wrote there is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tasks.executor import errors
from tasks.executor.git import Locked
from tasks.executor.state import history
from tasks.executor.transaction import kept_edits
from tasks.executor.transaction.tree_times import TreeTimes
from tests.executor.place import Place, next_commit
from tests.executor.test_unfinished_checkout import cut_off, kill_at
from tests.support.lab import git

pytestmark = pytest.mark.promise(11)
FIRST = "for name in changed gone same; do echo first > $name; done"
SECOND = "echo second > changed; rm gone; echo second > new; echo second > zoo"


def undo(place: Place, to: str, times: TreeTimes | None = None) -> None:
    kept_edits.keep(place.ctx, {"from": place.was, "to": to}, [], times)
    place.back()


def kept(place: Place, path: str = ".") -> list[str]:
    """The files in the newest entry of the stash that it does not have as its commit has them."""
    if not git(place.folder / path, "stash", "list"):
        return []
    return git(place.folder / path, "diff", "--name-only", "stash^", "stash").splitlines()


@pytest.mark.parametrize("edited", ["changed", "gone", "same", ""])
def test_edit_in_a_half_made_checkout_is_kept(place: Place, edited: str) -> None:
    place.forward(place.commit(FIRST))
    second = place.commit(SECOND)
    kill_at(place.folder, "zoo")
    cut_off(place, second)
    if edited:
        (place.folder / edited).write_text("mine\n")
    before = kept(place)
    undo(place, second)
    assert (edited in kept(place), before) == (bool(edited), [])
    assert {name: (place.folder / name).read_text() for name in ("changed", "gone", "same")} == dict.fromkeys(
        ("changed", "gone", "same"), "first\n")


CHECKOUTS = {
    "git refuses it": lambda place: place.commit(SECOND),
    "attributes": lambda place: place.commit(SECOND + "; echo '* eol=crlf' > .gitattributes"),
    "an edit of the last build": lambda place: built(place, SECOND),
}


def built(place: Place, second: str) -> str:
    """What the last build changed in a file is no edit, and the checkout overwrites it."""
    (place.folder / "changed").write_text("built\n")
    history.write(place.layout, "a", {"deploy": "1", "to": place.ctx.clone.head(), "result": "committed",
                                      "left": place.ctx.clone.state().edits, "release": None})
    return place.commit(second)


@pytest.mark.parametrize("case", CHECKOUTS.values(), ids=list(CHECKOUTS))
def test_edit_between_the_look_and_the_checkout_is_kept(place: Place, case: Callable[[Place], str]) -> None:
    place.forward(place.commit(FIRST))
    second = case(place)

    @contextmanager
    def meanwhile() -> Iterator[None]:
        (place.folder / "gone").write_text("mine\n")
        yield

    with pytest.raises(errors.HostError):
        place.forward(second, limit=meanwhile())
    undo(place, second)
    assert "gone" in kept(place)


@pytest.mark.parametrize("path", ["part/inner", ".", "part"])
@pytest.mark.rows(1)
def test_edit_since_the_build_is_kept_and_what_the_build_changed_is_not(nested: Place, path: str) -> None:
    second = next_commit(nested, ".")
    times = TreeTimes(nested.ctx.clone)
    with times.noted("checkout"):
        nested.forward(second)
    with times.noted("build"):
        (nested.folder / "file").write_text("built\n")
        (nested.folder / "part/file").write_text("built\n")
    undo(nested, second, times)
    assert not any(kept(nested, each) for each in (".", "part", "part/inner"))
    with times.noted("checkout"):
        nested.forward(second)
    (nested.folder / path / "file").write_text("mine\n")
    undo(nested, second, times)
    assert "file" in kept(nested, path)
    assert git(nested.folder / path, "show", "stash:file") == "mine"


def test_file_that_was_meant_to_be_added_is_kept(place: Place) -> None:
    place.forward(place.commit(FIRST))
    place.run("echo mine > intended; git add -N intended")
    undo(place, place.commit(SECOND))
    assert git(place.folder, "show", "stash:intended") == "mine"


def test_lock_of_git_while_edits_are_kept_is_told_for_what_it_is(place: Place) -> None:
    """So that the undo waits for it."""
    place.forward(place.commit(FIRST))
    (place.folder / "same").write_text("mine\n")
    (place.folder / ".git/index.lock").touch()
    with pytest.raises(Locked):
        kept_edits.keep(place.ctx, {}, [], None)
