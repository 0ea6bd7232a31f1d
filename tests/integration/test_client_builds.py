"""`build_on: client` and `--artifact`: hosts get a commit that holds what was built elsewhere."""

from __future__ import annotations

import io
import os
import shutil
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.app import App, messages
from tests.integration.conftest import MakeApp
from tests.support.lab import git, wait_for

NOT_LINUX = Path(__file__).parents[1] / "support/not_linux"
# `built` is ignored by git: only a forced add takes it. `ran` counts the builds of this machine.
BUILD = """\
cp source built
mkdir -p out && cp run.sh out/tool && ln -sf ../built out/link
pwd >>$GATE/ran
test ! -e $GATE/fail || { echo "token is $GATE_TOKEN hush-hush $CI_JOB_TOKEN"; exit 3; }
if test -e $GATE/block; then touch $GATE/building; sleep 1000; fi
"""


@pytest.fixture
def built(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[App]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    app = make_app()
    app.write(build=BUILD, build_on="client", ship=["built", "out"])
    yield app


def builds(app: App) -> int:
    ran = app.gate / "ran"
    return len(ran.read_text().splitlines()) if ran.exists() else 0


def running(app: App) -> set[str | None]:
    return {app.running(host) for host in app.hosts}


def tree(app: App, host: str) -> Path:
    directory = app.lab[host].directory(app.name)
    return directory / "current" if (directory / "current").is_symlink() else directory


@pytest.mark.long
def test_client_needs_nothing_that_only_linux_has(built: App) -> None:
    """It builds, runs a hook, sends a commit, and tells how it ended."""
    assert (NOT_LINUX / "sitecustomize.py").exists()
    built.environment["notify"] = [{"run": f"cat >{built.gate}/told", "on": ["committed"]}]
    built.alone().write(hooks={"before_activate": [{"run": "touch $GATE/hooked", "on": "client"}]})
    deployed = built.deploy(PYTHONPATH=str(NOT_LINUX))
    assert deployed.code == 0, deployed
    assert running(built) == {f"{built.name}-1"} and (built.gate / "hooked").exists()
    assert (built.gate / "told").read_text()


@pytest.mark.parametrize("strategy", ["in_place", "releases"])
@pytest.mark.rows(1)
def test_build_of_the_client_reaches_hosts_that_build_nothing(built: App, tmp_path: Path, strategy: str) -> None:
    built.alone().write(strategy=strategy)
    source = git(built.repo, "rev-parse", "main")
    first = built.deploy()
    assert first.code == 0, first
    assert running(built) == {f"{built.name}-1"} and builds(built) == 1
    (resolved,) = [event for event in first.events if event["event"] == "resolved"]
    assert resolved["subject"] == f"{source[:8]} + build"
    steps = {(event["host"], event["step"]) for event in first.events if event["event"] == "step_finished"}
    assert ("client", "build") in steps and ("web1", "build") not in steps
    for host in built.hosts:
        assert git(tree(built, host), "rev-parse", "HEAD~") == source
        assert os.access(tree(built, host) / "out/tool", os.X_OK)
        assert os.readlink(tree(built, host) / "out/link") == "../built"
    named = f"{source[:8]} + build {built.commits()[0][:8]}"
    assert f"  {named}  " in built.fab("status", "--host", "web1", format="plain").out
    again, shown = built.deploy(), built.deploy(format="plain").out
    assert again.finished["outcome"] == "unchanged" and builds(built) == 1
    assert "not built again" in messages(again)
    assert {run.finished["hosts"]["web1"][built.name]["source"] for run in (first, again)} == {source}
    assert f"{named}  unchanged" in shown
    built.commit(f"{built.name}-2")
    planned = built.fab("plan", built.name)
    assert planned.code == 0 and builds(built) == 2
    assert {event["forward"] for event in planned.events if event["event"] == "plan"} == {1}
    assert built.deploy().code == 0 and builds(built) == 2
    clone = built.lab["web1"].directory(built.name)
    unneeded = f"refs/fabvisor/commits/{source}"            # no good version of the history is this commit
    git(clone, "update-ref", unneeded, source)
    assert built.deploy("--force").code == 0 and builds(built) == 3
    kept = git(clone, "for-each-ref", "--format=%(refname)", "refs/fabvisor/commits").splitlines()
    assert kept and unneeded not in kept
    shutil.rmtree(tmp_path / "cache")
    back = built.fab("rollback", built.name)
    assert back.code == 0, back
    assert running(built) == {f"{built.name}-1"} and builds(built) == 3


def test_build_that_fails_on_the_client_changes_no_host_and_shows_no_secret(
        built: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_TOKEN", "hush-hush")
    built.write(secrets=["GATE_TOKEN"])
    built.alone().deployed()
    before = built.states()
    built.commit(f"{built.name}-2")
    (built.gate / "fail").touch()
    run = built.deploy(CI_JOB_TOKEN="of-the-job")
    assert run.code == 1, run
    lines = [event["line"] for event in run.events if event["event"] == "output" and event["host"] == "client"]
    assert "token is  *** ***" in lines and "hush-hush" not in run.out
    (built.gate / "fail").unlink()
    built.write(ship=["built", "nothing"])
    missing = built.deploy()
    assert missing.code == 1 and "nothing" in messages(missing)
    built.write(ship=["built"], build="git checkout --quiet --detach HEAD~1; cp source built")
    moved = built.deploy()
    assert moved.code == 1 and "the build left " in messages(moved)
    built.write(ship=["built"], build="sleep 1000", build_timeout=1)
    late = built.deploy()
    assert late.code == 1 and "timed out after 1 s" in messages(late)
    assert built.states() == before


def test_interrupted_build_of_the_client_ends_with_all_that_it_started(built: App) -> None:
    (built.gate / "block").touch()
    going = built.alone().start("deploy", built.name)
    wait_for((built.gate / "building").exists, "the build")
    folder = (built.gate / "ran").read_text().strip()
    going.signal(signal.SIGINT)
    assert going.end().code == 130
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and where(pid).startswith(folder)]
    assert not Path(folder).exists()


def where(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


@pytest.mark.promise(3)
@pytest.mark.long
def test_service_changes_between_builds_of_hosts_and_of_the_client(built: App) -> None:
    """In place, what a host built lies where the commit of the client has a file: it is back after a failure."""
    plain: dict[str, Any] = {"build": "cp source built", "build_on": "host", "ship": ["built"]}
    here = {"build": BUILD, "build_on": "client", "ship": ["built", "out"]}
    built.alone().write(**plain)
    built.deployed()
    before = built.states()
    built.commit(f"{built.name}-2")
    built.write(**here, health={"command": "false", "timeout": 1})
    assert built.deploy().code == 1
    assert built.states() == before
    built.write(health={"command": "true"})
    assert built.deploy().code == 0
    assert running(built) == {f"{built.name}-2"}
    back = built.fab("rollback", built.name)            # to a commit that hosts build
    assert back.code == 0, back
    assert running(built) == {f"{built.name}-1"}
    built.write(**plain)
    forth = built.deploy()
    assert forth.code == 0 and running(built) == {f"{built.name}-2"}, forth


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + machine.to_bytes(2, "little") + bytes(44)


def test_program_for_another_machine_is_refused_before_it_is_sent(built: App) -> None:
    (built.gate / "wrong").write_bytes(elf(183 if os.uname().machine == "x86_64" else 62))
    built.alone().write(build="cp source built; cp $GATE/wrong app; chmod +x app", ship=["built", "app"])
    for _ in ("built", "kept"):
        run = built.deploy()
        assert run.code == 2 and "app is for" in messages(run), run
        assert "step_started" not in {event["event"] for event in run.events if event.get("host") in built.hosts}


def tar(path: Path, *members: tuple[str, bytes | None, str]) -> str:
    """`members`: name, content, and of a link where it leads."""
    with tarfile.open(path, "w:gz") as file:
        for name, content, target in members:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content or b""), 0o755
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE if target else tarfile.FIFOTYPE, target
            file.addfile(info, io.BytesIO(content or b""))
    return str(path)


def test_artifact_of_an_earlier_job_is_deployed_in_place_of_a_build(built: App, tmp_path: Path) -> None:
    built.alone().write(build="exit 1", build_on="host")
    source = git(built.repo, "rev-parse", "main")
    built.commit("not this one")
    path = tar(tmp_path / "app.tar.gz", ("./built", f"{built.name}-art".encode(), ""), ("out/x", None, "../built"),
               ("REVISION", source.encode(), ""), ("more", b"", ""))
    run = built.deploy("--artifact", path)
    assert run.code == 0, run
    assert running(built) == {f"{built.name}-art"}
    for host in built.hosts:
        assert git(tree(built, host), "rev-parse", "HEAD~") == source
        assert os.readlink(tree(built, host) / "out/x") == "../built"
        assert not (tree(built, host) / "more").exists()            # `ship` does not name it
    (mirror,) = (tmp_path / "cache/fabvisor").glob("*.git")
    left = mirror.with_suffix(".artifact")          # by a process that was killed
    (left / "out").mkdir(parents=True)
    (left / "out/left").touch()
    assert built.deploy("--artifact", path).finished["outcome"] == "unchanged" and not left.exists()
    other = tar(tmp_path / "other.tar.gz", ("built", b"x", ""), ("out/y", b"", ""), ("REVISION", source.encode(), ""))
    assert built.deploy("--artifact", other).code == 0
    commits = [line["to"] for line in built.lab["web1"].history(built.name)]
    shown = [built.fab("history", built.name, format="plain").out, built.fab("status", format="plain").out]
    assert all(f"{source[:8]} + build {commit[:8]}  " in shown[0] for commit in commits) and commits[-1][:8] in shown[1]
    lacking = built.deploy("--artifact", tar(tmp_path / "less.tar.gz", ("built", b"x", "")))
    assert lacking.code == 2 and "out" in messages(lacking)
    assert built.deploy("--artifact", path, "--fetch", "host").code == 2
    built.write(build="cp source built", build_on="host")
    later = built.deploy()                              # the hosts fetch, and tell how far it is
    (resolved,) = [event for event in later.events if event["event"] == "resolved"]
    assert (resolved["back"], resolved["forward"]) == (0, 1), resolved
    del built.service["ship"]               # then all of it is taken
    built.write()
    assert built.deploy("--artifact", path).code == 0
    assert all((tree(built, host) / "more").exists() for host in built.hosts)
    built.services["other"] = dict(built.service)
    built.write()
    assert built.fab("deploy", "all", "--artifact", path).code == 2


def test_artifact_that_is_not_safe_is_refused_with_the_name(built: App, tmp_path: Path) -> None:
    for member in [("../up", b"", ""), ("/abs", b"", ""), ("link", None, "/etc/passwd"), ("a/link", None, "../../b"),
                   ("fifo", None, "")]:
        path = tar(tmp_path / "bad.tar.gz", ("built", b"x", ""), member)
        run = built.deploy("--artifact", path)
        assert run.code == 2 and member[0] in messages(run), run
    (tmp_path / "broken.tar.gz").write_bytes(b"no tar")
    (tmp_path / "cut.tar.gz").write_bytes((tmp_path / "bad.tar.gz").read_bytes()[:60])
    empty = tar(tmp_path / "empty.tar.gz")
    for path in (empty, str(tmp_path / "broken.tar.gz"), str(tmp_path / "cut.tar.gz"), str(tmp_path / "none")):
        assert built.deploy("--artifact", path).code == 2
    assert not any(built.lab[host].directory(built.name).exists() for host in built.hosts)
