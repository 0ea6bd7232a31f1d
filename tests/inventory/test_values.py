"""Names and values that mean something else to a shell, to git, to ssh or to supervisord are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.executor.protocol import STATE_NAMES
from tasks.inventory.rules import addresses, values

from .samples import mistakes_in, whole

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


@pytest.mark.promise(9)
@hostile
def test_service_name_that_means_something_else_is_refused(tmp_path: Path, name: str) -> None:
    [message] = mistakes_in(tmp_path, whole().replace("  monitor:", f"  {json.dumps(name)}:"))
    assert "is not a name" in message
    assert "\n" not in message


@pytest.mark.promise(9)
@hostile
def test_environment_name_that_means_something_else_is_refused(tmp_path: Path, name: str) -> None:
    [message] = mistakes_in(tmp_path, whole().replace("  production:", f"  {json.dumps(name)}:"))
    assert "is not a name" in message


@pytest.mark.promise(9)
@hostile
def test_host_name_that_means_something_else_is_refused(tmp_path: Path, name: str) -> None:
    [message] = mistakes_in(tmp_path, whole().replace("      web1:", f"      {json.dumps(name)}:"))
    assert "is not the name of a host" in message


def test_service_named_all_is_refused(tmp_path: Path) -> None:
    text = whole().replace("  monitor:", "  all:")
    assert mistakes_in(tmp_path, text) == ["services.all: 'all' is not a name: it means every service"]


@pytest.mark.promise(9)
@pytest.mark.parametrize("name", STATE_NAMES)
def test_service_named_like_our_files_on_a_host_is_refused(tmp_path: Path, name: str) -> None:
    """Its own would lie among them, and `remove --purge` would take them."""
    [message] = mistakes_in(tmp_path, whole().replace("  monitor:", f"  {name}:"))
    assert message.startswith(f"services.{name}: '{name}' is not a name for a service")


def test_user_in_a_host_name_is_refused_with_the_setting(tmp_path: Path) -> None:
    [message] = mistakes_in(tmp_path, whole().replace("      web1:", "      deploy@web1:"))
    assert "the user has a setting of its own, `user`" in message


@pytest.mark.parametrize("name", ["web1", "web1.example.com", "10.0.0.1", "2001:db8::1", "::1"])
def test_host_names_of_every_form_are_taken(name: str) -> None:
    assert addresses.check_host_name(name) == ""


@pytest.mark.promise(9)
@pytest.mark.parametrize("repo", [
    "-oProxyCommand=x", "--upload-pack=x", "ext::sh -c reboot", "EXT::x", "fd::17", "ssh://-oProxyCommand=x/y",
    "ssh://git@-x/y", "a\nb", "a\0b", "", " ",
])
def test_repo_that_git_or_ssh_misreads_is_refused(repo: str) -> None:
    assert values.check_repo(repo)


@pytest.mark.parametrize("repo", [
    "git@git.example.com:micro/monitor.git", "https://git.example.com/micro/monitor.git", "ssh://git@host:2222/x.git",
    "/srv/git/monitor.git", "../monitor.git", "/srv/my repos/x", "ssh://git@[::1]/x.git",
])
def test_repo_of_every_form_is_taken(repo: str) -> None:
    assert values.check_repo(repo) == ""


@pytest.mark.promise(9)
@pytest.mark.parametrize("revision", [
    "-f", "--upload-pack=x", "+main", "a b", "a\nb", "a\0", "main..dev", "main~1", "main^", "a:b", "ma*n", "@{-1}",
    "a\\b", "a//b", "/a", "a/", "a.", "", "@", "HEAD", "refs/heads/main", "refs/tags/v1",
])
def test_revision_that_git_misreads_is_refused(revision: str) -> None:
    assert values.check_revision(revision)


@pytest.mark.parametrize("revision", ["main", "feature/x-1", "v1.2.3", "0" * 40, "fix#12", "origin/main"])
def test_revision_of_every_form_is_taken(revision: str) -> None:
    assert values.check_revision(revision) == ""


@pytest.mark.promise(9)
@pytest.mark.parametrize("command", ["", " ", "a\nb", "a\0b", "a\x1bb"])
def test_command_that_supervisord_misreads_is_refused(command: str) -> None:
    assert values.check_command(command)


@pytest.mark.parametrize(("text", "seconds"), [
    (90, 90), (1.5, 1.5), ("90", 90), ("30s", 30), ("30m", 1800), ("1h", 3600), ("1.5h", 5400), ("30 s", 30),
])
def test_duration_is_converted_to_seconds(text: float | str, seconds: float) -> None:
    assert values.check_duration(text) == ""
    assert values.seconds(text) == seconds


@pytest.mark.parametrize("text", [0, -1, "0s", "1d", "", "s", "1e3", "1h30m", "\u0663s", "9" * 400])
def test_duration_without_meaning_is_refused(text: float | str) -> None:
    assert values.check_duration(text)
