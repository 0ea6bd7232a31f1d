"""Locks: held by the kernel, gone with their holder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.executor import errors
from tasks.executor.layout import Layout
from tasks.executor.state import locks
from tests.support.lab import CHECKOUT
from tests.support.users import let_enter


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
    assert locks.holder_of(layout, "b")["by"] == "a much longer name than before"
    first.describe(by="ann")
    assert locks.holder_of(layout, "b")["by"] == "ann"
    first.release()
    assert locks.holder_of(layout, "b") == {}
    second.take(["a", "b"])
    second.release()


SEES_AS_NOBODY = """
import os
from tasks.executor.state import locks
from tasks.executor.layout import Layout
layout = Layout({"root": %r, "supervisord_conf": "s", "program_dir": "p"})
os.setgroups([]), os.setgid(65534), os.setuid(65534)
print(os.path.exists("/proc/1"), locks.holder_of(layout, "a").get("by"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hides processes")
def test_holder_is_named_where_proc_hides_its_process(folder: Path) -> None:
    """hidepid, and a lock of another user; not below tmp_path, which each other start of pytest shuts for others."""
    layout = Layout({"root": str(folder / "hidden"), "supervisord_conf": "s", "program_dir": "p"})
    os.makedirs(layout.service_state("a"))
    layout.prepare()
    first = locks.Locks(layout, {"by": "ann"})
    first.take(["a"])
    lock = Path(layout.lock_file("a"))
    let_enter(lock.parent)
    lock.chmod(0o644)
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc; exec "$@"', "sh"]
    for expected in ("False ann", "False None"):
        done = subprocess.run([*hidden, sys.executable, "-c", SEES_AS_NOBODY % layout.root], cwd=CHECKOUT,
                              capture_output=True, text=True, check=False)
        assert done.stdout.strip() == expected, done
        text = lock.read_text()
        first.release()
        lock.write_text(text)               # as where it was killed


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
def test_unreadable_holder_counts_as_unknown(layout: Layout, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the system has no list of locks."""
    Path(layout.lock_file("a")).write_text(text)
    assert locks.holder_of(layout, "a") == {}
    monkeypatch.setattr(locks, "LOCKS", "/no-such-file")
    assert locks.holder_of(layout, "a") == {}
