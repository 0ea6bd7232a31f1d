"""README.md and docs/ are true: their examples load, and their tables are those of the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from tasks import _errors, namespace
from tasks._options import SHARED
from tasks.executor import protocol
from tasks.inventory import loading, model
from tasks.inventory.document import schema
from tasks.rollout import events
from tasks.rollout.peers import results
from tests.support.pages import (
    ALL_PAGES,
    ARCHITECTURE,
    CHECKOUT,
    CONTRIBUTING,
    PAGES,
    blocks,
    coded,
    section,
    table,
    without_blocks,
)

OURS = {"test.all", "test.faults"}      # for those who work on Fabvisor: docs/contributing.md has them


# --- hosts.yaml ---

@pytest.mark.parametrize("text", [*blocks("yaml", ALL_PAGES), (CHECKOUT / "hosts.yaml").read_text()])
def test_documented_examples_load(text: str, tmp_path: Path) -> None:
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
    "of one of the `programs`": schema.OneProgram,
    "of one of the `files`": schema.ServiceFile,
    "of `health`": schema.Health,
    "of an environment": schema.Environment,
    "of `notify`": schema.Notification,
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
    assert {name: shown[name] for name in defaults} == {
        name: f"{default}".lower() for name, default in defaults.items()}


# --- GitLab ---

@pytest.mark.parametrize(("template", "lacks"), [("deploy", set()), (
    "status", {"tier", "fetch", "revision", "artifact", "artifacts_of", "git_strategy"})])
def test_every_template_input_is_documented(template: str, lacks: set[str]) -> None:
    header = next(iter(yaml.safe_load_all((CHECKOUT / f"templates/{template}.yml").read_text())))
    documented = {name for row in table("input |") for name in coded(row[0])}
    assert set(header["spec"]["inputs"]) == documented - lacks


def test_documented_defaults_are_those_of_the_template() -> None:
    header = next(iter(yaml.safe_load_all((CHECKOUT / "templates/deploy.yml").read_text())))
    inputs = {name: about.get("default", "required") for name, about in header["spec"]["inputs"].items()}
    for row in table("input |"):
        defaults = [str(inputs[name]).replace("'", "") or "none" for name in coded(row[0])]
        documented = coded(row[1]) or [row[1]] * len(defaults)
        assert documented == defaults, row


# --- commands, options, exit codes, events ---

def own_options(name: str) -> set[str]:
    """Besides those that every command shares, and its argument."""
    command = namespace[name]
    arguments = {argument.name for argument in command.get_arguments()}
    return {name.strip("_").replace("_", "-") for name in arguments - set(SHARED) - set(command.positional)}


# By the short forms `config` and `test`, too.
FULL_NAMES = {alias: name for name, aliases in namespace.task_names.items() for alias in [name, *aliases]}


def test_every_command_is_documented() -> None:
    listed = [text for row in table("command |") for text in coded(row[0])]
    assert sorted(FULL_NAMES[text.split()[0]] for text in listed) == sorted(set(namespace.task_names) - OURS)
    assert [name for name in OURS if f"./fab {name.removesuffix('.all')}" not in CONTRIBUTING] == []
    assert [f"--{option}" for name in OURS for option in own_options(name)
            if not re.search(rf"--{option}\b", CONTRIBUTING)] == []
    takes_service = {FULL_NAMES[text.split()[0]] for text in listed if text.endswith(" SERVICE")}
    assert takes_service == {name for name in namespace.task_names if "service" in namespace[name].positional}


def test_every_option_is_documented() -> None:
    documented: dict[str, set[str]] = {}
    for row in table("option |"):
        commands = {FULL_NAMES.get(name, name) for name in coded(row[1])}
        if row[1] == "every command":
            commands = set(namespace.task_names) - OURS
        for text in coded(row[0]):
            if text.startswith("--"):
                documented[text.split()[0].removeprefix("--")] = commands
    expected: dict[str, set[str]] = {}
    for name in set(namespace.task_names) - OURS:
        for option in own_options(name) | set(SHARED):
            expected.setdefault(option, set()).add(name)
    assert documented == expected


def test_documented_exit_codes_are_those_of_the_code() -> None:
    def below(kind: type[_errors.FabvisorError]) -> set[int]:
        return {kind.exit_code}.union(*map(below, kind.__subclasses__()))

    listed = [int(code) for row in table("exit code |") for code in row[0].split(", ")]
    assert sorted(listed) == sorted({0, *below(_errors.FabvisorError), *results.SIGNALS})


NO_FIELDS = {"--watch", "status"}


def test_documented_events_are_those_of_the_code() -> None:
    kinds = {kind.__struct_config__.tag: kind for kind in events.Event.__subclasses__()}
    documented = {coded(row[0])[0]: [word for word in coded(row[1]) if word not in NO_FIELDS]
                  for row in table("event |")}
    documented["plan"] = [word for row in table("field of a plan |") for word in coded(row[0])]
    result = list(events.Result.__struct_fields__)
    expected = {str(tag): list(kind.__struct_encode_fields__) for tag, kind in kinds.items()}
    expected["finished"].remove("extra")                        # its keys stand among the others
    expected["finished"] += result
    assert {name: sorted(fields) for name, fields in documented.items()} == {
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
        arguments = {argument.name.strip("_") for argument in namespace[name].get_arguments()}
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
    named = set(re.findall(rf"`((?:{ours})/[\w./-]*)`(?!, new)", without_blocks(path.read_text())))
    assert path.name != "architecture.md" or len(named) > 20
    assert [name for name in sorted(named) if not (CHECKOUT / name).exists()] == []


def test_architecture_page_has_a_row_for_each_folder_and_each_file_of_the_door() -> None:
    packages = {path.parent for path in (CHECKOUT / "tasks").rglob("__init__.py")} - {CHECKOUT / "tasks"}
    door = (CHECKOUT / "tasks").glob("_[!_]*.py")
    rows = re.findall(r"(?m)^\| `(tasks/[\w/.]+)`", section("The folders", ARCHITECTURE))
    assert {row.rstrip("/") for row in rows} >= {str(path.relative_to(CHECKOUT)) for path in (*packages, *door)}


def test_tests_named_by_the_documentation_exist() -> None:
    named = {name for path in PAGES for name in re.findall(r"`(test_[a-z0-9_]+)`", without_blocks(path.read_text()))}
    assert len(named) > 10
    sources = [source.read_text() for source in (CHECKOUT / "tests").rglob("test_*.py")]
    assert named - {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)} == set()


def test_page_of_services_names_each_server_that_takes_a_socket() -> None:
    """Those that tests/integration/test_socket_servers.py deploys."""
    page = (CHECKOUT / "docs/services.md").read_text()
    for words in ("gunicorn -b fd://0", "uvicorn --fd 0", "net.FileListener(os.Stdin)", "listen({fd: 0})"):
        assert words in page
