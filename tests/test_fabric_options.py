"""Fabric's own options, before and behind a command: refused where they would do nothing or something else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.forked import clean_environ, start
from tests.support.lab import FAB

ROOT = Path(__file__).parents[1]
HOSTS = """
services: {api: {repo: r, command: c}}
environments: {test: {branch: main, root: /srv, hosts: [web1]}}
default_environment: test
"""
DOORS = {"./fab": [str(FAB)], "fab": ["-m", "fabric"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    (tmp_path / "some.yaml").write_text("{}")
    return tmp_path


def fab(folder: Path, door: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *DOORS[door], f"--search-root={ROOT}", *words]
    process = start(command, folder, clean_environ())
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.wait(), out, err)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("option", "hint"), [
    (["-H", "web1"], "--host GLOB"), (["--hosts", "web1"], "--host GLOB"), (["-R"], "fab plan"),
    (["-i", "key"], "identity_file"), (["-t", "3"], "connect_timeout"), (["--connect-timeout", "3"], "connect_timeout"),
    (["-T", "3"], "build_timeout"), (["-S", "/dev/null"], "~/.ssh/config"), (["-f", "some.yaml"], "--inventory"),
    (["--config", "some.yaml"], "--inventory"), (["-p"], "leave it out"), (["-w"], "leave it out"),
    (["--hide", "both"], "--verbose"),
], ids=" ".join)
@pytest.mark.rows(6)
def test_fabric_option_is_refused_before_and_behind_a_command(folder: Path, door: str, option: list[str], hint: str
                                                              ) -> None:
    for words in ([*option, "config", "api", "--format", "json"], ["config", "api", "--format", "json", *option]):
        done = fab(folder, door, *words)
        error, finished = map(json.loads, done.stdout.splitlines())
        assert (done.returncode, finished["exit_code"], done.stderr) == (2, 2, "")
        assert hint in error["hint"]


@pytest.mark.rows(4)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("option", [["-c", "v2"], ["--collection", "v2"], ["-r", "v2"], ["--search-root", "v2"]],
                         ids=" ".join)
def test_option_that_chooses_the_fabfile_is_refused_behind_a_command(folder: Path, door: str, option: list[str]
                                                                     ) -> None:
    done = fab(folder, door, "config", "api", *option)
    assert done.returncode == 2 and "--revision REVISION" in done.stderr


@pytest.mark.rows(6)
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("option", [["-t", "v2"], ["-T", "v2"], ["-S", "nowhere"], ["-f", "v2"],
                                    ["--config", "no.yaml"], ["--prompt-for-login-password"],
                                    ["--prompt-for-passphrase"]], ids=" ".join)
def test_wrong_value_of_a_fabric_option_is_no_traceback(folder: Path, option: list[str], behind: bool) -> None:
    words = ["config", "api"]
    done = fab(folder, "./fab", *(words + option if behind else option + words))
    assert done.returncode == 2 and done.stdout == ""
    assert "Traceback" not in done.stderr and done.stderr.strip()


@pytest.mark.parametrize(("words", "flags"), [
    (["deploy"], "-r REVISION, --revision"), (["plan"], "-r REVISION, --revision"), (["logs"], "-f, --follow"),
    (["logs"], "-n LINES, --lines"), (["history"], "-n LINES, --lines"), (["status"], "-e ENV, --env"),
])
def test_short_form_means_the_same_in_every_command(folder: Path, words: list[str], flags: str) -> None:
    assert flags in fab(folder, "./fab", "--help", *words).stdout


def test_short_form_of_revision_is_a_revision(folder: Path) -> None:
    done = fab(folder, "./fab", "plan", "api", "-r", "two words")
    assert done.returncode == 2 and "--revision" in done.stderr


VERBS = ["deploy", "plan", "rollback", "recover", "start", "stop", "restart", "logs", "history", "config", "ci.init"]


@pytest.mark.promise(9)
@pytest.mark.rows(4)
@pytest.mark.parametrize("verb", VERBS)
def test_command_without_a_service_says_which_there_are(folder: Path, verb: str) -> None:
    done = fab(folder, "./fab", verb, "--format", "json")
    error, finished = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, finished["exit_code"], done.stderr) == (2, 2, "")
    assert error["message"] == "no service was named" and error["hint"].startswith("services: api; ")


@pytest.mark.promise(9)
def test_adopt_without_a_host_says_how_to_name_one(folder: Path) -> None:
    done = fab(folder, "./fab", "adopt")
    assert done.returncode == 2 and "no host was named" in done.stderr and "fab adopt USER@HOST" in done.stderr
