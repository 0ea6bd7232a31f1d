"""A small company: an ops project with this checkout and its hosts.yaml, a service project, a host an environment."""

from __future__ import annotations

import marshal
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.gitlab.runner import File
from tests.integration.app import BUILD, RUN
from tests.support.lab import CHECKOUT, Lab, Run, git

TOOLS = CHECKOUT / "tests" / ".tools"
URL = "https://gitlab.example.com"
TOKEN = "glcbt-64-a_token_of_this_job"
HOSTS = {"develop": "dev1", "production": "web1"}
BRANCHES = {"develop": "develop", "production": "main"}

# What ./fab finds where FAB_VENV says, so that no test waits for pip.
PYTHON = f"""#!/bin/sh
exec {sys.executable} "$@"
"""
FAB = """from fabric.main import program
program.run()
"""


class Company:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.gate = lab.folder / "gate"
        self.home = lab.folder / "runner"
        self.remotes = lab.folder / "remotes"
        self.venv = lab.folder / "venv"
        for folder in (self.gate, self.home, self.venv / "bin"):
            folder.mkdir(parents=True)
        lab.repository("monitor", {"source": "monitor-1", "run.sh": RUN, ".gitignore": "built\n.*/\ndeploy.*\n"})
        self.project = lab.folder / "git" / "monitor"
        git(self.project, "checkout", "--quiet", "-b", "develop")
        self._make_ops(lab.folder / "ops")
        self._make_venv(lab.folder / "ops")

    def commit(self, branch: str, version: str, files: dict[str, str] | None = None) -> str:
        """Pushed to that branch; the working copy stands on it."""
        git(self.project, "checkout", "--quiet", "-B", branch)
        return self.lab.commit("monitor", {"source": version, **(files or {})}, version, branch)

    def head(self, environment: str) -> str:
        return self.lab[HOSTS[environment]].head("monitor")

    def by(self, environment: str) -> str:
        """The user who deployed last, by the host's history."""
        return str(self.lab[HOSTS[environment]].history("monitor")[-1]["by"])

    def key(self, environment: str) -> str:
        return self.lab[HOSTS[environment]].sshd.client_key.read_text()

    def known(self, environment: str) -> str:
        return self.lab[HOSTS[environment]].sshd.known_hosts_line

    def variables(self, environment: str, sha: str, server: str) -> dict[str, str | File]:
        """The variables that GitLab gives to a job of this environment."""
        return {
            "CI": "true", "GITLAB_CI": "true", "CI_COMMIT_SHA": sha, "CI_ENVIRONMENT_NAME": environment,
            "CI_SERVER_URL": server, "CI_JOB_TOKEN": TOKEN, "GITLAB_USER_LOGIN": "anna",
            "CI_JOB_URL": f"{URL}/micro/monitor/-/jobs/7", "FAB_VENV": str(self.venv),
            "SSH_PRIVATE_KEY": File(self.key(environment)), "SSH_KNOWN_HOSTS": File(self.known(environment))}

    def _make_ops(self, folder: Path) -> None:
        """This checkout with what is not committed yet, as the project ops/deploy, with a release 1.0.0.

        Each job clones it anew: it holds what a job uses, compiled, in a pack.
        """
        listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard", "--", ":!tests", ":!docs"],
                                cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
        for name in filter(None, listed.split("\0")):
            if (CHECKOUT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, folder / name)
        (folder / "hosts.yaml").write_text(yaml.safe_dump(self._hosts(), sort_keys=False))
        for source in (folder / "tasks").rglob("*.py"):
            _take_compiled(CHECKOUT / source.relative_to(folder), source)
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "-c", "core.looseCompression=0", "add", "--all", "--force")
        git(folder, "commit", "--quiet", "--message", "All of it")
        git(folder, "tag", "1.0.0")
        git(folder, "-c", "pack.window=0", "repack", "-adq")
        (self.remotes / "ops").mkdir(parents=True)
        git(folder, "clone", "--quiet", "--bare", str(folder), str(self.remotes / "ops" / "deploy.git"))
        self._make_hosts_only(folder)

    def _make_hosts_only(self, ops: Path) -> None:
        """A project that holds hosts.yaml, and nothing of Fabvisor."""
        folder = self.remotes / "ops" / "hosts.git"
        git(self.remotes, "init", "--quiet", "--initial-branch=main", str(folder))
        shutil.copy2(ops / "hosts.yaml", folder)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "Hosts")

    def _hosts(self) -> dict[str, Any]:
        """No key stands in it: keys are GitLab's variables."""
        environments = {}
        for environment, name in HOSTS.items():
            settings = self.lab[name].settings(variables={"GATE": str(self.gate), "HOST": name})
            del settings["identity_file"]
            environments[environment] = {"branch": BRANCHES[environment], "url": f"https://{name}.example.com",
                                         "hosts": {name: settings}}
        service = {"repo": str(self.lab.folder / "git" / "monitor.git"), "build": BUILD, "command": "./run.sh",
                   "program": {"startsecs": 0}}
        return {"services": {"monitor": service}, "environments": environments}

    def _make_venv(self, checkout: Path) -> None:
        for name, text in (("python", PYTHON), ("fab", FAB)):
            (self.venv / "bin" / name).write_text(text)
            (self.venv / "bin" / name).chmod(0o755)
        sums = subprocess.run(["cksum", "requirements.txt"], cwd=checkout, check=True, capture_output=True, text=True)
        python = (self.venv / "bin" / "python").resolve()
        (self.venv / "stamp").write_text(f"{sums.stdout}{python}\n")
        (self.venv / "made-with").write_text("python3\n")


def _take_compiled(original: Path, copy: Path) -> None:
    """What Python has compiled of the original, for the copy: it is not compared with the source, whose time changes
    in a clone."""
    compiled = Path(cache_from_source(str(copy)))
    compiled.parent.mkdir(exist_ok=True)
    code = SourceFileLoader(original.stem, str(original)).get_code(original.stem)
    compiled.write_bytes(MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + marshal.dumps(code))


class GitLabCiLocal:
    """gitlab-ci-local in the service's working copy; GitLab's projects are bare repositories in a folder."""

    def __init__(self, company: Company, executable: str) -> None:
        self.company = company
        self.executable = executable
        values = {f"{URL}/ops/": 0, f"{URL}:443/ops/": 1}
        redirected = {f"GIT_CONFIG_KEY_{at}": f"url.file://{company.remotes}/ops/.insteadOf" for at in values.values()}
        kept = {name: value for name, value in company.lab.environ().items() if not name.startswith(("GCL", "GIT_"))}
        kept.pop("FAB_INVENTORY")
        self.environment = {
            **kept, **redirected, **{f"GIT_CONFIG_VALUE_{at}": value for value, at in values.items()},
            "GIT_CONFIG_COUNT": str(len(values)), "HOME": str(company.home), "FAB_VENV": str(company.venv),
            "PATH": f"{TOOLS / 'node_modules/.bin'}:{kept['PATH']}"}
        git(company.project, "config", "remote.origin.url", f"{URL}/micro/monitor.git")
        git(company.project, "config", "remote.origin.pushurl", str(company.lab.folder / "git" / "monitor.git"))
        self._write_variables()

    def run(self, *args: str, project: Path | None = None) -> Run:
        """In the service's working copy, or in that of another project."""
        done = subprocess.run([self.executable, *args], cwd=project or self.company.project, env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=90)
        return Run(done.returncode, done.stdout, done.stderr)

    def pipeline(self, *jobs: str, **variables: str) -> Run:
        """It says GITLAB_CI=false of itself."""
        given = [word for name, value in variables.items() for word in ("--variable", f"{name}={value}")]
        return self.run("--force-shell-executor", "--no-color", "--no-json-schema-validation",
                        "--variables-file", "../variables.yml", "--ignore-predefined-vars", "GITLAB_CI", *given, *jobs)

    def forget(self) -> None:
        """Remove the folders that it leaves in /tmp, whatever TMPDIR is: those with the host keys of our hosts."""
        for file in Path("/tmp").glob("gitlab-ci-local-file-variables-*/SSH_KNOWN_HOSTS"):
            if file.read_text().split() == self._known().split():
                shutil.rmtree(file.parent)

    def _known(self) -> str:
        return "".join(map(self.company.known, HOSTS))

    def _write_variables(self) -> None:
        """Scoped to their environments, as a group's or a project's settings have them."""
        keys = {name: self.company.key(name) for name in HOSTS}
        (self.company.project.parent / "variables.yml").write_text(yaml.safe_dump({
            "CI_JOB_TOKEN": TOKEN, "GITLAB_CI": "true", "GITLAB_USER_LOGIN": "anna",
            "SSH_PRIVATE_KEY": {"type": "file", "values": keys},
            "SSH_KNOWN_HOSTS": {"type": "file", "values": {"*": self._known()}}}))


@pytest.fixture(scope="session")
def company(real_hosts: None) -> Iterator[Company]:
    with Lab(tuple(HOSTS.values())) as lab:
        yield Company(lab)


@pytest.fixture(scope="session")
def local(company: Company) -> Iterator[GitLabCiLocal]:
    path = f"{TOOLS / 'node_modules/.bin'}:{os.environ['PATH']}"
    found = {name: shutil.which(name, path=path) for name in ("gitlab-ci-local", "node", "rsync")}
    missing = [name for name, executable in found.items() if executable is None]
    if missing:
        words = f"missing: {', '.join(missing)}; .ci/run installs them"
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    runner = GitLabCiLocal(company, str(found["gitlab-ci-local"]))
    yield runner
    runner.forget()
