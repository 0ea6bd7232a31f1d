"""The architecture (design, section 5): who imports what, who prints, who quotes. Read from the sources."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.sources import ROOT, TASKS, nodes, sources, tree

# run elsewhere, not in our process
SENT = ("tasks/executor/", "tasks/remote/sent_executor/_loader.py", "tasks/embedded/example/")
NOUNS = ("inventory", "pipelines", "adoption", "rollout", "program", "mirror", "remote", "executor", "reports",
         "embedded", "provision", "notification")

# What each folder may import of ours, when it runs (imports for type checkers aside); besides, what is everybody's.
MAY = {
    "inventory": {"inventory"},
    "pipelines": {"pipelines", "inventory"},
    "adoption": {"adoption", "inventory", "program", "rollout"},        # rollout/protocol: what a host told
    "program": {"program", "inventory"},            # inventory/model: the service that is written down
    "rollout": {"rollout", "inventory", "program", "mirror", "remote"},
    "mirror": {"mirror", "inventory"},              # inventory/secret, inventory/urls: a login of the git server
    "remote": {"remote", "inventory"},
    "reports": {"reports", "rollout"},              # rollout/events
    "embedded": {"embedded", "inventory", "program"},       # program/supervisord_conf
    "provision": {"provision", "rollout", "program", "inventory"},
    "notification": {"notification", "reports", "rollout", "inventory"},
    "executor": {"executor"},
}
# The protocol's page is everybody's: both ends of the wire read the same.
PROTOCOL = "tasks.executor.protocol"
# The process table is the same on a host and in the sandbox.
PROCESSES = "tasks.executor.system.processes"
# Quoting happens in one module, which needs no other.
QUOTING = "tasks.program.quoting"
# A build of the client, and a git that is fed, run as those of a host do: by the same code.
COMMANDS = {"tasks/rollout/commits/local_commands.py": ("tasks.executor.system.shell", "tasks.executor.masking"),
            "tasks/mirror/git.py": ("tasks.executor.system.shell", "tasks.executor.git.server_errors",
                                    "tasks.executor.git.server_remedies", "tasks.executor.git.version"),
            "tasks/mirror/credentials.py": ("tasks.executor.git.environment",),
            "tasks/mirror/mirror.py": ("tasks.executor.git.object_format",),
            "tasks/mirror/current_folder.py": ("tasks.executor.git.server_errors",),
            "tasks/remote/task_connection.py": ("tasks.executor.masking",)}
# Packages that only one place may import.
ONLY = {
    "fabric": ("tasks/remote/", "tasks/_launch.py", "tasks/_fabric_program.py"), "paramiko": ("tasks/remote/",),
    "rich": ("tasks/reports/",),
    "asyncssh": ("tasks/embedded/",),
    "yaml": ("tasks/inventory/", "tasks/pipelines/", "tasks/adoption/", "tasks/_light_imports.py"),
    "jsonschema": ("tasks/inventory/",), "supervisor": ("tasks/embedded/",), "dotenv": ("tasks/inventory/",),
    # values only tries to split a command, masking splits what quoting has quoted
    "shlex": ("tasks/program/quoting.py", "tasks/executor/quoting.py", "tasks/inventory/rules/values.py",
              "tasks/suite.py", "tasks/executor/masking.py", "tasks/remote/host_keys/known_hosts_command.py",
              "tasks/executor/state/program_owner.py", "tasks/executor/supervisor/program_sections.py",
              "tasks/executor/program/process_check.py"),
}
# The error boundary hands the streams to the reports; the launcher answers a shell that completes a line.
STREAMS = ("tasks/_command.py", "tasks/_launch.py")
# The verbs and their helpers speak Invoke.
INVOKE = ("tasks/_namespace.py", "tasks/_command.py", "tasks/_completion.py", "tasks/_program.py", "tasks/_on_hosts.py",
          "tasks/_own_task_errors.py", "tasks/_launch.py", "tasks/_fabric_program.py",
          "tasks/_help.py", "tasks/_wrong_words.py", "tasks/_typed_words.py", "tasks/_fabfile_errors.py",
          "tasks/remote/task_runner.py",            # how commands of a team's own tasks run
          *(f"tasks/{path.name}" for path in TASKS.glob("[a-z]*.py")))
PURE = ("tasks/deploy.py", "tasks/rollout/goal.py", "tasks/rollout/steps.py", "tasks/rollout/facts.py",
        "tasks/program/files.py", "tasks/program/quoting.py",
        *(f"tasks/rollout/{folder}/{path.name}" for folder in ("recipe", "plan")
          for path in TASKS.glob(f"rollout/{folder}/[a-z]*.py")))


# What `fab --list` imports: the verbs, what they share, and the faces.
VERBS = [path for path in TASKS.glob("*.py")
         if path.name not in ("__init__.py", "_launch.py", "_light_imports.py", "_program.py")]


class Import(NamedTuple):
    file: str
    line: int
    module: str
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.module}"


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def imports_of(path: Path) -> list[Import]:
    """Every import, at whatever depth; relative ones made absolute."""
    package = [*path.relative_to(ROOT).with_suffix("").parts[:-1]]

    typing_only = {inside for node in nodes(path) if isinstance(node, ast.If) and isinstance(node.test, ast.Name)
                   and node.test.id == "TYPE_CHECKING" for statement in node.body for inside in ast.walk(statement)}
    found = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [Import(name(path), node.lineno, alias.name, node in typing_only) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found += [Import(name(path), node.lineno, f"{base}.{alias.name}", node in typing_only)
                      for alias in node.names]
    return found


@functools.cache
def imports() -> list[Import]:
    return [one for path in sources() for one in imports_of(path)]


def nothing(found: list[object]) -> None:
    assert not found, "\n" + "\n".join(map(str, found))


def test_import_reader_sees_every_kind_of_import() -> None:
    """A check that finds nothing because it looks at nothing is none."""
    modules = {one.module for one in imports()}
    assert {"fabric", "yaml", "shlex", "asyncssh", "rich.live.Live", "tasks.rollout.protocol"} <= modules
    assert any(one.typing_only for one in imports())


@pytest.mark.parametrize("package", ONLY)
def test_package_is_imported_only_in_its_place(package: str) -> None:
    nothing([one for one in imports()
             if one.module.split(".")[0] == package and not one.file.startswith(ONLY[package])])


def test_only_verbs_import_invoke() -> None:
    nothing([one for one in imports() if one.module.split(".")[0] == "invoke" and one.file not in INVOKE])


@pytest.mark.parametrize("noun", NOUNS)
def test_folder_imports_only_the_folders_before_it(noun: str) -> None:
    """hosts.yaml → inventory → selection → coordinator ⇄ conversation; events → reports. No folder imports a verb."""
    mine = [one for one in imports() if one.file.startswith(f"tasks/{noun}/") and one.module.startswith("tasks.")
            and not one.file.startswith(SENT[1:])]
    allowed = MAY[noun] | {"_errors", "_lazy", "_version", "_user_folders", "_temporary_folder"}
    mine = [one for one in mine if not one.module.startswith((PROTOCOL, PROCESSES, QUOTING))
            and not one.module.startswith(COMMANDS.get(one.file, ()))]
    nothing([one for one in mine if one.module.split(".")[1] not in allowed and not one.typing_only])


def test_no_file_imports_itself_by_way_of_others() -> None:
    """Not for its types, either: of two files one is read first. The face of a folder is no file of its own."""
    files = {name(path)[:-len(".py")].replace("/", "."): name(path) for path in sources()}
    imported: dict[str, set[str]] = {file: set() for file in files.values()}
    for one in imports():
        module = one.module if one.module in files else one.module.rpartition(".")[0]
        imported[one.file] |= {files[module]} - {one.file} if module in files else set()
    graphlib.TopologicalSorter(imported).prepare()          # raises CycleError, which names the files


def rooms_of(folder: str) -> dict[str, set[str]]:
    """Of a folder with folders in it: what each of these imports of the others, by name."""
    rooms = {path.name for path in (TASKS / folder).iterdir() if (path / "__init__.py").is_file()}
    imported: dict[str, set[str]] = {room: set() for room in rooms}
    for one in imports():
        room = one.file.removeprefix(f"tasks/{folder}/").partition("/")[0]
        if one.file.startswith(f"tasks/{folder}/") and room in rooms:
            imported[room] |= rooms.intersection(one.module.split(".")[2:3]) - {room}
    return imported


@pytest.mark.parametrize("folder", ["executor", "inventory", "remote", "reports", "rollout"])
def test_folders_in_a_folder_form_no_circle(folder: str) -> None:
    """The files beside them are below all of them, as `errors` and `events`, or above, as `main` and `loading`."""
    rooms = rooms_of(folder)
    assert any(rooms.values())
    graphlib.TopologicalSorter(rooms).prepare()


def test_files_beside_the_folders_of_rollout_are_below_all_of_them() -> None:
    rooms = {f"tasks.rollout.{room}" for room in rooms_of("rollout")}
    nothing([one for one in imports() if re.fullmatch(r"tasks/rollout/[a-z]\w*\.py", one.file)
             and ".".join(one.module.split(".")[:3]) in rooms])


def test_rollout_imports_no_verb_and_no_report() -> None:
    """Not while it runs, and of the verbs not even their types."""
    verbs = {path.stem for path in TASKS.glob("[a-z]*.py")}
    mine = [one for one in imports() if one.file.startswith("tasks/rollout/") and one.module.startswith("tasks.")]
    nothing([one for one in mine if one.module.split(".")[1] in verbs
             or (one.module.split(".")[1] == "reports" and not one.typing_only)])


def test_only_the_sandbox_imports_the_embedded_hosts() -> None:
    known = ("tasks/embedded/", "tasks/sandbox.py", "tasks/_context.py")     # _context starts it
    nothing([one for one in imports() if one.module.startswith("tasks.embedded") and not one.file.startswith(known)])


def test_executor_imports_only_the_standard_library() -> None:
    """The standard library and itself, by relative imports: on the host it is the package `executor`."""
    mine = [one for one in imports() if one.file.startswith("tasks/executor/")]
    assert mine
    nothing([one for one in mine if one.module.split(".")[0] not in sys.stdlib_module_names
             and not one.module.startswith("tasks.executor")])
    absolute = [f"{name(path)}:{node.lineno}" for path in sources() if name(path).startswith("tasks/executor/")
                for node in nodes(path)
                if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("tasks"))
                or (isinstance(node, ast.Import) and any(alias.name.startswith("tasks") for alias in node.names))]
    nothing(absolute)
    nothing([one for one in imports() if one.module.startswith("tasks.executor")
             and not one.file.startswith("tasks/executor/") and not one.module.startswith(PROTOCOL)
             and not (one.file == "tasks/embedded/processes.py" and one.module.startswith(PROCESSES))
             and not one.module.startswith(COMMANDS.get(one.file, ()))])


def test_only_reports_print() -> None:
    """Everybody else makes events. The error boundary hands both streams to the reports, and writes to neither."""
    found = []
    for path in sources():
        if name(path).startswith(("tasks/reports/", *SENT)):
            continue
        for node in nodes(path):
            if not isinstance(node, ast.expr):
                continue
            prints = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            stream = isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr", "__stdout__", "__stderr__") \
                and isinstance(node.value, ast.Name) and node.value.id == "sys"
            if prints or (stream and name(path) not in STREAMS):
                found.append(f"{name(path)}:{node.lineno}")
            if isinstance(node, ast.Attribute) and node.attr in ("write", "writelines") and ast.dump(
                    node.value).count("'sys'") and name(path) != "tasks/_launch.py":
                found.append(f"{name(path)}:{node.lineno}")
    nothing(found)


@pytest.mark.parametrize("file", PURE)
def test_planning_is_pure(file: str) -> None:
    """Values in, steps out: no connection, no disk, no clock, no chance."""
    impure = {"os", "subprocess", "time", "datetime", "random", "socket", "pathlib", "threading", "tempfile", "shutil",
              "sys", "secrets", "uuid", "urllib", "io", "signal"}
    path = ROOT / file
    nothing([one for one in imports_of(path) if one.module.split(".")[0] in impure])
    calls = [f"{file}:{node.lineno}: {node.func.id}()" for node in nodes(path)
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
             and node.func.id in ("open", "input", "print")]
    nothing(calls)


@pytest.mark.promise(7)
def test_secret_is_revealed_in_six_places() -> None:
    """The places that encode the message for the channel, give git and hooks on this machine their environment, write
    the file of an adopted host's secrets, call a webhook, and give sudo of a team's own task its password."""
    users = [one for one in imports() if one.module == "tasks.inventory.secret.reveal"]
    assert [one.file for one in users] == ["tasks/adoption/files.py", "tasks/mirror/credentials.py",
                                           "tasks/notification/webhook.py", "tasks/remote/session.py",
                                           "tasks/remote/task_connection.py", "tasks/rollout/commits/local_commands.py"]
    nothing([f"{name(path)}:{node.lineno}" for path in sources() if name(path) != "tasks/inventory/secret.py"
             for node in nodes(path)
             if isinstance(node, ast.Attribute) and node.attr == "_text"])


def test_recipe_of_a_deploy_fits_on_one_page() -> None:
    recipe = next(node for node in tree(TASKS / "deploy.py").body
                  if isinstance(node, ast.FunctionDef) and node.name == "recipe")
    assert (recipe.end_lineno or 0) - recipe.lineno < 25


def python(folder: Path, code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_import_at_the_top_and_folders_by_their_faces() -> None:
    inside = [f"{name(path)}:{node.lineno}" for path in VERBS for function in nodes(path)
              if isinstance(function, ast.FunctionDef) for node in ast.walk(function)
              if isinstance(node, (ast.Import, ast.ImportFrom))]
    nothing(inside)
    files = {name(path) for path in VERBS}
    nothing([one for one in imports() if one.file in files and not one.typing_only and one.module.count(".") > 1
             and one.module.split(".")[1] in NOUNS and not one.module.startswith(PROTOCOL)])


def face(folder: Path) -> set[str]:
    """The modules and folders of a folder that its __init__ lists."""
    return {one.module.rpartition(".")[2] for one in imports_of(folder / "__init__.py") if one.typing_only}


FACES = sorted(path.parent.relative_to(TASKS).as_posix() for path in TASKS.glob("*/**/__init__.py")
               if face(path.parent))


@pytest.mark.parametrize("folder", FACES)
def test_folder_is_used_by_its_face_alone(folder: str) -> None:
    """Its __init__ lists the modules that others may use. The folders of one noun are at home in each other."""
    package, home = f"tasks.{folder.replace('/', '.')}", f"tasks/{folder.partition('/')[0]}/"
    listed = face(TASKS / folder)
    assert listed <= {path.stem for path in (TASKS / folder).iterdir()}
    nothing([one for one in imports() if one.module.startswith(f"{package}.") and not one.file.startswith(home)
             and one.module.removeprefix(f"{package}.").split(".")[0] not in listed])


def test_each_folder_but_the_executor_has_a_face() -> None:
    assert {*FACES} >= {*NOUNS} - {"executor"}


@pytest.mark.usefixtures("whole_suite")
def test_tasks_folder_can_bear_another_name(tmp_path: Path) -> None:
    """It is installed as `fabvisor`: each face gives its modules and no others, and each module is imported, where no
    `tasks` is."""
    shutil.copytree(TASKS, tmp_path / "fabvisor", ignore=shutil.ignore_patterns("*.pyc.*"))
    faces = {f"fabvisor.{folder.replace('/', '.')}": sorted(face(TASKS / folder)) for folder in FACES}
    lines = python(tmp_path, f"""
import pkgutil, importlib, fabvisor
for package, names in {faces}.items():
    folder = importlib.import_module(package)
    print(package, *(getattr(folder, name).__name__ for name in names), hasattr(folder, "nowhere"))
for module in pkgutil.walk_packages(fabvisor.__path__, "fabvisor."):
    if not module.name.startswith(("fabvisor.embedded.example", "fabvisor.executor.")):
        importlib.import_module(module.name)
        print(module.name)
""").splitlines()
    assert lines[:len(faces)] == [" ".join([package, *(f"{package}.{name}" for name in names), "False"])
                                  for package, names in faces.items()]
    assert {"fabvisor.rollout.transaction.coordinator", "fabvisor.reports.console.terminal"} <= set(lines)


def test_no_module_of_tasks_names_the_folder() -> None:
    """Not in an import, and not in a string that names a module."""
    nothing([f"{name(path)}:{node.lineno}" for path in sources() for node in nodes(path)
             if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] == "tasks")
             or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "tasks" for alias in node.names))
             or (isinstance(node, ast.Constant) and isinstance(node.value, str)
                 and re.fullmatch(r"tasks(\.\w+)+", node.value))])


def test_private_parts_of_paramiko_are_used_in_one_folder() -> None:
    """An upgrade of paramiko has one folder to look at."""
    internal = {"paramiko.agent", "paramiko.auth_handler", "paramiko.channel", "paramiko.common", "paramiko.message",
                "paramiko.packet", "paramiko.transport"}
    others = [path for path in sources() if name(path).startswith("tasks/remote/")
              and path.parent.name != "paramiko_private"]
    nothing([one for path in others for one in imports_of(path) if one.module.rpartition(".")[0] in internal])
    nothing([f"{name(path)}:{node.lineno}: {node.attr}" for path in others for node in nodes(path)
             if isinstance(node, ast.Attribute)
             and (node.attr == "packetizer" or re.match(r"_[a-z]", node.attr))
             and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "session"))])


CHANGES = {"append", "add", "update", "setdefault", "pop", "popitem", "clear", "extend", "insert", "remove", "discard"}


def changed_in(inside: Iterable[ast.AST]) -> Iterator[ast.Name]:
    """The names of the values that are changed there, not bound anew."""
    for node in inside:
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
            changed = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            changed = node.func.value
        else:
            continue
        if isinstance(changed, ast.Name):
            yield changed


def changed_values_of(module: Sequence[ast.AST]) -> list[int]:
    """The lines where a function changes a value of its module; `module`: all of its nodes, itself first."""
    values = {target.id for statement in ast.iter_child_nodes(module[0])
              if isinstance(statement, (ast.Assign, ast.AnnAssign)) for target in ast.walk(statement)
              if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)}
    lines = [node.lineno for node in module if isinstance(node, ast.Global)]
    if values.isdisjoint(name.id for name in changed_in(module)):       # of nearly all modules
        return lines
    for function in module:
        if isinstance(function, (ast.FunctionDef, ast.Lambda)):
            inside = [*ast.walk(function)]
            own = {node.arg for node in inside if isinstance(node, ast.arg)} | {
                node.id for node in inside if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
            lines += [name.lineno for name in changed_in(inside) if name.id in values - own]
    return lines


def test_no_module_keeps_what_changes_while_a_command_runs() -> None:
    """What a command learns is in its own values: two in one process do not meet."""
    nothing([f"{name(path)}:{line}" for path in sources() for line in changed_values_of(nodes(path))])


@pytest.mark.parametrize("line", ["global seen; seen = 1", "SEEN[1] = 2", "SEEN.append(1)", "del SEEN[0]"])
def test_change_of_a_value_of_the_module_is_noticed(line: str) -> None:
    taken = line.replace("global seen; ", "")
    for argument, lines in (("", [3]), ("SEEN", [])):
        module = ast.parse(f"SEEN = []\ndef note({argument}):\n    {taken if argument else line}\n")
        assert changed_values_of([*ast.walk(module)]) == lines
