"""The two sides of the comparison: the checkout step of a host, which looks before and after it, and a bare
`git checkout`, in a repository of 20 000 files."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tasks.executor.layout import Layout
from tasks.executor.service.context import ServiceContext
from tasks.executor.steps import Step, in_place
from tests.bench.sides import Taken
from tests.support.lab import git

FILES, CHANGED = 20_000, 200


class Checkouts:
    """A context manager. Both sides go from one commit to the other and back, in turns."""

    def __enter__(self) -> Checkouts:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        folder = Path(self._folder.name)
        work = folder / "work"
        git(folder, "init", "--quiet", "--initial-branch=main", "work")
        self.commits = [_commit(work, FILES, "one"), _commit(work, CHANGED, "two")]
        git(folder, "clone", "--quiet", "work", "bare")
        self.bare = folder / "bare"
        layout = Layout({"root": str(folder), "supervisord_conf": "s.conf", "program_dir": "conf.d"})
        layout.prepare()
        os.makedirs(layout.service_state("a"))
        service = {"name": "a", "directory": "clone", "repo": str(work)}
        self.ctx = ServiceContext(layout, service, dict(os.environ), "bench")
        self.ctx.clone.create()
        self.ctx.clone.remote.fetch()
        self.pair()                                             # once each, uncounted
        return self

    def __exit__(self, *exc: object) -> None:
        self._folder.cleanup()

    def pair(self) -> tuple[Taken, Taken]:
        self.commits.reverse()
        return _timed(self._ours), _timed(self._bare)

    def _ours(self) -> None:
        step = Step({"commit": self.commits[0], "set_aside": False, "carried": False, "replaces": False},
                    lambda line: None)
        in_place.checkout(self.ctx, step._replace(results=in_place.refuse(self.ctx, step)))

    def _bare(self) -> None:
        subprocess.run(["git", "checkout", "--quiet", "--detach", self.commits[0]], cwd=self.bare, check=True)


def _commit(work: Path, count: int, text: str) -> str:
    for number in range(count):
        path = work / f"d{number % 100}" / f"file{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text} {number}\n")
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", text)
    return git(work, "rev-parse", "HEAD")


def _timed(act: Callable[[], None]) -> Taken:
    begin, before = time.monotonic(), _processor_time()
    act()
    return Taken(time.monotonic() - begin, 0, _processor_time() - before)


def _processor_time() -> float:
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
