"""A command line that nobody can read: one line says what is wrong with it, another what to type; exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_fabric_options import HOSTS, fab


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yaml").write_text(HOSTS.replace("branch: main,", "branch: main, confirm: true,"))
    return tmp_path


@pytest.mark.promise(9)
@pytest.mark.rows(4)
@pytest.mark.parametrize(("words", "expected"), [
    (["deplyo", "api"], "there is no command 'deplyo'; did you mean 'deploy'?"),
    (["deploy", "api", "mailer"], "fab deploy api,mailer"),
    (["deploy", "--revison", "v1", "api"], "deploy has no option --revison; did you mean '--revision'?"),
    (["stop", "all"], "fab stop … --yes"),
    (["deploy", "api", "--revison", "v1"], "deploy has no option --revison; did you mean '--revision'?"),
    (["deploy", "--dry-run"], "deploy has no option --dry-run"),
    (["status", "--env"], "--env needs a value"),
    (["-e", "production", "status"], "fab COMMAND -e production"),
    (["-e", "status"], "-e NAME, or --env NAME"),
    (["--help", "deplyo"], "did you mean 'deploy'?"),
    (["--nothing", "status"], "there is no option --nothing before the command"),
], ids=" ".join)
def test_wrong_command_line_ends_with_2_and_a_remedy(folder: Path, words: list[str], expected: str) -> None:
    done = fab(folder, "./fab", *words)
    assert done.returncode == 2, done
    assert expected in done.stderr and "hint:  " in done.stderr and "Traceback" not in done.stderr


def test_help_behind_a_command_is_about_that_command(folder: Path) -> None:
    done = fab(folder, "./fab", "deploy", "--help")
    assert done.returncode == 0 and "--set-aside" in done.stdout


def test_help_without_a_command_begins_with_our_own(folder: Path) -> None:
    done = fab(folder, "./fab", "--help")
    assert done.returncode == 0 and "--hosts" not in done.stdout
    assert done.stdout.index("  deploy ") < done.stdout.index("  --env ")
