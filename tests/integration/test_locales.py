"""Names are UTF-8 on every host, whatever the locale of its login is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import MakeApp
from tests.support.lab import git
from tests.support.sshd import Sshd

LATIN = "de_DE.ISO-8859-1"


@pytest.fixture
def locales(tmp_path: Path) -> Path:
    """A folder with a locale that is not UTF-8; Python takes C and POSIX for UTF-8."""
    folder = tmp_path / "locales"
    folder.mkdir()
    try:
        subprocess.run(["localedef", "-i", "de_DE", "-f", "ISO-8859-1", folder / LATIN], check=True,
                       capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        if os.environ.get("CI"):
            raise
        pytest.skip("no source of a locale here; .ci/run installs the package locales")
    return folder


@pytest.mark.parametrize("locale", [LATIN, "C", "POSIX"])
@pytest.mark.rows(1)
def test_names_with_umlauts_and_chinese_characters_are_deployed_in_any_locale(
        make_app: MakeApp, tmp_path: Path, locales: Path, locale: str) -> None:
    environment = {"LC_ALL": locale, "LANG": locale, "LOCPATH": str(locales)}
    with Sshd(tmp_path, environment=environment) as sshd:
        app = make_app(requires=["配置/größe.txt"]).alone()
        app.settings = {"web1": {"port": sshd.port, "identity_file": str(sshd.client_key)}}
        app.write(directory=f"micro/größe-{app.name}")
        directory = app.lab["web1"].root / f"micro/größe-{app.name}"
        head = app.lab.commit(app.name, {"配置/größe.txt": "x"}, "größer", branch="fix/größe-配置")
        words = ("--revision", "fix/größe-配置")
        run = app.deploy(*words, SSH_KNOWN_HOSTS=str(sshd.known_hosts_file()))
        assert run.code == 0, run
        assert git(directory, "rev-parse", "HEAD") == head
        (directory / "配置/größe.txt").write_text("edited")
        edited = app.deploy(*words, SSH_KNOWN_HOSTS=str(sshd.known_hosts_file()))
        assert edited.code == 2
        assert "配置/größe.txt" in str(edited.events)
