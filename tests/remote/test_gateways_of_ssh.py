"""The command line of `fab ssh`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.inventory.model import Host
from tasks.program import quoting
from tasks.remote import ssh_command


@pytest.mark.promise(6)
@pytest.mark.usefixtures("real_hosts")
def test_ssh_refuses_unknown_keys_of_each_gateway_too(tmp_path: Path) -> None:
    key = tmp_path / "a key"
    key.touch()
    host = Host(name="web1", root="", identity_file=str(key), gateway="one@gw1:2201,gw2")
    words = ssh_command.words(host, "pwd")
    assert words[-3:] == ["--", "web1", "pwd"] and not {"-J", "-A"} & set(words)
    for name in ("gw2", "gw1"):
        assert "StrictHostKeyChecking=yes" in words and str(key) in words
        (proxy,) = [word for word in words if word.startswith("ProxyCommand=")]
        words = quoting.words(proxy.removeprefix("ProxyCommand=").replace("%%", "%"))
        assert words[-4:] == ["-W", "[%h]:%p", "--", name]
    assert "one" in words and "Port=2201" in words and not any(word.startswith("ProxyCommand=") for word in words)
