"""What a host that cannot be trusted makes of its messages: each mutation of one message is lines of bytes."""

from __future__ import annotations

import copy
import json
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tests.rollout.samples import A, B, C

Message = dict[str, Any]
Mutation = Callable[[random.Random, Message, threading.Event], Iterator[bytes]]

FLOOD = 24 * 2**20                      # bytes, at which a flood ends: more than a client may hold
STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 2**70, 1e308, float("nan"), float("inf"), "", "x" * 70_000, "other", C, "HEAD", "--output=/x",
    "\x1b]52;c;eA==\x07", "a\rb\x9bc\u202ed", "\ud800", "\x1b[0Ksection_start:1:x\r", [], {}, [[]], [None],
    {"monitor": C}, {"": ""}, "committed", "restored", {"event": "committed"})
NOISE = (b"\x00\xff\n", b"{\n", b"[1]\n", b'{"event": 7}\n', b'{"motd": "hello"}\n', b"[" * 100_000 + b"\n",
         b'{"event": ' + b"[" * 5_000 + b"\n", b'{"event":"facts","services":{}}\n',
         b"Traceback (most recent call last):\n")
NAMED = {"service": "monitor", "step": "build"}
NOW = {"monitor": A}
OTHERS: tuple[Message, ...] = (
    {"event": "committed", "now": {"monitor": B}}, {"event": "restored", "why": "so", "now": NOW}, {"event": "end"},
    {"event": "problem", "kind": "failed", "message": "no", "hint": "look"},
    {"event": "problem", "kind": "needs_person", "message": "no", "hint": "look"},
    {"event": "failed", "kind": "not_ready", "message": "no", "hint": "look", "step": "build"},
    {"event": "not_ready", "problems": []}, {"event": "refused", "service": "monitor", "holder": {"by": "eve"}},
    {"event": "locked", "recovered": [{"deploy": "d", "by": "eve", "result": "committed", "services": ["monitor"]}]},
    {"event": "unusable", "why": "old"}, {"event": "heads", "now": NOW}, {"event": "looked"}, {"event": "beat"},
    {"event": "done", "phase": "prepare"}, {"event": "done", "phase": "activate"}, {"event": "runs", "deploys": ["d"]},
    {"event": "step_started", **NAMED}, {"event": "output", **NAMED, "line": "x"},
    {"event": "step_finished", **NAMED, "ok": False, "changed": True, "seconds": 1, "why": "no", "stopped": False},
    {"event": "pack_wanted", "service": "monitor", "repo": "r", "commit": B, "known": []},
    {"event": "pack_taken", "service": "monitor"}, {"event": "odd", "service": "monitor", "message": "m", "hint": "h"},
    {"event": "log", "service": "monitor", "process": "monitor", "stream": "stdout", "line": "x", "mark": [1, 2, 3, 4]},
    {"event": "outcome", "service": "monitor", "result": "committed", "why": None, "busy": False, "due": False,
     "now": B},
    {"event": "notice", "level": "warning", "message": "\x1b[31mred"},
    {"event": "host_state", "state": "x", "detail": "y"},
    {"event": "signal", "number": 2}, {"event": "gone"}, {"event": "finished", "exit_code": 0}, {"event": "connected"})


class Cut(Exception):
    """The host ends here."""


def line(message: Message) -> bytes:
    return json.dumps(message).encode() + b"\n"


def drop(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    yield from ()


def double(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    yield line(message) * 2


def flood(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    text = line(rng.choice([message, *OTHERS]))
    for _ in range(FLOOD // (len(text) * 64) + 1):
        if not closed.is_set():
            yield text * 64
    yield line(message)


def beat(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    """It is there, and never answers."""
    while not closed.wait(0.05):
        yield b'{"event": "beat"}\n'


def hush(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    closed.wait(60)
    yield from ()


def end(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    yield line(message)[:rng.choice([0, 0, 10])]
    raise Cut("it ends here")


def insert(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    yield line(rng.choice(OTHERS)) + line(message)


def replace(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    yield line(rng.choice(OTHERS))


def rename(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    old, new = rng.choice([("monitor", "other"), (A, C), (B, C), (B, A), ("main", "next"), ("build", "fetch")])
    yield line(message).replace(old.encode(), new.encode())


def edit(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    """Remove or replace a value, wherever it is."""
    message = copy.deepcopy(message)
    places = list(_places(message))
    holder, key = rng.choice(places)
    if isinstance(holder, dict) and rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = rng.choice(STRANGE)
    yield line(message)


def noise(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    yield rng.choice(NOISE) + line(message)


def huge(rng: random.Random, message: Message, closed: threading.Event) -> Iterator[bytes]:
    """A line without an end, or one of very many values."""
    if rng.random() < 0.5:
        for _ in range(40):
            yield b"x" * 2**19
    yield b'{"event": "facts", "services": {"monitor": {"edited": [' + b'"",' * 2**20 + b'""]}}}\n' + line(message)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


# The slow ones are rare.
MUTATIONS: tuple[tuple[Mutation, int], ...] = (
    (drop, 4), (double, 6), (flood, 2), (beat, 1), (hush, 1), (end, 4), (insert, 12), (replace, 8), (rename, 8),
    (edit, 30), (noise, 6), (huge, 2))


class Mutator:
    """Changes a few messages of a host, chosen by `rng`. `sent` holds the kinds that left it; `names` what it did."""

    def __init__(self, rng: random.Random) -> None:
        kinds, weights = zip(*MUTATIONS, strict=True)
        self._rng = rng
        self._at = {rng.randrange(rng.choice([3, 8, 25])): rng.choices(kinds, weights)[0]
                    for _ in range(rng.choice([1, 1, 2, 4]))}
        self._number = 0
        self.names: list[str] = []
        self.sent = b""

    def __call__(self, message: Message, closed: threading.Event) -> Iterator[bytes]:
        mutation = self._at.get(self._number)
        self._number += 1
        if mutation:
            self.names.append(f"{mutation.__name__} {message['event']}")
        for data in mutation(self._rng, message, closed) if mutation else [line(message)]:
            self.sent = (self.sent + data)[-4096:]
            yield data


def faithful(message: Message, closed: threading.Event) -> Iterator[bytes]:
    yield line(message)
