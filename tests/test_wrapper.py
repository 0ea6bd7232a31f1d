"""./fab with a stand-in for Python, which notes what it is asked for: the network is left alone."""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.forked import clean_environ, start
from tests.support.lab import FAB

pytestmark = pytest.mark.usefixtures("whole_suite")


ROOT = Path(__file__).parents[1]

# The one that makes virtual environments, and the one that it puts there.
OUTER = """#!/bin/sh
case "$*" in
    *version_info*) exit "${TOO_OLD:-0}" ;;
    *ensurepip*) exit "${NO_VENV:-0}" ;;
    '-m venv '*) mkdir -p "$3/bin" && cp "$(dirname "$0")/inner" "$3/bin/python" ;;
    *) exec "$REAL_PYTHON" -I -S "$@" ;;
esac
"""
INNER = """#!/bin/sh
case "$*" in
    *'-m pip'*) echo "$*" >>"$NOTES"; sleep "${PIP_TAKES:-0}"; exit "${PIP_ENDS:-0}" ;;
    *) shift 3; echo "$PWD"; printf '%s\\n' "$@" ;;
esac
"""


class Checkout:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a checkout"
        self.notes = folder / "notes"
        (self.folder / "tests").mkdir(parents=True)
        shutil.copy(ROOT / "fab", self.folder)
        (self.folder / "requirements.txt").write_text("fabric\n")
        (self.folder / "tests" / "requirements.txt").write_text("pytest\n")
        for name, text in (("outer", OUTER), ("inner", INNER)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        self.environment = {"PATH": os.environ["PATH"], "PYTHON": str(folder / "outer"), "NOTES": str(self.notes),
                            "REAL_PYTHON": sys.executable}

    def fab(self, *words: str, script: str = "./fab", cwd: Path | None = None,
            **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([script, *words], cwd=cwd or self.folder, env={**self.environment, **environment},
                              capture_output=True, text=True, check=False)

    def installs(self) -> int:
        return len(self.notes.read_text().splitlines()) if self.notes.exists() else 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_wrapper_installs_once_and_passes_everything_on(checkout: Checkout) -> None:
    first = checkout.fab("deploy", "a b", "--yes")
    assert first.stdout.splitlines() == [str(checkout.folder), f"--search-root={checkout.folder}",
                                         "deploy", "a b", "--yes"]
    assert len(first.stderr.splitlines()) == 1
    assert checkout.fab("status").stderr == ""
    assert checkout.installs() == 1


def test_wrapper_says_that_pythons_variable_names_none(checkout: Checkout) -> None:
    """A job may have a variable of that name for something else."""
    run = checkout.fab("status", PYTHON="3.12")
    assert (run.returncode, run.stdout) == (2, "")
    assert "no 3.12 on this machine, though PYTHON names it; " in run.stderr


def test_wrapper_installs_changed_requirements(checkout: Checkout) -> None:
    checkout.fab("status")
    (checkout.folder / "requirements.txt").write_text("fabric\nrich\n")
    checkout.fab("status")
    checkout.fab("status")
    assert checkout.installs() == 2


def test_wrapper_installs_the_tools_of_the_tests_for_fab_test(checkout: Checkout) -> None:
    checkout.fab("deploy", "test")
    assert "tests/requirements.txt" not in checkout.notes.read_text()
    for number, words in enumerate((["test"], ["--echo", "-e", "test"], ["test.faults", "--seeds", "x"]), 1):
        checkout.fab(*words)
        assert checkout.notes.read_text().count("tests/requirements.txt") == number
        (checkout.folder / ".venv/stamp-tests").unlink()        # as where they were never installed
    checkout.fab("test")
    checkout.fab("test")
    checkout.fab("status")
    assert checkout.installs() == 5


def test_wrapper_works_from_elsewhere_and_by_a_link(checkout: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("a checkout/fab")
    assert checkout.fab("x", script=str(link), cwd=tmp_path).stdout.splitlines() == [
        str(tmp_path), f"--search-root={checkout.folder}", "x"]
    for own in (["-r", "there"], ["-rthere"], ["--search-root=there"]):
        assert checkout.fab(*own, "x").stdout.splitlines()[1:] == [*own, "x"]


def test_wrapper_keeps_its_environment_in_fab_venv(checkout: Checkout, tmp_path: Path) -> None:
    kept = {"FAB_VENV": str(tmp_path / "kept")}
    assert checkout.fab("status", **kept).returncode == 0
    assert not (checkout.folder / ".venv").exists()
    shutil.copytree(checkout.folder, tmp_path / "another clone")
    done = checkout.fab("status", script=str(tmp_path / "another clone/fab"), **kept)
    assert (done.returncode, done.stderr) == (0, "")
    assert checkout.installs() == 1
    (checkout.folder / "requirements.txt").write_text("fabric\nrich\n")
    checkout.fab("status", **kept)
    assert checkout.installs() == 2


def test_wrapper_refuses_a_fab_venv_that_holds_something_else(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters").touch()
    done = checkout.fab("status", FAB_VENV=str(tmp_path / "home"))
    assert done.returncode == 2
    assert "holds something else" in done.stderr
    assert (tmp_path / "home" / "letters").exists()


def test_concurrent_wrappers_install_once(checkout: Checkout) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: checkout.fab("status", PIP_TAKES="0.5"), range(3)))
    assert [one.returncode for one in done] == [0, 0, 0]
    assert checkout.installs() == 1


def test_lock_of_the_wrapper_cannot_be_opened_by_others(checkout: Checkout) -> None:
    lock = checkout.folder / ".venv" / "lock"
    for existing in (False, True):
        if existing:
            lock.chmod(0o644)
            (checkout.folder / "requirements.txt").write_text("fabric\nrich\n")
        assert checkout.fab("status").returncode == 0
        assert lock.stat().st_mode & 0o777 == 0o600


def test_wrapper_that_waits_long_says_who_can_be_asked(checkout: Checkout) -> None:
    script = checkout.folder / "fab"
    text = script.read_text()
    assert "signal.alarm(20)" in text
    script.write_text(text.replace("signal.alarm(20)", "signal.alarm(1)"))
    lock = checkout.folder / ".venv" / "lock"
    lock.parent.mkdir()
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen(["./fab", "status"], cwd=checkout.folder, env=checkout.environment, text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            first, second = process.stderr.readline(), process.stderr.readline()
            fcntl.flock(held, fcntl.LOCK_UN)
            process.stderr.read()
    assert "waiting for another ./fab" in first
    assert f'fuser "{lock}"' in second
    assert process.returncode == 0


def test_wrapper_repairs_what_a_killed_install_left(checkout: Checkout) -> None:
    with subprocess.Popen(["./fab", "status"], cwd=checkout.folder, start_new_session=True,
                          env={**checkout.environment, "PIP_TAKES": "60"}, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while not checkout.installs() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    (checkout.folder / ".venv" / "half").touch()
    assert checkout.fab("status").returncode == 0
    assert checkout.installs() == 2
    assert not (checkout.folder / ".venv" / "half").exists()


def test_failed_install_keeps_the_environment_that_worked(checkout: Checkout) -> None:
    checkout.fab("status")
    failed = checkout.fab("test", PIP_ENDS="1")
    assert failed.returncode == 2
    assert "could not be installed" in failed.stderr
    assert checkout.fab("status").stderr == ""


@pytest.mark.parametrize(("lack", "word"), [
    ({"NO_VENV": "1"}, "apt-get install python3-venv"),
    ({"TOO_OLD": "1"}, "too old"),
    ({"PYTHON": "no-such-python"}, "no no-such-python"),
])
def test_wrapper_names_what_the_machine_lacks(checkout: Checkout, lack: dict[str, Any], word: str) -> None:
    done = checkout.fab("status", **lack)
    assert done.returncode == 2
    assert word in done.stderr
    assert done.stdout == ""


LAUNCH = "import sys; sys.path[0] = sys.argv.pop(1); from tasks._launch import main; main()"


def launched(*words: str, python: Sequence[str] = (), cwd: Path = ROOT, **environment: str
             ) -> subprocess.CompletedProcess[str]:
    """As ./fab ends."""
    assert LAUNCH in (ROOT / "fab").read_text()
    return subprocess.run([sys.executable, *python, "-c", LAUNCH, str(ROOT), f"--search-root={ROOT}", *words],
                          cwd=cwd, capture_output=True, text=True, check=True, env={**os.environ, **environment})


NEVER = {"fabric", "paramiko", "asyncio", "unittest.mock", "email", "invoke.vendor.yaml.loader"}


def imported_for(folder: Path, *words: str, says: str) -> set[str]:
    done = launched(*words, python=["-X", "importtime"], cwd=folder, FAB_INVENTORY=str(ROOT / "hosts.yaml"))
    assert says in done.stdout
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_launcher_starts_without_what_it_never_uses(tmp_path: Path) -> None:
    imported = imported_for(tmp_path, "config", "monitor", says="branch")
    assert "invoke.program" in imported and not imported & NEVER


def test_launcher_takes_no_package_of_pythonpath_for_its_own(tmp_path: Path) -> None:
    """As ROS sets it, or a job. What a fabfile imports may lie there."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for package in ("msgspec", "yaml", "fabric", "invoke"):
        (packages / f"{package}.py").write_text("raise ImportError('of another version')\n")
    (packages / "of_the_team.py").touch()
    (tmp_path / "fabfile.py").write_text("import of_the_team\nfrom tasks import namespace\n")
    for given in (f"{packages}/", f":{packages}", "packages"):
        run = subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), "check"], cwd=tmp_path, text=True, check=False,
                             capture_output=True, env={**os.environ, "PYTHONPATH": given,
                                                       "FAB_INVENTORY": str(ROOT / "hosts.yaml")})
        assert "hosts.yaml has no mistake" in run.stdout, run.stderr


def test_listing_the_commands_imports_no_machinery(tmp_path: Path) -> None:
    """Only the verbs, the faces of the folders and the protocol's page; and none of the packages behind them."""
    imported = imported_for(tmp_path, "--list", says="deploy")
    assert not imported & (NEVER | {"rich", "asyncssh", "jsonschema", "msgspec", "supervisor", "dotenv"})
    inner = {module for module in imported if module.startswith("tasks.") and module.count(".") > 1}
    assert inner == {"tasks.executor.protocol"}


def test_launcher_leaves_tasks_of_fabric_to_fabric_and_runs_the_fabfile_once(tmp_path: Path) -> None:
    (tmp_path / "fabric.yaml").write_text("connect_kwargs: {banner_timeout: 7}\n")
    (tmp_path / "fabfile.py").write_text("""
import sys
from fabric import task
print("loaded", "email" in sys.modules)

@task(hosts=["web1"])
def look(c):
    print(type(c).__name__, c.host, dict(c.connect_kwargs))
""")
    done = subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), "look", "--port=22"], cwd=tmp_path, text=True,
                          capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, "loaded False\n") and "look has no option --port" in done.stderr
    done = subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), "-t", "3", "look"], cwd=tmp_path, text=True,
                          capture_output=True, check=True)
    assert done.stdout == "loaded False\nConnection web1 {'banner_timeout': 7, 'timeout': 3}\n"


LATE = """
from tasks import _light_imports
with _light_imports.one_yaml():
    pass
import re, yaml
expression = yaml.reader.Reader.NON_PRINTABLE
print(type(expression).__name__, expression.search("a\\x00").start(), re.compile("a").pattern)
print(yaml.load("[1, 2024-02-03, 1.5, true, a]", yaml.SafeLoader))
"""


def test_launcher_lets_yaml_compile_its_expressions_late() -> None:
    at_once, late = (
        subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for text in (f"import yaml\n{LATE}", LATE))
    assert at_once == "Pattern 1 a\n[1, datetime.date(2024, 2, 3), 1.5, True, 'a']\n"
    assert late == at_once.replace("Pattern", "_LateExpression")


@pytest.mark.parametrize(("settings", "told"), [
    ("timeouts: {connect: 7}\n", "7"), ("timeouts: [\n", "fabric.yaml"), ("- a list\n", "fabric.yaml cannot be read")])
def test_launcher_lets_fabric_read_its_settings(tmp_path: Path, settings: str, told: str) -> None:
    (tmp_path / "fabric.yaml").write_text(settings)
    (tmp_path / "fabfile.py").write_text("""
from invoke import task

@task
def look(context):
    print(context.config.timeouts.connect)
""")
    process = start([sys.executable, str(FAB), "look"], tmp_path, clean_environ())
    out, err = process.communicate(timeout=60)
    assert told in out + err
    assert (process.wait(), "Traceback" in err) == (0 if told == "7" else 2, False)


METADATA = """
import sys
from tasks import _light_imports
_light_imports.know_versions()
from importlib import metadata
print(metadata.version("paramiko"), "email" in sys.modules, metadata.version("PyYAML"))
import importlib.metadata
for late in (metadata, importlib.metadata):
    try:
        late.version("no-such-package")
    except late.PackageNotFoundError as error:
        print(error)
"""


def test_launcher_knows_versions_and_leaves_the_rest_to_python() -> None:
    done = subprocess.run([sys.executable, "-c", METADATA], cwd=ROOT, capture_output=True, text=True, check=True)
    versions, *errors = done.stdout.splitlines()
    paramiko, yaml = map(importlib.metadata.version, ("paramiko", "PyYAML"))
    assert versions == f"{paramiko} False {yaml}"
    assert errors == ["No package metadata was found for no-such-package"] * 2


def test_launcher_runs_commands_with_garbage_collection(tmp_path: Path) -> None:
    (tmp_path / "fabfile.py").write_text("""
import gc
from invoke import task

@task
def look(context):
    print(gc.isenabled())
""")
    done = subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), "look"], cwd=tmp_path, capture_output=True,
                          text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize(("word", "code", "own_task"), [
    ("--list", 0, ""), ("config", 2, ""), ("--list", 0, "look = invoke.task(lambda context: None)")])
def test_launcher_frees_no_object_at_the_end_where_all_tasks_are_ours(tmp_path: Path, word: str, code: int,
                                                                      own_task: str) -> None:
    """What waits for the end of the interpreter runs all the same."""
    (tmp_path / "fabfile.py").write_text(f"""
import atexit, invoke, os
from tasks import namespace
{own_task}
{own_task and "namespace.add_task(look)"}

class Last:
    def __del__(self, write=os.write):
        write(1, b"freed\\n")

last = Last()
atexit.register(os.write, 1, b"at exit\\n")
""")
    done = subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), word], cwd=tmp_path, capture_output=True,
                          text=True, check=False, env=clean_environ())
    assert done.returncode == code
    assert [line for line in done.stdout.splitlines() if line in ("at exit", "freed")] == [
        "at exit", *(["freed"] if own_task else [])]


@pytest.mark.parametrize("words", ["--list", "config monitor --format json"])
def test_command_fails_in_words_where_its_output_cannot_be_written(words: str) -> None:
    def ended(output: IO[str] | int) -> tuple[int, str]:
        done = subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), *words.split()], cwd=ROOT, stdout=output,
                              check=False, stderr=subprocess.PIPE, text=True, env=clean_environ())
        return done.returncode, done.stderr

    with open("/dev/full", "w", encoding="utf-8") as full:
        code, said = ended(full)
    assert code == 1 and "No space left" in said and "Traceback" not in said, said
    ours, nobodys = os.pipe()
    os.close(ours)
    assert ended(nobodys) == (0, ""), "nobody reads it: that is no failure"
    os.close(nobodys)


def test_list_of_commands_is_as_wide_as_the_terminal() -> None:
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), "--list"], cwd=ROOT, stdout=its, check=True)
    os.close(its)
    assert any("Check hosts.yaml" in line and "contacts no host." in line
               for line in os.read(ours, 100_000).decode().splitlines())
    os.close(ours)


_OPEN_FILE = """
import argparse, sys
from invoke import Exit, task

class Log:
    def __init__(self):
        self.cycle, self.file = self, open("log", "w")

argparse.log = log = Log()
log.file.write("all of it")
{now}

@task
def look(context):
    {later}
"""


@pytest.mark.parametrize(("ending", "code"), [("pass", 0), ("raise Exit(code=5)", 5), ("sys.exit('over')", 1),
                                              ("raise ValueError", 1)])
@pytest.mark.parametrize("place", ["now", "later"])
@pytest.mark.rows(3)
def test_file_that_a_teams_own_module_leaves_open_is_written(tmp_path: Path, place: str, ending: str, code: int
                                                            ) -> None:
    """Also where the module itself ends fab."""
    (tmp_path / "fabfile.py").write_text(_OPEN_FILE.format(**{"now": "", "later": "pass", place: ending}))
    done = subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), "look"], cwd=tmp_path, check=False,
                          capture_output=True, env=clean_environ())
    expected = 2 if (ending, place) == ("raise ValueError", "now") else code       # a fabfile that cannot be loaded
    assert (done.returncode, (tmp_path / "log").read_text()) == (expected, "all of it")


@pytest.mark.parametrize(("environment", "cached"), [({}, True), ({"PYTHONDONTWRITEBYTECODE": "1"}, False)])
def test_launcher_lets_python_cache_compiled_modules(tmp_path: Path, environment: dict[str, str], cached: bool
                                                     ) -> None:
    (tmp_path / "fabfile.py").write_text("import own\n")
    (tmp_path / "own.py").write_text("")
    subprocess.run([sys.executable, "-c", LAUNCH, str(ROOT), "--list"], cwd=tmp_path, check=False, text=True,
                   capture_output=True, env={**without_bytecode_variable(), **environment})
    assert (tmp_path / "__pycache__").exists() is cached


def without_bytecode_variable() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def test_fab_itself_loads_the_commands() -> None:
    listed, _ = start([sys.executable, "-m", "fabric", "--list"], ROOT, clean_environ()).communicate(timeout=60)
    assert "deploy" in listed


@pytest.mark.parametrize("start", [["-c", LAUNCH, str(ROOT)], ["-m", "fabric"]], ids=["./fab", "fab"])
def test_ssh_config_is_not_read_by_fabric(tmp_path: Path, start: list[str]) -> None:
    """It could read neither of these lines."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_bytes(b"Host web1 # Gr\xfc\xdfe\nMatch final all\n  User deploy\n")
    (tmp_path / "fabfile.py").write_text("""
from fabric import task

@task
def look(connection):
    print(connection.host)
""")
    if "fabric" in start:                   # with the settings that lie beside our fabfile
        shutil.copy(ROOT / "fabric.yaml", tmp_path)
    done = subprocess.run([sys.executable, *start, "-H", "web1", "look"], cwd=tmp_path, capture_output=True, text=True,
                          check=False, env={**os.environ, "HOME": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "web1\n", "")
