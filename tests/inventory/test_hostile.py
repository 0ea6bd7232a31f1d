"""Names and values that mean something else to a shell, to git, to ssh or to supervisord are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.inventory import values

from .writing import said, whole

NAMES = {
    "upwards": "..",
    "upwards inside": "a..b",
    "hidden": ".hidden",
    "an option": "-rf",
    "a space": "a b",
    "a slash": "a/b",
    "a quote": "a'b",
    "a double quote": 'a"b',
    "a newline": "a\n[program:evil]",
    "a newline at the end": "a\n",
    "NUL": "a\0b",
    "a semicolon": "a;b",
    "a command": "$(reboot)",
    "a glob": "web*",
    "a comma": "a,b",
    "a percent sign": "a%(here)s",
    "a letter beyond ASCII": "caf\u00e9",
    "written right to left": "a\u202eb",
    "nothing": "",
    "too long": "a" * 300,
}
hostile = pytest.mark.parametrize("name", [pytest.param(name, id=human) for human, name in NAMES.items()])


@hostile
def test_service_name(tmp_path: Path, name: str) -> None:
    [message] = said(tmp_path, whole().replace("  monitor:", f"  {json.dumps(name)}:"))
    assert "is not a name" in message
    assert "\n" not in message


@hostile
def test_environment_name(tmp_path: Path, name: str) -> None:
    [message] = said(tmp_path, whole().replace("  production:", f"  {json.dumps(name)}:"))
    assert "is not a name" in message


@hostile
def test_host_name(tmp_path: Path, name: str) -> None:
    [message] = said(tmp_path, whole().replace("      web1:", f"      {json.dumps(name)}:"))
    assert "is not the name of a host" in message


def test_a_service_cannot_be_called_all(tmp_path: Path) -> None:
    text = whole().replace("  monitor:", "  all:")
    assert said(tmp_path, text) == ["services.all: 'all' is not a name: it means every service"]


def test_a_user_in_a_host_name(tmp_path: Path) -> None:
    [message] = said(tmp_path, whole().replace("      web1:", "      deploy@web1:"))
    assert "the user has a setting of its own, `user`" in message


@pytest.mark.parametrize("name", ["web1", "web1.example.com", "10.0.0.1", "2001:db8::1", "::1"])
def test_good_host_names(name: str) -> None:
    assert values.check_host_name(name) == ""


@pytest.mark.parametrize("repo", [
    "-oProxyCommand=x", "--upload-pack=x", "ext::sh -c reboot", "EXT::x", "fd::17", "ssh://-oProxyCommand=x/y",
    "ssh://git@-x/y", "a\nb", "a\0b", "", " ",
])
def test_bad_repos(repo: str) -> None:
    assert values.check_repo(repo)


@pytest.mark.parametrize("repo", [
    "git@git.example.com:micro/monitor.git", "https://git.example.com/micro/monitor.git", "ssh://git@host:2222/x.git",
    "/srv/git/monitor.git", "../monitor.git", "/srv/my repos/x", "ssh://git@[::1]/x.git",
])
def test_good_repos(repo: str) -> None:
    assert values.check_repo(repo) == ""


@pytest.mark.parametrize("revision", [
    "-f", "--upload-pack=x", "+main", "a b", "a\nb", "a\0", "main..dev", "main~1", "main^", "a:b", "ma*n", "@{-1}",
    "a\\b", "a//b", "/a", "a/", "a.", "",
])
def test_bad_revisions(revision: str) -> None:
    assert values.check_revision(revision)


@pytest.mark.parametrize("revision", ["main", "feature/x-1", "v1.2.3", "0" * 40, "fix#12", "@"])
def test_good_revisions(revision: str) -> None:
    assert values.check_revision(revision) == ""


@pytest.mark.parametrize("command", ["", " ", "a\nb", "a\0b", "a\x1bb"])
def test_bad_commands(command: str) -> None:
    assert values.check_command(command)


@pytest.mark.parametrize(("text", "seconds"), [
    (90, 90), (1.5, 1.5), ("90", 90), ("30s", 30), ("30m", 1800), ("1h", 3600), ("1.5h", 5400), ("30 s", 30),
])
def test_times(text: float | str, seconds: float) -> None:
    assert values.check_duration(text) == ""
    assert values.seconds(text) == seconds


@pytest.mark.parametrize("text", [0, -1, "0s", "1d", "", "s", "1e3", "1h30m", "\u0663s", "9" * 400])
def test_bad_times(text: float | str) -> None:
    assert values.check_duration(text)
