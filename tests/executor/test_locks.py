"""Locks: held by the kernel, gone with their holder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tasks.executor import errors, locks
from tasks.executor.layout import Layout


@pytest.mark.promise(5)
def test_lock_of_one_holder_refuses_another_and_names_it(layout: Layout) -> None:
    first, second = locks.Locks(layout, {"by": "ann"}), locks.Locks(layout, {"by": "bob"})
    first.take(["b"])
    with pytest.raises(locks.Held) as held:
        second.take(["a", "b"])
    assert (held.value.service, held.value.holder["by"]) == ("b", "ann")
    assert second.held() == []
    assert locks.holder_of(layout, "a") == {} and locks.holder_of(layout, "b")["by"] == "ann"
    first.describe(by="a much longer name than before")
    first.describe(by="ann")
    assert locks.holder_of(layout, "b")["by"] == "ann"
    first.release()
    assert locks.holder_of(layout, "b") == {}
    second.take(["a", "b"])
    second.release()


def test_lock_survives_a_removed_lock_file(layout: Layout) -> None:
    first, second = locks.Locks(layout, {}), locks.Locks(layout, {})
    first.take(["a"])
    os.unlink(layout.lock_file("a"))
    second.take(["a"])                              # as the kernel sees it, the first has lost it
    third = locks.Locks(layout, {})
    with pytest.raises(locks.Held):
        third.take(["a"])
    first.release()
    with pytest.raises(locks.Held):
        third.take(["a"])
    second.release()


@pytest.mark.promise(5)
def test_child_process_holds_no_lock(layout: Layout) -> None:
    first, second = locks.Locks(layout, {}), locks.Locks(layout, {})
    first.take(["a"])
    child = subprocess.Popen(["sleep", "100"])
    first.release()
    second.take(["a"])
    second.release()
    child.kill()
    child.wait()


def test_reload_lock_times_out_when_it_is_not_released(layout: Layout) -> None:
    with locks.reload_lock(layout), pytest.raises((OSError, errors.HostError), match="supervisord"), \
            locks.waiting(layout.reload_lock, 0.1, lambda: None):
        pass
    with locks.waiting(layout.reload_lock, 0.1, lambda: None):
        pass


@pytest.mark.parametrize("text", ["", "rubbish", '{"pid": 1}', '{"pid": "x", "start": []}', "[]"])
def test_unreadable_holder_counts_as_unknown(layout: Layout, text: str) -> None:
    Path(layout.lock_file("a")).write_text(text)
    assert locks.holder_of(layout, "a") == {}
