"""The two sides of the comparison: `strategy: releases` and `in_place`, each in a service of its own on one host."""

from __future__ import annotations

import subprocess
import time

from tests.bench.sides import SERVICE, Taken
from tests.support.lab import Lab

STRATEGIES = ("releases", "in_place")


class Strategies:
    """`build`: the command of both. A context manager."""

    def __init__(self, build: str) -> None:
        self.lab = Lab(("web1",))
        self.build = build
        self.commits = 0

    def __enter__(self) -> Strategies:
        self.lab.__enter__()
        self.lab.write({name: {
            "repo": str(self.lab.repository(name, {"run": SERVICE})), "build": self.build, "command": "./run",
            "strategy": name, "program": {"startsecs": 0}} for name in STRATEGIES})
        self.deploys()                                          # once each, uncounted
        return self

    def __exit__(self, *exc: object) -> None:
        self.lab.__exit__(*exc)

    def deploys(self) -> tuple[Taken, Taken]:
        """Of a new commit, in turns."""
        self.commits += 1
        ours, theirs = [self._deploy(name) for name in STRATEGIES]
        return ours, theirs

    def rollbacks(self) -> tuple[Taken, Taken]:
        """To the version before a new commit."""
        before = [self.lab["web1"].head(name) for name in STRATEGIES]
        self.deploys()
        ours, theirs = [self._fab("rollback", name) for name in STRATEGIES]
        assert [self.lab["web1"].head(name) for name in STRATEGIES] == before
        return ours, theirs

    def _deploy(self, name: str) -> Taken:
        commit = self.lab.commit(name, {"number": f"{self.commits}\n"})
        taken = self._fab("deploy", name)
        assert self.lab["web1"].head(name) == commit
        return taken

    def _fab(self, verb: str, name: str) -> Taken:
        env = {key: value for key, value in self.lab.environ().items() if not key.startswith("PYTHON")}
        begin = time.monotonic()
        done = subprocess.run(self.lab.command(verb, name, "--format", "plain"), cwd=self.lab.folder, env=env,
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return Taken(time.monotonic() - begin, 0, 0)
