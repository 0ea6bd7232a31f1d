"""Whether supervisord starts with its host: what control groups say of that. docs/your-hosts.md uses cron itself."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.executor.checks import boot
from tasks.executor.checks.boot import script_of, unit_of
from tasks.executor.supervisor import supervisord_search
from tasks.executor.supervisor.supervisord_search import start_of

USER = "0::/user.slice/user-1000.slice/user@1000.service"


@pytest.mark.parametrize(("cgroup", "unit", "of_user"), [
    ("0::/system.slice/supervisor.service\n", "supervisor.service", False),
    ("12:pids:/system.slice/supervisor.service\n1:name=systemd:/system.slice/supervisor.service\n",
     "supervisor.service", False),
    (f"{USER}/app.slice/supervisord-srv-app.service\n", "supervisord-srv-app.service", True),
    ("0::/user.slice/user-1000.slice/session-3.scope\n", "", False),
    ("0::/system.slice/cron.service\n", "cron.service", False),
    ("0::/\n", "", False),
    ("", "", False),
])
def test_unit_of_a_process_is_the_innermost_of_its_control_group(cgroup: str, unit: str, of_user: bool) -> None:
    assert unit_of(cgroup) == (unit, of_user)


@pytest.mark.parametrize(("text", "conf", "starts"), [
    ('DAEMON_OPTS="-c /etc/supervisor/supervisord.conf $DAEMON_OPTS"\n', "/etc/supervisor/supervisord.conf", True),
    ('DAEMON_OPTS="-c /etc/supervisor/supervisord.conf $DAEMON_OPTS"\n', "/srv/app/supervisord.conf", False),
    ("exec supervisord\n", "/etc/supervisord.conf", True)])
def test_script_of_system_v_counts_for_its_own_configuration_only(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, conf: str, starts: bool) -> None:
    """Debian's package has one, also where the supervisord of the login user is another."""
    monkeypatch.setattr(boot, "SYSV", f"{tmp_path}/S*supervisor")
    (tmp_path / "S01supervisor").write_text(text)
    assert script_of(conf) == (f"{tmp_path}/S01supervisor" if starts else "")


@pytest.mark.parametrize(("prefix", "place"), [("", "crontab -e"), ("sudo ", "/etc/crontab")])
def test_line_that_the_remedy_names_is_found_where_it_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                           prefix: str, place: str) -> None:
    crontab: list[str] = []
    monkeypatch.setattr(boot, "_unit", lambda host: None)
    monkeypatch.setattr(boot, "_answer", lambda host, *command: crontab)
    monkeypatch.setattr(boot, "SYSV", str(tmp_path / "none"))
    monkeypatch.setattr(boot, "ROOTS", (str(tmp_path / "crontab"),))
    monkeypatch.setattr(supervisord_search, "started_by", lambda pid: ["/usr/bin/supervisord"])
    host: Any = SimpleNamespace(layout=SimpleNamespace(access=SimpleNamespace(prefix=prefix)),
                                conf=SimpleNamespace(path="/etc/my/supervisord.conf", folder="/etc/my"),
                                supervisord=SimpleNamespace(pid=lambda: 1))
    (finding,) = boot.start_at_boot(host)
    where, line = finding.remedy.partition("on the host, in ")[2].split(": ", 1)
    assert where == place
    if prefix:
        (tmp_path / "crontab").write_text(line + "\n")
        assert line.split()[1] == "root"
    else:
        crontab.append(line)
    assert [found.outcome for found in boot.start_at_boot(host)] == ["ok"]


@pytest.mark.parametrize(("words", "expected"), [
    (["/bin/sh", "/opt/bin/supervisord", "-c", "x"], ["/bin/sh", "/opt/bin/supervisord"]),
    (["/opt/my python", "-m", "supervisor.supervisord", "-n"], ["/opt/my python", "-m", "supervisor.supervisord"]),
    (["/opt/supervisord"], ["/opt/supervisord"]),
    (["/bin/python3", "bin/supervisord"], []), (["python3", "/opt/bin/supervisord"], []), (["/bin/cat"], []),
])
def test_words_that_start_supervisord_anew_hold_from_any_folder(words: list[str], expected: list[str]) -> None:
    assert start_of(words) == expected
