"""README.md and docs/ are true: commands are run, examples load, tables are those of the code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest
import yaml

from tasks import _errors, namespace
from tasks._command import SHARED
from tasks.embedded.processes import belonging
from tasks.executor import protocol
from tasks.inventory import loading, model, schema
from tasks.rollout import events, results
from tests.support import guard

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text()
ARCHITECTURE = (CHECKOUT / "docs/architecture.md").read_text()
CONTRIBUTING = (CHECKOUT / "docs/contributing.md").read_text()
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
EVERYTHING = "\n".join(path.read_text() for path in PAGES)
OURS = {"test.all", "test.faults"}      # for those who work on Fabvisor: docs/contributing.md has them


def section(heading: str, page: str = README) -> str:
    return page.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def blocks(language: str, text: str = README) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(f"(?m)^{indent}", "", body) for indent, body in found]


def table(first_heading: str) -> list[list[str]]:
    """The rows of the table whose heading begins so, as cells."""
    lines = EVERYTHING.split(f"\n| {first_heading}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def coded(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# --- the quick start, for real ---

# A Python that makes virtual environments of the interpreter that runs the tests, and whose pip has nothing to do.
OUTER = """#!/bin/sh
case "$*" in
    '-m venv '*) mkdir -p "$3/bin" && cp "$(dirname "$0")/inner" "$3/bin/python" && cp "$(dirname "$0")/fab" "$3/bin" ;;
    *) exec {python} "$@" ;;
esac
"""
INNER = """#!/bin/sh
case "$*" in
    *'-m pip '*) ;;
    *) exec {python} "$@" ;;
esac
"""
FAB = """from fabric.main import program
program.run()
"""


@dataclass
class Stranger:
    """Somebody with a fresh clone, an empty home and a temporary folder of their own."""

    checkout: Path
    environment: dict[str, str]

    def types(self, line: str) -> tuple[int, str]:
        """(exit code, what is on both streams)."""
        done = subprocess.run(["bash", "-c", line], cwd=self.checkout, env=self.environment, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def sandbox(self) -> Path | None:
        return next(Path(self.environment["TMPDIR"]).glob("fabvisor-*"), None)


@pytest.fixture
def stranger(real_hosts: None) -> Iterator[Stranger]:
    # Not pytest's own folders: a unix socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="readme-", dir="/tmp"))
    guard.watch(folder)
    for name in ("home", "tmp", "checkout"):
        (folder / name).mkdir()
    copy_checkout(folder / "checkout")
    for name, text in (("outer", OUTER), ("inner", INNER), ("fab", FAB)):
        (folder / name).write_text(text.format(python=sys.executable))
        (folder / name).chmod(0o755)
    foreign = ("FAB", "CI", "GITLAB", "SSH_", "GIT_", "XDG_", "PYTHON", "LC_", "LANG", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    stranger = Stranger(folder / "checkout", {
        **kept, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp"), "PYTHON": str(folder / "outer"),
        "LC_ALL": "C.UTF-8"})
    try:
        yield stranger
    finally:
        stranger.types("./fab sandbox.down")
        shutil.rmtree(folder)


def copy_checkout(target: Path) -> None:
    """As `git clone` would, with what is not committed yet."""
    listed = subprocess.run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=CHECKOUT, check=True,
                            capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target / name)


# What each line of the second block must end with and say.
SAYS = [
    (r"\./fab deploy monitor", 0, ["unchanged", "nothing had to change"]),
    (r"\./fab status", 0, ["RUNNING", "all well"]),
    (r"\(cd .* echo 3 .*\)", 0, []),
    (r"\./fab deploy monitor", 0, ["Version 3", "committed"]),
    (r"\./fab logs monitor --lines 5", 0, ["monitor 3", "web1", "web2"]),
    (r"\./fab rollback monitor", 0, ["committed"]),
    (r"\(cd .* echo \"def \(\" .*\)", 0, []),
    (r"\./fab deploy monitor", 1, ["build", "invalid syntax", "every host is as it was"]),
    (r"\./fab sandbox.down", 0, ["the sandbox is down"]),
]


@pytest.mark.timeout(600)               # a dozen commands one after the other, on however slow a machine
def test_readme_quick_start_works_as_typed(stranger: Stranger) -> None:
    (console,), (shell,) = blocks("console", section("Try it")), blocks("sh", section("Try it"))
    clone, deploy = console.splitlines()
    assert clone.startswith("$ git clone ")
    code, output = stranger.types(deploy.removeprefix("$ "))
    assert code == 0, output
    assert all(re.search(rf"{host} +monitor .* committed", output) for host in ("web1", "web2")), output
    for step in ("fetch", "checkout", "build", "program", "restart", "verify", "health"):
        assert step in output
        assert step in section("A deploy, step by step", ARCHITECTURE)

    typed = [line.partition("  #")[0].rstrip() for line in shell.splitlines()]
    assert len(typed) == len(SAYS)
    for line, (form, expected, words) in zip(typed, SAYS, strict=True):
        assert re.fullmatch(form, line)
        if "sandbox.down" in line:
            there = stranger.sandbox()
            assert there is not None
            assert_layout(there / "web1" / "root")
        before = pids(stranger)
        code, output = stranger.types(line)
        assert code == expected, f"{line}\n{output}"
        assert [word for word in words if word not in output] == [], f"{line}\n{output}"
        if "unchanged" in words or expected == 1:
            assert pids(stranger) == before, f"{line} restarted something"
    assert stranger.sandbox() is None
    assert not belonging(str(there))


def pids(stranger: Stranger) -> list[int]:
    _, said = stranger.types("./fab status --format json")
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [event["pid"] for event in told if event["event"] == "status"]


def assert_layout(root: Path) -> None:
    """The paths below root are those that docs/architecture.md shows."""
    (shown,) = blocks("text", section("What lies on a host", ARCHITECTURE))
    for line in shown.splitlines():
        path = line.split("  ")[0].replace("<service>", "monitor").replace("<deploy>", "*")
        if "releases/" in path or path.endswith("/current"):    # the sandbox is deployed in place
            continue
        if path.startswith(".fabvisor/journal/"):               # only while a deploy runs
            path = str(Path(path).parent)
        assert list(root.glob(path)), path
    (listed,) = [line for line in shown.splitlines() if line.startswith(".fabvisor/<service>/")]
    for name in ("lock", "env", "history.jsonl"):
        assert name in listed
        assert (root / ".fabvisor" / "monitor" / name).is_file()


# --- hosts.yaml ---

@pytest.mark.parametrize("text", [*blocks("yaml", EVERYTHING), (CHECKOUT / "hosts.yaml").read_text()])
def test_readme_examples_load(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(text)
    inventory = loading.load(path)
    for name in inventory.environments:
        assert inventory.environment(name).targets or inventory.data["environments"][name].get("sandbox")


def test_commented_part_of_hosts_yaml_loads(tmp_path: Path) -> None:
    text = (CHECKOUT / "hosts.yaml").read_text()
    path = tmp_path / "hosts.yaml"
    path.write_text(re.sub(r"(?m)^  # ( *[\w.]+:)", r"  \1", text))
    assert "production" in loading.load(path).environments


KEYS = {
    "at the top": schema.File,
    "of a service": schema.Service,
    "of `health`": schema.Health,
    "of an environment": schema.Environment,
    "of a host": schema.Settings,
}


@pytest.mark.parametrize("heading", KEYS)
def test_every_key_is_documented(heading: str) -> None:
    keys = set(KEYS[heading].__struct_fields__)
    if heading == "of an environment":
        keys -= set(schema.Settings.__struct_fields__)
    listed = [key for row in table(heading) for key in coded(row[0])]
    assert sorted(listed) == sorted(keys)


@pytest.mark.parametrize(("heading", "kind"), [("of a host", model.Host), ("of `health`", model.Health)])
def test_documented_defaults_are_those_of_the_model(heading: str, kind: type[model.Host]) -> None:
    shown = {key: row[1].strip("`") for row in table(heading) for key in coded(row[0])}
    fields = zip(kind.__struct_fields__[-len(kind.__struct_defaults__):], kind.__struct_defaults__, strict=True)
    defaults = {name: default for name, default in fields if default is not None and name in shown}
    assert defaults
    assert {name: shown[name] for name in defaults} == {name: f"{default}" for name, default in defaults.items()}


# --- GitLab ---

@pytest.mark.parametrize("template", ["deploy", "status"])
def test_every_template_input_is_documented(template: str) -> None:
    header = next(iter(yaml.safe_load_all((CHECKOUT / f"templates/{template}.yml").read_text())))
    inputs = {name: one.get("default", "required") for name, one in header["spec"]["inputs"].items()}
    shown = {name: row[1] for row in table("input |") for name in coded(row[0])}
    if template == "deploy":
        assert set(shown) == set(inputs)
        told = {name: ", ".join(coded(row[1])) or row[1] for row in table("input |") for name in coded(row[0])[:1]}
        assert {name: str(inputs[name]).replace("'", "") or "none" for name in told if name != "project"} == {
            name: text for name, text in told.items() if name != "project"}
        assert told["project"] == f"{inputs['project']}, {inputs['ref']}"
    assert set(shown) - set(inputs) == ({"fetch", "tier"} if template == "status" else set())


# --- commands, options, exit codes, events ---

def own_options(name: str) -> set[str]:
    """Besides those that every command shares, and its argument."""
    command = namespace[name]
    arguments = {argument.name for argument in command.get_arguments()}
    return {name.replace("_", "-") for name in arguments - set(SHARED) - set(command.positional)}


# What `config` and `test` are short for.
WHOLE = {alias: name for name, aliases in namespace.task_names.items() for alias in [name, *aliases]}


def test_every_command_is_documented() -> None:
    listed = [text for row in table("command |") for text in coded(row[0])]
    assert sorted(WHOLE[text.split()[0]] for text in listed) == sorted(set(namespace.task_names) - OURS)
    assert [name for name in OURS if f"./fab {name.removesuffix('.all')}" not in CONTRIBUTING] == []
    assert [f"--{option}" for name in OURS for option in own_options(name)
            if not re.search(rf"--{option}\b", CONTRIBUTING)] == []
    takes_service = {WHOLE[text.split()[0]] for text in listed if text.endswith(" SERVICE")}
    assert takes_service == {name for name in namespace.task_names if "service" in namespace[name].positional}


def test_every_option_is_documented() -> None:
    of: dict[str, set[str]] = {}
    for row in table("option |"):
        commands = {WHOLE.get(name, name) for name in coded(row[1])}
        if row[1] == "every command":
            commands = set(namespace.task_names) - OURS
        for text in coded(row[0]):
            if text.startswith("--"):
                of[text.split()[0].removeprefix("--")] = commands
    expected: dict[str, set[str]] = {}
    for name in set(namespace.task_names) - OURS:
        shared = set(SHARED) & {argument.name for argument in namespace[name].get_arguments()}
        for option in own_options(name) | shared:
            expected.setdefault(option, set()).add(name)
    assert of == expected


def test_documented_exit_codes_are_those_of_the_code() -> None:
    def below(kind: type[_errors.FabvisorError]) -> set[int]:
        return {kind.exit_code}.union(*map(below, kind.__subclasses__()))

    listed = [int(code) for row in table("exit code |") for code in row[0].split(", ")]
    assert sorted(listed) == sorted({0, *below(_errors.FabvisorError), *results.SIGNALS})


NO_FIELDS = {"--watch", "status"}


def test_documented_events_are_those_of_the_code() -> None:
    kinds = {kind.__struct_config__.tag: kind for kind in events.Event.__subclasses__()}
    shown = {coded(row[0])[0]: [word for word in coded(row[1]) if word not in NO_FIELDS] for row in table("event |")}
    shown["plan"] = [word for row in table("field of a plan |") for word in coded(row[0])]
    result = list(events.Result.__struct_fields__)
    expected = {str(tag): list(kind.__struct_encode_fields__) for tag, kind in kinds.items()}
    expected["finished"].remove("extra")                        # its keys stand among the others
    expected["finished"] += result
    assert {name: sorted(fields) for name, fields in shown.items()} == {
        name: sorted(fields) for name, fields in expected.items()}


def test_documented_messages_and_actions_are_those_of_the_protocol() -> None:
    def listed(heading: str, columns: slice) -> set[str]:
        return {name for row in table(heading) for cell in row[columns] for name in coded(cell)}

    assert listed("the client's first message", slice(1)) == set(protocol.VERBS)
    assert listed("the client says later", slice(1)) == set(protocol.FURTHER)
    kinds = [kind.__annotations__["event"] for kind in get_args(protocol.HostMessage)]
    assert listed("a host says", slice(1)) == set(re.findall(r"\['(\w+)'\]", str(kinds)))
    assert listed("step | action", slice(1, 3)) == set(protocol.ARGUMENTS)


def test_documented_commands_can_be_typed() -> None:
    typed = [text for row in table("I want to |") for text in coded(row[1])]
    assert len(typed) > 9
    for line in typed:
        _, name, *rest = line.split()
        arguments = {argument.name for argument in namespace[name].get_arguments()}
        assert {word.removeprefix("--") for word in rest if word.startswith("--")} <= arguments, line


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_of_the_documentation_lead_somewhere(path: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", path.read_text()) if not link.startswith("http")]
    for link in links:
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target.read_text()), link


def anchors(text: str) -> set[str]:
    """As GitLab and GitHub make them of headings."""
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_paths_named_by_the_documentation_exist(path: Path) -> None:
    """Paths from the root of this repository; extending.md also names files that its reader makes."""
    ours = "|".join(["tasks", "tests", "docs", "templates", "completion"])
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text())
    named = set(re.findall(rf"`((?:{ours})/[\w./-]*)`(?!, new)", text))
    assert path.name != "architecture.md" or len(named) > 20
    assert [name for name in sorted(named) if not (CHECKOUT / name).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_tests_named_by_the_documentation_exist(path: Path) -> None:
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text())
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", text))
    assert path.name != "speed.md" or len(named) > 10
    sources = "".join(source.read_text() for source in (CHECKOUT / "tests").rglob("test_*.py"))
    assert [name for name in sorted(named) if not re.search(rf"def {name}\(", sources)] == []
