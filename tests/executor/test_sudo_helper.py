"""What root's helper does for a service, and what it never does, whoever asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.executor.errors import HostError
from tasks.executor.sudo.sudo_helper import RootAccess
from tasks.executor.supervisor.supervisord_access import SupervisordAccess


@pytest.fixture
def access(tmp_path: Path) -> RootAccess:
    """Of the service `app`, on a host where another team has a program `app-other`."""
    conf_d = tmp_path / "conf.d"
    conf_d.mkdir()
    (conf_d / "app.conf").write_text("[program:app-web]\ncommand=true\n")
    (conf_d / "theirs.conf").write_text("[program:app-other]\ncommand=true\n")
    conf = tmp_path / "supervisord.conf"
    conf.write_text(f"[unix_http_server]\nfile={tmp_path}/none.sock\n[include]\nfiles={conf_d}/*.conf\n")
    return RootAccess(str(conf), str(conf_d), ["app"])


@pytest.mark.parametrize("name", ["app-other:app-other", "app-other", "apps", "other"])
def test_helper_refuses_the_programs_of_others(access: RootAccess, name: str) -> None:
    with pytest.raises(HostError, match="does not do stopProcess"):
        access.call("stopProcess", name, True)


def test_helper_signals_the_programs_of_its_services_alone(access: RootAccess) -> None:
    with pytest.raises(FileNotFoundError):
        access.call("signalProcess", "app-web:app-web", "HUP")
    with pytest.raises(HostError, match="does not do signalProcess"):
        access.call("signalProcess", "app-other:app-other", "HUP")


@pytest.mark.parametrize("name", ["app", "app-web:app-web", "app-gone:app-gone_00"])
def test_helper_asks_supervisord_about_the_programs_of_its_services(access: RootAccess, name: str) -> None:
    with pytest.raises(FileNotFoundError):          # no supervisord is there to answer
        access.call("stopProcess", name, True)


def test_helper_tells_of_its_programs_of_deployed_ones_and_of_those_of_no_file(access: RootAccess, tmp_path: Path,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf.d/old.conf").write_text("; Written by Fabvisor: fab deploy old\n[program:old]\ncommand=true\n")
    monkeypatch.setenv("SUDO_UID", "0")
    groups = ["app-web", "app-other", "old", "gone"]
    monkeypatch.setattr(SupervisordAccess, "call", lambda *args: [{"group": group} for group in groups])
    for method in ("getAllProcessInfo", "getAllConfigInfo"):
        assert [info["group"] for info in access.call(method)] == ["app-web", "old", "gone"]


def test_helper_reads_program_files_that_a_deploy_wrote_and_no_others(access: RootAccess, tmp_path: Path) -> None:
    (tmp_path / "conf.d/old.conf").write_text("; Written by Fabvisor: fab deploy old\n[program:old]\ncommand=true\n")
    file = access.program_file("old")
    assert file is not None and b"[program:old]" in file.data
    for name in ("theirs", "../supervisord", "nothing"):
        with pytest.raises(HostError, match="does not serve"):
            access.program_file(name)
    with pytest.raises(HostError, match="does not serve"):
        access.write_program("old", b"")
