"""The two sides of the comparison: `fetch: client` and `fetch: host`, each in services of its own on the same hosts.

The git server is a folder on this machine, which costs a host nothing to reach: no real one is as near.
"""

from __future__ import annotations

import os
import subprocess
import time

from tests.bench.sides import SERVICE, Taken
from tests.support.lab import Lab

WAYS = ("client", "host")
FILES, FILE = 1000, 4000                # and bytes of each, which do not compress


class Fetches:
    """`count` hosts. A context manager."""

    def __init__(self, count: int) -> None:
        self.lab = Lab(tuple(f"web{number:02}" for number in range(1, count + 1)))
        self.services = 0
        self.commits = 0

    def __enter__(self) -> Fetches:
        self.lab.__enter__()
        self.first_deploys()                                    # uncounted: warm caches
        return self

    def __exit__(self, *exc: object) -> None:
        self.lab.__exit__(*exc)

    def first_deploys(self) -> tuple[Taken, Taken]:
        """Of services that neither this machine nor a host knows, in turns."""
        self.services += 1
        names = [f"{way}{self.services}" for way in WAYS]
        files = {f"{number % 30}/{number}": os.urandom(FILE // 2).hex() for number in range(FILES)}
        self.lab.write({name: {
            "repo": str(self.lab.repository(name, {"run": SERVICE, **files})), "command": "./run", "fetch": way,
            "program": {"startsecs": 0}} for name, way in zip(names, WAYS, strict=True)})
        client, host = map(self._deploy, names)
        return client, host

    def small_deploys(self) -> tuple[Taken, Taken]:
        """Of one new commit, in turns."""
        self.commits += 1
        taken = []
        for way in WAYS:
            commit = self.lab.commit(f"{way}{self.services}", {"number": f"{self.commits}\n"})
            taken.append(self._deploy(f"{way}{self.services}"))
            assert {host.head(f"{way}{self.services}") for host in self.lab.hosts.values()} == {commit}
        return taken[0], taken[1]

    def _deploy(self, name: str) -> Taken:
        env = {key: value for key, value in self.lab.environ().items() if not key.startswith(("PYTHON", "XDG"))}
        begin = time.monotonic()
        done = subprocess.run(self.lab.command("deploy", name, "--format", "plain"), cwd=self.lab.folder, env=env,
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return Taken(time.monotonic() - begin, 0, 0)
