"""Unix users for a test, as a host has them: made by root, gone with the test."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import guard


@contextmanager
def unix_user(folder: Path, prefix: str = "fabtest", groups: tuple[str, ...] = ()) -> Iterator[pwd.struct_passwd]:
    """A new user with bash and a home in `folder`; its processes end and the account goes with the test.

    Only root can make users: CI runs as root, a developer's own account cannot run these tests.
    """
    assert os.geteuid() == 0, "only root can make unix users"
    name = f"{prefix}{os.urandom(4).hex()}"
    home = folder / f"home-{name}"
    extra = ["--groups", ",".join(groups)] if groups else []
    guard.change_users(["useradd", "--create-home", "--home-dir", str(home), "--shell", "/bin/bash", "--password", "*",
                        *extra, name])
    guard.watch_user(name)
    try:
        yield pwd.getpwnam(name)
    finally:
        guard.clear_user(name)


def let_enter(folder: Path) -> None:
    """Other users may pass through this temporary folder and all folders above it, but not list them."""
    for each in [folder, *folder.parents]:
        if each.stat().st_uid == os.geteuid():
            each.chmod(each.stat().st_mode | 0o011)
