"""Starts the program with these commands, sooner than `fab` does. `./fab` and the package's `fabvisor` start here.

Each trick names its gain: processor time of `fab config monitor`, the least of 14 runs with and without it in turns.
It took 102 ms with all of them, and `fab --list` 71 ms.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from collections.abc import Iterator

from . import _light_imports


def main() -> None:
    """The command `fab`, or `fabvisor`, with the words of sys.argv."""
    code: int | None = None
    _open_closed_streams()
    _put_own_packages_first()
    atexit.register(lambda: _leave(code))       # it is registered before all else, so it runs last
    try:
        _run()
        code = 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            code = end.code or 0
        raise


def _leave(code: int | None) -> None:
    """25 ms of a deploy: the kernel frees all memory at once, and Python one object after the other. `code`: the
    exit code; None where the interpreter's own end must tell what went wrong."""
    if code is None or not _all_tasks_are_ours():
        gc.unfreeze()           # else that end writes out no file that a team's own module left open
        return
    with contextlib.suppress(Exception):        # of a stream that cannot be written, it tells
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _open_closed_streams() -> None:
    """After `>&-` Python has no such stream, and the next file or connection would be taken for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), mode))      # noqa: SIM115 (open to the end)


def _put_own_packages_first() -> None:
    """What PYTHONPATH names comes behind them: ROS sets it, and jobs do, and other versions of the same packages lie
    there."""
    if os.environ.get("PYTHONPATH"):
        theirs = {*map(os.path.abspath, os.environ["PYTHONPATH"].split(os.pathsep))}
        sys.path[1:] = sorted(sys.path[1:], key=theirs.__contains__)


def _run() -> None:
    _light_imports.know_versions()
    with _no_garbage_collection(), _light_imports.no_mock(), _light_imports.one_yaml():
        from . import _completion, _namespace
        from ._installation import COMMAND, IS_CHECKOUT

        if "--complete" in sys.argv[1:]:        # Fabric's own knows names of tasks and options only
            _show(_completion.answer(_namespace.namespace, sys.argv, os.environ))
            return
        if sys.argv[1:2] == ["--print-completion-script"] and not IS_CHECKOUT:
            _show(_completion.script(*sys.argv[2:3]))
            return
        words = [word for word in sys.argv[1:] if not word.startswith("--search-root=")]     # of ./fab
        if words in ([], ["-h"], ["--help"]):               # Fabric's own begins with what is refused here
            from . import _help

            _show(_help.text(_namespace.namespace))
            return
        if any(not word.startswith("-") for word in words):         # each command takes it
            with _light_imports.no_typing_extensions(), _light_imports.no_platform():
                import msgspec  # noqa: F401
        import invoke.main

        from ._program import NeedsFabric, Program
    command = [COMMAND, *_write_pyc(), *sys.argv[1:]]
    invoke.main.program = program = Program()               # where commands look for the options that were typed
    with contextlib.suppress(NeedsFabric):
        program.run(command)
        return
    _run_with_fabric(command)


def _show(text: str) -> None:
    from .reports.stream import show_text

    show_text(text)


def _run_with_fabric(command: list[str]) -> None:
    """40 ms of `fab config`: importing it takes so long, and few command lines need it."""
    import fabric.main
    import invoke.main

    from ._fabric_program import FabricProgram

    invoke.main.program = fabric.main.program = program = FabricProgram()
    program.run(command)


def _all_tasks_are_ours() -> bool:
    """Then no other module can hold what must be written at the end."""
    from ._running_program import running_program

    program = running_program()
    if not hasattr(program, "collection"):      # it read no tasks, or was stopped by one of their modules
        return False
    names = program.collection.task_names
    return all(program.collection[name].body.__module__.startswith(f"{__package__}.") for name in names)


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """40 ms: what is imported lives until the end, and what a command makes is little."""
    gc.disable()
    yield
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


def _write_pyc() -> list[str]:
    """30 ms, and up to 75 ms of a deploy: without this option Invoke switches Python's cache of compiled code off."""
    return [] if os.environ.get("PYTHONDONTWRITEBYTECODE") else ["--write-pyc"]
