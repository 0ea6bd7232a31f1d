"""The context of a command: what is wrong is said before anything is started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest

from tasks import reports
from tasks._context import Command
from tasks._options import DEFAULTS
from tasks.embedded import environments
from tasks.embedded.sandbox import Sandbox
from tasks.inventory.model import Host
from tests.support.forked import clean_environ, start
from tests.support.lab import CHECKOUT, FAB

HOSTS = """
default_environment: test
services:
  api: {repo: r, command: c, hooks: {drain: {run: d, on: client}, undrain: {run: u, on: client}}, secrets: [API_KEY]}
  plain: {repo: r, command: c}
  shop: {repo: r, programs: {web: {command: c}}, secrets: [SHOP_KEY]}
environments:
  test: {branch: main, sandbox: true, confirm: true, services: [api, plain, shop]}
"""
NO_TERMINAL = "there is no terminal to ask on"


@pytest.mark.promise(9)
@pytest.mark.parametrize(("words", "said"), [
    (["deploy"], "no service was named"),
    (["plan"], "no service was named"),
    (["rollback", "ap", "--yes"], "no service 'ap'"),
    (["deploy", "plain", "--yes", "--host", "web9"], "no host of test matches 'web9'"),
    (["deploy", "plain", "--yes", "--serial", "x"], "--serial"),
    (["deploy", "plain", "--yes", "--wait", "soon"], "--wait"),
    (["deploy", "plain", "--yes", "--fetch", "ftp"], "--fetch 'ftp'"),
    (["deploy", "plain", "--yes", "--artifact", "absent.tar"], "absent.tar"),
    (["deploy", "shop", "--yes"], "SHOP_KEY"),
    (["deploy", "plain"], NO_TERMINAL),
    (["plan", "plain", "--fetch", "host", "--revision", "."], "leave out --fetch host"),
    (["rollback", "plain", "--yes", "--to", "a..b"], "--to"),
    (["restart", "api"], "API_KEY"),
    (["recover", "api"], "API_KEY"),
    (["restart", "shop:wbe"], "no program 'wbe'"),
    (["stop", "all"], "API_KEY"),
    (["remove", "", "--yes"], "no service was named"),
    (["recover", "ap"], "no service 'ap'"),
    (["status", "--service", "ap"], "no service 'ap'"),
    (["logs", "plain", "--follow", "--deploy", "last"], "--follow"),
    (["history", "ap"], "no service 'ap'"),
    (["doctor", "--service", "ap"], "no service 'ap'"),
    (["setup", "--service", "ap", "--dry-run"], "no service 'ap'"),
    (["setup"], NO_TERMINAL),
    (["run", "true"], NO_TERMINAL),
    (["run", "true", "--yes", "--service", "ap"], "no service 'ap'"),
    (["ssh", "web9"], "no host 'web9'"),
], ids=lambda words: " ".join(words) if isinstance(words, list) else "")
@pytest.mark.rows(10)
def test_bad_input_starts_no_sandbox(tmp_path: Path, words: list[str], said: str) -> None:
    """Where git is missing, the start of a sandbox is what fails first."""
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    process = start([sys.executable, str(FAB), f"--search-root={CHECKOUT}", *words, "--format", "plain"], tmp_path,
                    {**clean_environ(), "PATH": "/nowhere"})
    out, err = process.communicate(timeout=60)
    assert process.wait() == 2, (out, err)
    assert said in out + err and "needs git" not in out + err


def test_command_knows_what_another_environment_has_on_the_sandbox(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`status` would call it a service that hosts.yaml no longer has, and `doctor` would remove it."""
    other = "  other: {branch: main, sandbox: true, services: [mine]}"
    (tmp_path / "hosts.yaml").write_text(HOSTS.replace("  plain:", "  mine: {repo: r, command: c}\n  plain:") + other)
    hosts = tuple(Host(name=name, root="/srv", address="127.0.0.1", port=port) for name, port in
                  (("web1", 2201), ("web2", 2202)))
    sandbox = Sandbox(tmp_path, hosts, {"web1": {"PORT": "1"}, "web2": {"PORT": "2"}})
    monkeypatch.setattr(environments, "up", lambda folder: sandbox)
    monkeypatch.setattr(environments, "find_running", lambda state: sandbox)
    run = Command("status", {**DEFAULTS, "inventory": str(tmp_path / "hosts.yaml")},
                  cast("reports.reporters.Reporters", None))
    assert "mine" in run.named_services()["web1"]
