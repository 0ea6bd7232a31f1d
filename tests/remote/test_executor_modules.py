"""A host gets the modules of its verb, all that they import, and no others."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tasks.executor.protocol import Verb
from tasks.executor.sudo.sudo_access import HELPER
from tasks.remote.sent_executor.bootstrap import EXECUTOR
from tasks.remote.sent_executor.executor_modules import of_verb
from tests.test_layers import imports_of

VERBS: tuple[Verb, ...] = get_args(Verb)
MODULES = {".".join(path.relative_to(EXECUTOR.parents[1]).with_suffix("").parts).removesuffix(".__init__")
           for path in EXECUTOR.rglob("*.py")}
# In one process: for each verb, import all that is sent for it from what is sent, compiled once.
IMPORT_ALL = """
import functools, sys
from importlib.machinery import SourceFileLoader
from tasks.remote.sent_executor._loader import Finder
from tasks.remote.sent_executor.executor_modules import of_verb
from tasks.remote.sent_executor.bootstrap import EXECUTOR

@functools.cache
def compiled(path):
    return SourceFileLoader(path.stem, str(path)).get_code(path.stem)       # of Python's cache, where it is there

for verb in sys.argv[1:]:
    modules = {name: compiled(path) for name, path in of_verb(verb, EXECUTOR).items()}
    del modules["executor.sudo.sudo_start"]          # a script, of root's interpreter
    sys.meta_path.insert(0, Finder([*modules], iter([modules])))
    for name in modules:
        __import__(name)
    del sys.meta_path[0]
    for name in modules:
        del sys.modules[name]
"""


# For a verb: import what is imported first, of pieces of one module each; nothing is taken that is not needed yet.
IMPORT_FIRST = """
import sys
from tasks.executor.protocol import VERB_FUNCTIONS
from tasks.remote.sent_executor._loader import Finder
from tasks.remote.sent_executor.executor_modules import of_verb
from tasks.remote.sent_executor.bootstrap import EXECUTOR

for verb in sys.argv[1:]:
    files = of_verb(verb, EXECUTOR)
    finder = Finder([*files], ({name: path.read_text()} for name, path in files.items()))
    sys.meta_path.insert(0, finder)
    for name in ("main", VERB_FUNCTIONS[verb][0]):
        __import__("executor." + name)
        early = finder.modules.keys() - sys.modules.keys()
        assert not early, (verb, early)
    del sys.meta_path[0]
    for name in finder.modules:
        del sys.modules[name]
"""


@functools.cache
def sent(verb: Verb) -> set[str]:
    return {f"tasks.{name}" for name in of_verb(verb, EXECUTOR)}


@functools.cache
def imported(path: Path) -> set[str]:
    """Modules of the executor that this file imports when it runs, in functions, too."""
    names = [each.module for each in imports_of(path) if not each.typing_only]
    return MODULES & {part for name in names for part in (name, name.rpartition(".")[0])}


@pytest.mark.parametrize("verb", VERBS)
def test_every_import_of_a_sent_module_is_sent(verb: Verb) -> None:
    missing = {f"{name}: {module}" for name, path in of_verb(verb, EXECUTOR).items()
               for module in imported(path) - sent(verb)}
    assert not missing


@pytest.mark.parametrize("verb", VERBS)
def test_modules_of_the_sudo_helper_are_sent(verb: Verb) -> None:
    """Also where `sudo` is false: the journal of an interrupted deploy may ask for it."""
    assert {f"tasks.{name}" for name in (*HELPER, "executor.sudo.sudo_start")} <= sent(verb)


def test_sudo_helper_has_all_modules_that_it_imports() -> None:
    files = of_verb("rollout", EXECUTOR)
    missing = {f"{name}: {module}" for name in HELPER
               for module in imported(files[name]) - {f"tasks.{each}" for each in HELPER}}
    assert not missing


def test_sent_modules_are_imported_without_the_others() -> None:
    subprocess.run([sys.executable, "-c", IMPORT_ALL, *VERBS], check=True, timeout=60, cwd=EXECUTOR.parents[1])


def test_modules_are_sent_in_the_order_of_their_imports() -> None:
    subprocess.run([sys.executable, "-c", IMPORT_FIRST, *VERBS], check=True, timeout=60, cwd=EXECUTOR.parents[1])


@pytest.mark.parametrize(("verb", "modules"), [
    ("rollout", {"verbs.doctor", "verbs.setup", "adoption.adopt", "checks", "logs.logs", "verbs.plan"}),
    ("status", {"verbs.participant", "transaction", "steps", "verbs.doctor", "logs.logs", "verbs.plan"}),
    ("logs", {"verbs.participant", "steps", "verbs.doctor", "verbs.queries"}),
    ("adopt", {"verbs.participant", "transaction", "steps", "verbs.doctor"})])
def test_modules_of_other_verbs_are_not_sent(verb: Verb, modules: set[str]) -> None:
    assert not {f"tasks.executor.{name}" for name in modules} & sent(verb)


def test_a_host_may_be_asked_for_its_commits_in_a_deploy() -> None:
    assert sent("heads") <= sent("rollout") and sent("heads") <= sent("plan")


def test_every_module_is_sent_for_some_verb() -> None:
    assert set().union(*map(sent, VERBS)) == MODULES
