"""What a deploy prints: what of it is sent over a slow link, and what its run log keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.executor.driver import Example
from tests.support.lab import wait_for


def test_flood_of_output_keeps_memory_bounded(example: Example) -> None:
    example.write()
    one_line = "head -c 20000000 /dev/zero | tr '\\0' 'x'; echo"
    with example.deploy(example.with_(build=("seq 1 10000", one_line, "cp source built"))) as deploy:
        deploy.prepare()
        status = Path(f"/proc/{deploy.executor.process.pid}/status").read_text()
        assert int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) < 40_000
    assert "10000" in (example.host.root / f".fabvisor/runs/{deploy.id}.log").read_text()


@pytest.mark.promise(8)
def test_failing_build_that_prints_too_fast_still_says_why(example: Example) -> None:
    """Lines in the middle are left out, and counted; the last lines and the end of the step are not."""
    example.write()
    marker = example.work / "printed"
    build = (f"seq 1 30000; touch {marker}; echo the reason; exit 9",)
    with example.deploy(example.with_(build=build)) as deploy:
        plan = deploy.look().message()
        deploy.executor.reading.clear()
        deploy.executor.send(plan)
        wait_for(marker.exists, "the build")
        deploy.executor.reading.set()
        finished = deploy.executor.until("failed", "restored")
        assert finished["event"] == "failed"
    build_events = [one for one in deploy.executor.heard if one.get("step") == "build"]
    end = next(one for one in build_events if one["event"] == "step_finished")
    assert (end["ok"], end["why"]) == (False, "exit status 9")
    lines = [one["line"] for one in build_events if one["event"] == "output"]
    assert lines[-1] == "the reason"
    gaps = [line for line in lines if "left out" in line]           # several, where the link had room in between
    assert gaps and len(lines) - len(gaps) + sum(int(gap.split()[1]) for gap in gaps) == 30_001


def test_run_logs_are_bounded_in_total(example: Example) -> None:
    example.write()
    example.committed()
    example.write()
    runs = example.host.root / ".fabvisor/runs"
    for number in range(4):
        (runs / f"20200101-00000{number}-abcdef.log").write_bytes(b"x" * 100)
    faults = "from .transaction import eventlog\neventlog.LARGEST_RUN = 200\neventlog.LARGEST_RUNS = 420\n"
    with example.deploy(faults=faults) as deploy:
        deploy.prepare(force=True)
    old = sorted(path.name for path in runs.glob("2020*"))
    assert len(old) < 3 and old == sorted(old)[-len(old):]


def test_slow_disk_is_reported_while_it_is_waited_for(example: Example, home: Path, tmp_path: Path) -> None:
    """The build is synced before a line refers to it; an error of the disk is reported, and ends no deploy."""
    (tmp_path / "sync").write_text(f"""#!/bin/sh
while [ ! -e {tmp_path}/go ]; do sleep 0.02; done
echo "sync: error syncing '$2': Input/output error"
exit 1
""")
    (tmp_path / "sync").chmod(0o755)
    (home / ".profile").write_text(f"export PATH={tmp_path}:$PATH\n")
    example.write()
    with example.deploy() as deploy:
        deploy.look().plan()
        (home / ".profile").unlink()
        waits = deploy.executor.until("host_state")
        assert (waits["state"], waits["detail"]) == ("waiting", "for the disk (up to 120 s)")
        (tmp_path / "go").touch()
        notice = deploy.executor.until("notice")
        assert notice["level"] == "warning" and "could lose what was built" in notice["message"]
        assert "Input/output error" in notice["message"]
        deploy.executor.until("done")
        deploy.run("activate").done("activate").executor.send({"do": "commit"})
        deploy.ends("committed")
