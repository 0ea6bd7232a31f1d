"""What a sudo says that does not let us begin, and what it is taken for: the usual one, and sudo-rs of Ubuntu 26.04."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.executor.errors import NotReady
from tasks.executor.sudo.sudo import Sudo
from tasks.executor.system.accounts import login_name

LOGIN = login_name()
NO_PASSWORD = "sudo: a password is required"
NO_PASSWORD_RS = "sudo: interactive authentication is required"


@pytest.mark.parametrize(("first", "second", "password", "message"), [
    (NO_PASSWORD, "", None, f"sudo wants a password of {LOGIN}"),
    (NO_PASSWORD_RS, "", None, f"sudo wants a password of {LOGIN}"),
    (NO_PASSWORD, "Sorry, try again.\nsudo: 1 incorrect password attempt", "x",
     f"sudo does not take the password of {LOGIN}"),
    (NO_PASSWORD_RS, "sudo: Authentication failed, try again.\nsudo: maximum 3 incorrect authentication attempts", "x",
     f"sudo does not take the password of {LOGIN}"),
    (NO_PASSWORD, f"{LOGIN} is not in the sudoers file.", "x", f"sudo does not allow {LOGIN} to run python3 as root"),
    (NO_PASSWORD_RS, f"sudo: I'm sorry {LOGIN}. I'm afraid I can't do that", "x",
     f"sudo does not allow {LOGIN} to run python3 as root"),
    (f"sudo: I'm sorry {LOGIN}. I'm afraid I can't do that", "", None,
     f"sudo does not allow {LOGIN} to run python3 as root"),
    (NO_PASSWORD, "sudo: the moon is full", "x", f"sudo refuses {LOGIN}: sudo: the moon is full")])
def test_sudo_that_does_not_begin_is_told_in_our_words(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: str, second: str, password: str | None, message: str
        ) -> None:
    (tmp_path / "first").write_text(first + "\n")
    (tmp_path / "second").write_text(second + "\n")
    sudo = tmp_path / "sudo"
    sudo.write_text(f'#!/bin/sh\ncase "$1" in -n) exec cat {tmp_path}/first >&2;; esac\nread -r password\n'
                    f"cat {tmp_path}/second >&2\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(NotReady) as refused:
        Sudo("python3", password).wait_until_begun()
    assert refused.value.message == message
