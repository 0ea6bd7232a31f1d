"""Names are UTF-8 on every host, whatever the locale of its login is."""

from __future__ import annotations

import pytest

from tests.integration.app import App
from tests.support.lab import Lab, LabHost, git
from tests.support.sshd import Sshd


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.parametrize("locale", ["de_DE.ISO-8859-1", "C", "POSIX"])
@pytest.mark.rows(1)
def test_names_with_umlauts_and_chinese_characters_are_deployed_in_any_locale(locale: str) -> None:
    with Lab(("web1",)) as lab:
        host: LabHost = lab["web1"]
        host.sshd.__exit__(None, None, None)
        host.sshd = Sshd(lab.folder / "other", environment={"LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0"})
        host.sshd.__enter__()
        with (lab.home / ".ssh/known_hosts").open("a") as known:
            known.write(host.sshd.known_hosts_line)
        app = App(lab, "app", directory="micro/größe", requires=["配置/größe.txt"])
        head = lab.commit("app", {"配置/größe.txt": "x", "source": "app-2"}, "größer", branch="fix/größe-配置")
        run = app.deploy("--revision", "fix/größe-配置")
        assert run.code == 0, run
        assert git(host.root / "micro/größe", "rev-parse", "HEAD") == head
        (host.root / "micro/größe/配置/größe.txt").write_text("edited")
        edited = app.deploy("--revision", "fix/größe-配置")
        assert edited.code == 2
        assert "配置/größe.txt" in str(edited.events)
