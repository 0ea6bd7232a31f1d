"""Two people of one group, each with a user of their own on the host; and a root that is root's."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.app import messages
from tests.support.lab import Lab, Run
from tests.support.packaged import PYTHON
from tests.support.sshd import Sshd
from tests.support.users import let_enter, unix_user

READING = [("status",), ("history", "shop"), ("logs", "shop"), ("logs", "shop", "--deploy", "last")]


class TwoUsers:
    """ann and bob log in to one machine; ann's group, which bob is in, may write in the root."""

    def __init__(self, lab: Lab, stack: ExitStack) -> None:
        self.lab = lab
        let_enter(lab.folder)
        self.repo = lab.repository("shop", {"run.sh": "#!/bin/sh\nexec sleep 1000\n"})
        self.root = lab.folder / "shared"
        self.root.mkdir()
        self.ann = stack.enter_context(unix_user(lab.folder, "ann"))
        self.bob = stack.enter_context(unix_user(lab.folder, "bob", groups=(self.ann.pw_name,)))
        os.chown(self.root, 0, self.ann.pw_gid)
        self.root.chmod(0o2775)
        self._logins = {user.pw_name: stack.enter_context(Sshd(self._folder(user), account=user))
                        for user in (self.ann, self.bob)}
        known = "".join(sshd.known_hosts_line for sshd in self._logins.values())
        (lab.home / ".ssh/known_hosts").write_text(known)

    def fab(self, user: pwd.struct_passwd, *args: str) -> Run:
        sshd = self._logins[user.pw_name]
        self.lab.write({"shop": {"repo": str(self.repo), "command": "./run.sh"}},
                       web1={"address": sshd.host, "port": sshd.port, "user": user.pw_name, "python": PYTHON,
                             "root": str(self.root), "identity_file": str(sshd.client_key)})
        return self.lab.fab(*args)

    def _folder(self, user: pwd.struct_passwd) -> Path:
        folder = self.lab.folder / f"sshd-{user.pw_name}"
        folder.mkdir()
        return folder


@pytest.fixture(scope="module")
def users(real_hosts: None) -> Iterator[TwoUsers]:
    with Lab(("web1",)) as lab, ExitStack() as stack:
        yield TwoUsers(lab, stack)


@pytest.mark.long
def test_second_user_is_told_whose_state_it_is_and_as_whom_to_log_in(users: TwoUsers) -> None:
    """ann's deploy gets as far as making the state folder: there is no supervisord."""
    run = users.fab(users.ann, "deploy", "shop")
    assert run.code == 2 and "supervisord" in messages(run), run
    state = users.root / ".fabvisor"
    assert (state.stat().st_uid, state.stat().st_mode & 0o777) == (users.ann.pw_uid, 0o700)
    for command in [("deploy", "shop"), ("plan", "shop"), ("recover", "shop"), *READING]:
        run = users.fab(users.bob, *command)
        words = " ".join([messages(run), *(str(event.get("oddities", "")) for event in run.events)])
        assert run.code == 2, (command, run)
        assert f"{state} belongs to {users.ann.pw_name}, who deploys below {users.root}" in words, (command, words)
        assert f"log in as {users.ann.pw_name}" in words, (command, words)


def test_root_of_another_user_names_its_owner_and_one_command(users: TwoUsers) -> None:
    mine, users.root = users.root, users.root.with_name("roots")
    users.root.mkdir()
    try:
        run = users.fab(users.bob, "deploy", "shop")
    finally:
        closed, users.root = users.root, mine
    assert run.code == 2, run
    assert f"the root {closed} belongs to root, and {users.bob.pw_name}, who logs in, cannot write" in messages(run)
    assert f"sudo install -d -m 700 -o {users.bob.pw_name} {closed}/.fabvisor" in messages(run)
    assert os.listdir(closed) == []
