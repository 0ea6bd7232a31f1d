"""`fab setup` with `supervisord: packaged`, on a bare Debian with a real apt."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.debian import Debian
from tests.support.lab import Lab

WITHIN = 400                            # seconds for apt


def fab(lab: Lab, *args: str, **env: str) -> list[dict[str, Any]]:
    process = lab.popen(*args, "--format", "json", **env)
    out, err = process.communicate(timeout=WITHIN)
    assert process.returncode == 0, (out, err)
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("real_hosts")
def test_bare_debian_gets_its_packages_by_sudo_with_a_password_and_takes_a_deploy() -> None:
    with Lab(()) as lab, Debian() as host:
        (lab.home / ".ssh/known_hosts").write_text(host.known_hosts_line)
        repo = lab.repository("shop", {"run.sh": "#!/bin/sh\nexec sleep 1000\n"})
        lab.inventory.write_text(yaml.safe_dump({
            "default_environment": "test",
            "services": {"shop": {"repo": str(repo), "fetch": "client", "command": "./run.sh"}},
            "environments": {"test": {"branch": "main", "hosts": {"deb1": host.settings(
                root="/srv/app", sudo=True, supervisord="packaged", supervisord_conf="/etc/supervisor/supervisord.conf",
                program_dir="/etc/supervisor/conf.d")}}}}))
        password = {"FABRIC_SUDO_PASSWORD": host.password, "XDG_CACHE_HOME": str(lab.home / "cache")}
        events = fab(lab, "setup", "--yes", **password)
        assert [event["step"] for event in events if event["event"] == "step_finished"] == [
            "packages", "supervisord", "root"]
        assert fab(lab, "setup", "--yes", **password)[-1]["outcome"] == "unchanged"
        assert all(event["outcome"] != "failed" for event in fab(lab, "doctor", **password) if "outcome" in event)
        assert fab(lab, "deploy", "shop", **password)[-1]["outcome"] == "committed"
        written = [path for path in (host.tree / "var").rglob("*") if path.is_file() and not path.is_symlink()]
        assert not [path for path in written if host.password.encode() in path.read_bytes()]
