"""Starts the executor in an interpreter on the host: it comes by standard input, for the length of one command.

The command line stays short and has no character that any login shell (bash, dash, zsh, fish, tcsh) would touch.
"""

from __future__ import annotations

import marshal
import re
import threading
import zlib
from functools import cache, cached_property
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

from ..._errors import Mistake
from ...executor.protocol import Verb
from . import executor_modules, program_cache

OLDEST = (3, 8)
OURS = MAGIC_NUMBER.hex()                   # the kind of code that this interpreter compiles to
ANY = "any"                                 # the kind of interpreter that runs sources
PIECE = 64_000                              # bytes of sources; 18 KB are sent
FORMAT = 4                                  # of marshal: from Python 3.4 on all read it
# Where a login starts another shell (`exec zsh` in ~/.bashrc), that one reads our program as commands: only this one.
SHELL_STATUS = 97
FOR_SHELLS = b"exit %d\n" % SHELL_STATUS
EXECUTOR = Path(__file__).parents[2] / "executor"
LOADER = Path(__file__).with_name("_loader.py")
# What decides about the bytes beside the sources that are sent.
PACKERS = (LOADER, Path(__file__), Path(executor_modules.__file__), Path(__file__).with_name("compact_code.py"))
# What a deploy takes of Python's library: imported while the program is on its way.
AHEAD = ("_socket,configparser,contextlib,glob,json,queue,shutil,subprocess,threading,typing,"
         "xml.parsers.expat")

# One line; also Python 2.7 and 3.6 must be able to read it, to say that they are too old. The first thing it
# prints is a line break, so that a banner without one does not swallow the first message: the interpreter's kind
# of compiled code (see Program).
CODE = (
    'import sys;sys.path[:1]==[""] and sys.path.pop(0);v=sys.version_info[:3];w=sys.stdout;w.write(chr(10));'
    f'v<{OLDEST} and (w.write("""{{"event":"unusable","why":"python %d.%d.%d is older than '
    f'{OLDEST[0]}.{OLDEST[1]}"}}"""%v+chr(10)),w.flush(),sys.exit(3));'
    'k=__import__("_frozen_importlib_external").MAGIC_NUMBER.hex();'
    'w.write("""{"interpreter":"%s"}"""%k+chr(10));w.flush();'
    # What is imported lives until the end: to look for garbage meanwhile takes 4 ms.
    '__import__("gc").set_threshold(50000);'
    # shutil would import them for archives, of which we have none: 1.5 ms.
    'sys.modules.update(bz2=None,lzma=None);'
    f'import {AHEAD},marshal,zlib;i=sys.stdin.buffer;'
    # The line for shells is passed over: `read x` in a ~/.bashrc may have taken it. So is a program that was compiled
    # for another interpreter, with the few messages behind it; sources follow.
    'p=(marshal.loads(zlib.decompress(d)) for l in (i.readline() for _ in range(99)) if l[:8]==b"program " '
    'for _,n,c in [l.split()] for d in [i.read(int(n))] if c in (b"any",k.encode()));'
    'm=next(p);exec(m["loader"]);run(m["names"],p)'
)


def command(python: str) -> str:
    """The text for the login shell. `~/` is the host user's home. Raises Mistake for a path that cannot be quoted."""
    if not python or python.startswith("-") or re.search(r"['\"\\!\x00-\x1f]", python):
        raise Mistake(f"python: {python!r} cannot be an interpreter's path", "see hosts.yaml")
    path = f"~/'{python[2:]}'" if python.startswith("~/") else f"'{python}'"
    # -I would do, but Python 2.7 does not know it; the code takes the current folder out of sys.path itself.
    # -X utf8: names of files and branches are UTF-8, whatever the locale of the login is.
    return f"exec {path} -X utf8 -u -E -s -S -c '{CODE}'"


class Program:
    """The modules of `folder` that a verb needs, as package `executor`, and their loader: a line for shells, then
    pieces. Each is a line with its length and the kind of interpreter, and so many bytes of zlib.

    For an interpreter like ours they are sent as compiled code, which spares the host two thirds of the start; for
    any other as sources, which are half the size. What makes both is seldom needed: what was packed is kept.
    An interpreter passes over what is compiled for another kind, and waits for sources.
    """

    def __init__(self, verb: Verb, folder: Path = EXECUTOR) -> None:
        self._verb = verb
        self._folder = folder
        self._lock = threading.Lock()

    def __call__(self, interpreter: str = "") -> bytes:
        """From any thread: those that come while it is made wait, instead of making it, too."""
        with self._lock:
            return self._compiled if interpreter == OURS else self._sources

    @cached_property
    def _sources(self) -> bytes:
        return program_cache.kept(f"{self._verb}-sources", self._folder, PACKERS, self._pack_sources)

    @cached_property
    def _compiled(self) -> bytes:
        return program_cache.kept(f"{self._verb}-{OURS}", self._folder, PACKERS, self._pack_compiled)

    def _modules(self) -> dict[str, Path]:
        return {"loader": LOADER, **executor_modules.of_verb(self._verb, self._folder)}

    def _pack_sources(self) -> bytes:
        from .compact_code import source

        return packed({name: source(path) for name, path in self._modules().items()}, ANY)

    def _pack_compiled(self) -> bytes:
        from .compact_code import compiled

        return packed({name: compiled(path) for name, path in self._modules().items()}, OURS)


program = cache(Program)


def packed(modules: dict[str, Any], kind: str) -> bytes:
    """`modules`: the source or the code of each by its name; that of the loader, too, as `loader`. `kind`: of the
    interpreter that can run them."""
    others = {name: module for name, module in modules.items() if name != "loader"}
    first = {"loader": modules["loader"], "names": [*others]}
    pieces = [others] if kind != ANY else _pieces(others)
    return FOR_SHELLS + b"".join(_piece(each, kind) for each in (first, *pieces))


def _pieces(modules: dict[str, Any]) -> list[dict[str, Any]]:
    """Sources: the host compiles those of a piece while the next is on its way. Code is one piece, which shares names.
    """
    pieces: list[dict[str, Any]] = [{}]
    room = PIECE
    for name, source in modules.items():
        if room < 0:
            pieces.append({})
            room = PIECE
        pieces[-1][name] = source
        room -= len(source)
    return pieces


def _piece(content: dict[str, Any], kind: str) -> bytes:
    data = zlib.compress(marshal.dumps(content, FORMAT), level=9)
    return b"program %d %b\n%b" % (len(data), kind.encode(), data)
