"""The client itself fails, for a real reason, while hosts have plans: what it says of them stays true."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.app import HEALTH, App
from tests.support.lab import Lab, wait_for

pytestmark = pytest.mark.promise(8)


@pytest.fixture(scope="module")
def deployed(lab: Lab) -> Iterator[App]:
    app = App(lab, "checked", health=HEALTH)
    yield app.deployed()
    app.remove()


@pytest.fixture
def checked(deployed: App) -> Iterator[App]:
    """In whichever version."""
    yield deployed
    deployed.open_all()


def test_closed_terminal_ends_a_deploy_in_order(checked: App) -> None:
    """SIGHUP would kill the client, perhaps between two commits."""
    before = checked.states()
    client = checked.begin("hang", "checking", f"{checked.name}-closed")
    client.signal(signal.SIGHUP)
    run = client.end()
    assert run.code == 129, run
    assert [run.outcome(host, checked.name) for host in checked.hosts] == ["restored"] * 2
    assert checked.states() == before


def test_reader_that_leaves_does_not_change_the_deploy(checked: App) -> None:
    """As `fab deploy | head`."""
    commit = checked.commit(f"{checked.name}-read")
    checked.shut("hang", f"{checked.name}-read")
    environ = checked.lab.environ(FAB_INVENTORY=str(checked.inventory))
    client = subprocess.Popen([*checked.lab.command("deploy", checked.name, "--format", "plain")], env=environ,
                              cwd=checked.lab.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert client.stdout is not None
    wait_for(lambda: all((checked.gate / f"checking-{host}").exists() for host in checked.hosts), "the checks")
    client.stdout.close()
    checked.open("hang")
    assert client.wait(60) == 0
    assert checked.commits() == [commit] * 2


def test_report_that_cannot_be_written_does_not_change_what_is_said_of_hosts(checked: App, tmp_path: Path) -> None:
    """Both hosts have committed when the report fails."""
    folder = tmp_path / "reports"
    folder.mkdir()
    client = checked.begin("hang", "checking", f"{checked.name}-told", "--junit", str(folder / "junit.xml"))
    shutil.rmtree(folder)
    checked.open("hang")
    run = client.end()
    assert run.code == 0 and "Traceback" not in run.err, run
    assert [run.outcome(host, checked.name) for host in checked.hosts] == ["committed"] * 2
    assert [checked.running(host) for host in checked.hosts] == [f"{checked.name}-told"] * 2


@pytest.mark.parametrize("option", ["--junit", "--dotenv"])
def test_report_is_never_written_over_a_device(app: App, tmp_path: Path, option: str) -> None:
    """An earlier report is removed first; a device must not be."""
    device = tmp_path / "device"
    os.mkfifo(device)
    run = app.deploy(option, str(device))
    assert run.code == 2 and device.is_fifo(), run
