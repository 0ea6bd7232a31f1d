"""Tab completion, asked as the shells ask: by the scripts of ./fab, and by those of Fabric itself."""

from __future__ import annotations

import functools
import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.forked import Forked
from tests.support.lab import CHECKOUT, FAB

pytestmark = pytest.mark.usefixtures("whole_suite")


HOSTS = """
default_environment: develop
defaults: {root: /srv}
services:
  api: {repo: "git@git.example.com:micro/api.git", command: ./api}
  api-gateway: {repo: "git@git.example.com:micro/api-gateway.git", command: ./gateway}
  mailer: {repo: "git@git.example.com:micro/mailer.git", command: ./mailer}
environments:
  develop: {branch: develop, hosts: [dev1]}
  production: {branch: main, hosts: [web1, web2], services: [api, api-gateway]}
  try: {sandbox: true, services: [api]}
"""


# As the wrapper ends, in the environment of the tests.
REAL = [sys.executable, str(FAB), "--search-root", str(CHECKOUT)]
# Its place is taken by what asks the test for a forked one: a start takes ten times as long.
STAND_IN = """\
#!/bin/sh
printf '%s\\0' "${COMP_CWORD-}" "$@" >{folder}/question
exec cat {folder}/answer
"""


class Desk:
    """A folder with a hosts.yaml and a `fab` and a `./fab`, and a home that is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "hosts.yaml").write_text(HOSTS)
        (folder / "home").mkdir()
        for place in (folder, folder / "bin"):
            place.mkdir(exist_ok=True)
            (place / "fab").write_text(STAND_IN.replace("{folder}", shlex.quote(str(folder))))
            (place / "fab").chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FAB", "CI", "COMP_", "Z"))}
        self.environ = {**kept, "HOME": str(folder / "home"), "TMPDIR": str(folder / "home"), "TERM": "dumb",
                        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        for pipe in ("question", "answer"):
            os.mkfifo(folder / pipe)
        self._answering = threading.Thread(target=self._answer)

    def __enter__(self) -> Desk:
        self._answering.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """An empty question is the last one; a shell that was killed reads no answer."""
        with open(self.folder / "answer", "rb+", buffering=0):
            while self._answering.is_alive():
                os.close(os.open(self.folder / "question", os.O_RDWR | os.O_NONBLOCK))
                self._answering.join(0.05)

    def _answer(self) -> None:
        while question := os.fsdecode((self.folder / "question").read_bytes()):
            at, *words = question.split("\0")[:-1]
            fab = Forked([*REAL[1:], *words], self.folder, {**self.environ, "COMP_CWORD": at})
            (self.folder / "answer").write_text(fab.communicate(60)[0])

    def asks(self, *command: str) -> list[str]:
        done = subprocess.run(command, cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout.split()

    def script(self, shell: str) -> str:
        path = self.folder / f"script.{shell}"
        path.write_text(printed_script(shell))
        return str(path)

    def bash(self, *words: str, script: str = "") -> list[str]:
        """As readline would, with the cursor behind the last word."""
        current = "" if words[-1] in ("=", ":") else words[-1]
        return self.asks("bash", "--norc", "-c", f"""
            source {script or self.script('bash')}
            COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}
            _complete_fab {shlex.join([words[0], current, words[-2]])}
            printf '%s\\n' "${{COMPREPLY[@]}}" """)

    def fish(self, line: str) -> list[str]:
        return self.asks("fish", "--no-config", "-c", f"source {self.script('fish')}; complete --do-complete {line!r}")

    def shows(self, command: list[str], setup: str, tabs: Iterable[tuple[str, str]]) -> None:
        """An interactive shell on a terminal shows each text after its keys."""
        leader, follower = pty.openpty()
        shell = subprocess.Popen(command, cwd=self.folder, env=self.environ, stdin=follower, stdout=follower,
                                 stderr=follower, start_new_session=True)
        os.close(follower)
        try:
            screen = ""
            for keys, text in ((f"{setup}; echo rea''dy\n", "ready\r\n"), *tabs):
                os.write(leader, keys.encode())
                end = time.monotonic() + 60
                while text not in screen:
                    assert time.monotonic() < end, screen
                    if select.select([leader], [], [], 1)[0]:
                        screen += os.read(leader, 4096).decode()
                screen = screen.split(text, 1)[1]
        finally:
            shell.kill()
            shell.wait()
            os.close(leader)


@functools.cache
def printed_script(shell: str) -> str:
    return subprocess.run([CHECKOUT / "fab", "--print-completion-script", shell], check=True, capture_output=True,
                          text=True).stdout


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path) as desk:
        yield desk


def needed(shell: str) -> str:
    if not shutil.which(shell) and not os.environ.get("CI"):
        pytest.skip(f"no {shell} here; .ci/run installs it")
    return shell


CASES = {
    "a task": (["dep"], ["deploy"]),
    "the task of a folder": (["sand"], ["sandbox.down", "sandbox.up"]),
    "a service": (["deploy", "m"], ["mailer"]),
    "services of the environment": (["deploy", ""], ["api", "api-gateway", "mailer", "all"]),
    "one that is the beginning of another": (["deploy", "api"], ["api", "api-gateway"]),
    "a second service": (["deploy", "api,"], ["api,api-gateway", "api,mailer", "api,all"]),
    "an environment": (["deploy", "api", "--env", "p"], ["production"]),
    "by the short option": (["deploy", "api", "-e", ""], ["develop", "production", "try"]),
    "in bash --env=p is three words": (["deploy", "api", "--env", "=", "p"], ["production"]),
    "and --env= is two": (["deploy", "api", "--env", "="], ["develop", "production", "try"]),
    "another environment": (["config", "api", "--diff", "d"], ["develop"]),
    "services of another environment": (["status", "-e", "production", "--service", ""], ["api", "api-gateway", "all"]),
    "a host": (["deploy", "api", "--host", ""], ["dev1"]),
    "a host of another environment": (["deploy", "api", "-e", "production", "--host", "w"], ["web1", "web2"]),
    "a second host": (["logs", "api", "-e", "production", "--host", "web1,"], ["web1,web2"]),
    "a host to leave out": (["stop", "api", "-e", "production", "--host", "!"], ["!web1", "!web2"]),
    "the sandbox's hosts": (["deploy", "api", "-e", "try", "--host", ""], ["web1", "web2"]),
    "a format": (["status", "--format", "g"], ["github", "gitlab"]),
    "a strategy": (["test.faults", "--strategy", "r"], ["releases"]),
    "the last deploy": (["logs", "api", "--deploy", ""], ["last"]),
    "an option": (["rollback", "api", "--fo"], ["--format", "--force"]),
    "not given yet": (["rollback", "api", "--force", "--fo"], ["--format"]),
    "services of the file": (["ci.init", "api-"], ["api-gateway"]),
    "of Fabric's options those that mean something": (["--h"], ["--help"]),
    "whose help": (["--help", "roll"], ["rollback"]),
    "an inventory is a file": (["status", "--inventory", "h"], []),
    "nothing begins so": (["deploy", "zzz"], []),
}


@pytest.mark.rows(12)
@pytest.mark.parametrize(("words", "expected"), CASES.values(), ids=CASES)
def test_completion_in_bash_offers_tasks_services_and_values(desk: Desk, words: list[str], expected: list[str]) -> None:
    assert sorted(desk.bash("./fab", *words)) == sorted(expected)


@pytest.mark.parametrize(("words", "expected"), [
    (["logs", "shop"], ["shop", "shop:web", "shop:worker"]), (["restart", "shop", ":", "wo"], ["worker"]),
    (["logs", "shop", ":"], ["web", "worker"]), (["logs", "api,shop", ":", "wo"], ["worker"]),
    (["deploy", "shop", ":", "w"], [])])
def test_completion_in_bash_offers_the_programs_of_a_service(desk: Desk, words: list[str], expected: list[str]) -> None:
    """bash makes three words of SERVICE:PROGRAM, and replaces the last one."""
    (desk.folder / "hosts.yaml").write_text(HOSTS.replace("  mailer:", """  shop:
    repo: git@git.example.com:shop.git
    programs: {web: {command: ./web}, worker: {command: ./worker}}
  mailer:""", 1))
    assert sorted(desk.bash("./fab", *words)) == expected


def test_completion_offers_options_after_the_service(desk: Desk) -> None:
    found = desk.bash("fab", "deploy", "api", "")
    assert {"--env", "--host", "--revision", "--yes"} < set(found) and "deploy" not in found


def test_completion_works_with_fabrics_own_script(desk: Desk) -> None:
    """It drops an empty word: what is whole is answered with what may follow."""
    script = desk.folder / "fabrics.bash"
    script.write_text("\n".join(subprocess.run([desk.folder / "fab", "--print-completion-script", "bash"], check=True,
                                               env=desk.environ, capture_output=True, text=True).stdout.splitlines()))
    for words, expected in {
        ("dep",): ["deploy"], ("deploy", ""): ["all", "api", "api-gateway", "mailer"],
        ("deploy", "mai"): ["mailer"], ("deploy", "api", "-e", ""): ["develop", "production", "try"],
        ("deploy", "api", "-e", "production", "--host", ""): ["web1", "web2"],
    }.items():
        assert sorted(desk.bash("fab", *words, script=str(script))) == expected
    after = desk.bash("fab", "deploy", "api", "", script=str(script))
    assert {"--env", "--host", "api-gateway"} < set(after)


@pytest.mark.parametrize("text", ["services: [", "services: {api: {}}", ""], ids=["no yaml", "mistakes", "empty"])
def test_completion_of_values_stops_when_hosts_yaml_is_broken(desk: Desk, text: str) -> None:
    (desk.folder / "hosts.yaml").write_text(text)
    for words in (["deploy", ""], ["deploy", "api", "--env", ""]):
        assert desk.bash("./fab", *words) == []
    assert desk.bash("./fab", "dep") == ["deploy"]


def test_completion_reads_the_chosen_inventory_and_environment(desk: Desk) -> None:
    (desk.folder / "hosts.yaml").rename(desk.folder / "other.yaml")
    (desk.folder / "hosts.yaml").write_text("")
    assert desk.bash("./fab", "deploy", "--inventory", "other.yaml", "ma") == ["mailer"]
    desk.environ |= {"FAB_INVENTORY": "other.yaml", "FAB_ENV": "production"}
    assert desk.bash("./fab", "deploy", "a") == ["all", "api", "api-gateway"]
    desk.environ |= {"FAB_ENV": "gone"}
    assert sorted(desk.bash("./fab", "deploy", "--host", "")) == ["dev1", "web1", "web2"]


def test_completion_starts_and_prints_nothing(desk: Desk) -> None:
    asked = ["deploy", "api", "-e", "try", "--host", ""]
    assert desk.bash("./fab", *asked) == ["web1", "web2"]
    assert list((desk.folder / "home").iterdir()) == []
    for odd in (["--complete"], ["--complete", "--"], ["--complete", "--", "fab", "'"], ["--complete", "--", "\udcff"]):
        fab = Forked([*REAL[1:], *odd], desk.folder, desk.environ)
        assert (*fab.communicate(60), fab.wait())[1:] == ("", 0)


def test_completion_installs_nothing_in_a_fresh_clone(tmp_path: Path) -> None:
    shutil.copy(CHECKOUT / "fab", tmp_path)
    shutil.copy(CHECKOUT / "requirements.txt", tmp_path)
    done = subprocess.run([tmp_path / "fab", "--complete", "--", "fab", ""], env={"PATH": os.environ["PATH"]},
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (tmp_path / ".venv").exists()


def test_completion_script_of_an_unknown_shell_is_left_to_fabric(desk: Desk) -> None:
    done = subprocess.run([*REAL, "--print-completion-script", "tcsh"], capture_output=True, text=True,
                          check=False, env=desk.environ)
    assert done.returncode == 1 and "tcsh" in done.stderr


# What is typed on an empty line, and what appears behind it: a service, an environment, one behind an equals sign, and
# a host where fab has no path.
EMPTY = "\x15"
TABS = [(f"{EMPTY}{typed}\t", rest) for typed, rest in (
    ("./fab deploy mai", "ler"), ("./fab status -e prod", "uction"), ("./fab status --env=prod", "uction"),
    ("fab status --host dev", "1"))]


def test_completion_on_a_terminal_in_bash_completes_the_line(desk: Desk) -> None:
    desk.shows(["bash", "--norc", "--noprofile"], f"source {desk.script('bash')}", TABS)


def test_completion_on_a_terminal_in_zsh_completes_the_line(desk: Desk) -> None:
    desk.shows([needed("zsh"), "-f"], f"source {desk.script('zsh')}", TABS)


def test_completion_in_fish_offers_tasks_services_and_values(desk: Desk) -> None:
    needed("fish")
    assert desk.fish("./fab deploy mai") == ["mailer"]
    assert sorted(desk.fish("fab deploy ")) == ["all", "api", "api-gateway", "mailer"]
    assert desk.fish("./fab deploy api -e production --host web1,") == ["web1,web2"]
    assert desk.fish("./fab deploy api --env=pro") == ["--env=production"]
    assert desk.fish("./fab status --inventory host") == ["hosts.yaml"]
