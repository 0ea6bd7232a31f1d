"""The host's end of the channel: lines of JSON, heartbeats both ways, and the lease.

Reading, writing and heartbeats each have a thread, so that a long build and a frozen network do not hold each other
up. Events that cannot be sent are dropped; answers never are. An executor that makes no progress (a dead disk blocks
for ever) sends no heartbeats, so that the client need not wait for it.
"""

from __future__ import annotations

import collections
import contextlib
import json
import queue
import threading
import time
from typing import Any, BinaryIO, Iterator, Mapping

from . import message_check, protocol
from .errors import Aborted
from .masking import Mask

MOST_EVENTS = 2000
MOST_UNSENT = 64
STUCK = 300.0                           # seconds without progress; all that may take longer has a limit of its own


class Link:
    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._inbox: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._outbox: collections.deque[bytes] = collections.deque()
        self._wake = threading.Condition()
        self._gone = ""
        self._deaf = False                  # nothing that we send arrives any more
        self._aborted = ""
        self.reached = True                 # as the client's abort says
        self._decided = False
        self._undone = False
        self._heard = self._moved = time.monotonic()
        self._lease = float("inf")
        self.mask = Mask()                  # the secrets that no message may show

    def start(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()

    def start_lease(self, lease: float) -> None:
        """From now on each side must hear of the other within `lease` seconds."""
        self._lease = lease
        self._heard = time.monotonic()
        threading.Thread(target=self._beat, args=(max(lease / protocol.BEATS_PER_LEASE, 0.05),), daemon=True).start()

    def answer(self, message: protocol.HostMessage) -> None:
        """Send it, with its texts masked. It is never dropped."""
        line = json.dumps(self.mask.message(message)).encode() + b"\n"
        with self._wake:
            self._outbox.append(line)
            self._wake.notify()

    def event(self, message: protocol.HostMessage) -> bool:
        """As answer(), but not while too many messages are still to be sent; returns whether it will be sent."""
        if len(self._outbox) >= MOST_EVENTS:
            return False
        self.answer(message)
        return True

    def has_room(self) -> bool:
        """Half of what may wait to be sent is gone again."""
        return len(self._outbox) < MOST_EVENTS // 2

    def stream(self, message: protocol.HostMessage) -> None:
        """As answer(), but no faster than the client takes it: for output without an end. Raises Aborted."""
        self.wait_for_room(MOST_UNSENT)
        self.answer(message)

    def wait_for_room(self, most: int = 1) -> None:
        """Wait until fewer than `most` messages are still to be sent. Raises Aborted."""
        while len(self._outbox) >= most:
            self.raise_if_aborted()
            with self._wake:
                self._wake.wait(0.05)

    def receive(self, kinds: Mapping[str, Any] = protocol.FURTHER) -> dict[str, Any]:
        """The client's next message; raises Aborted when there will be none, NotInProtocol when it is none of `kinds`.
        """
        while True:
            if self._inbox.empty():         # a message that came in time counts, even if the client is gone by now
                self.raise_if_aborted()
            try:
                message = self._inbox.get(timeout=0.05 if self._lease != float("inf") else None)
            except queue.Empty:
                continue
            if message is not None:
                return message_check.check(message, kinds)

    @contextlib.contextmanager
    def uninterruptible(self) -> Iterator[None]:
        """Meanwhile raise_if_aborted() raises nothing: the client has said commit, to all hosts."""
        self._decided = True
        try:
            yield
        finally:
            self._decided = False

    def raise_if_aborted(self) -> None:
        """Raise Aborted once the client said abort, went away, or let the lease lapse."""
        self.note_progress()
        if self._decided:
            return
        if self._aborted and not self._undone:
            raise Aborted(self._aborted)
        if self._gone:
            raise Aborted(self._gone)
        if time.monotonic() - self._heard > self._lease:
            raise Aborted(f"the client was silent for {self._lease:g} s")

    def disregard_abort(self) -> None:
        """All is undone: an abort asks for nothing any more."""
        self._undone = True

    def note_progress(self) -> None:
        """Record progress, so that heartbeats continue."""
        self._moved = time.monotonic()

    def drain(self, seconds: float) -> None:
        """Wait until everything is sent, at most `seconds`."""
        deadline = time.monotonic() + seconds
        with self._wake:
            while self._outbox and not self._deaf and time.monotonic() < deadline:
                self._wake.wait(0.02)

    def _read(self) -> None:
        for line in iter(self._source.readline, b""):
            now = time.monotonic()
            if now - self._heard > self._lease:
                # Both machines may have slept: a message is too late all the same.
                self._gone = self._gone or f"the client was silent for {self._lease:g} s"
                continue
            self._heard = now
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if not isinstance(message, dict):
                continue
            if message.get("do") == "abort":
                self.reached = message.get("reached") is not False
                self._aborted = str(message.get("why") or "the client ended the deploy")
                self._inbox.put(None)           # wakes receive()
            elif message.get("do") != "beat":
                self._inbox.put(message)
        self._gone = self._gone or "the connection to the client ended"
        self._inbox.put(None)

    def _write(self) -> None:
        while True:
            with self._wake:
                while not self._outbox:
                    self._wake.wait()
                line = self._outbox[0]
            try:
                self._sink.write(line)
                self._sink.flush()
            except (OSError, ValueError):
                self._deaf = True
                self._gone = self._gone or "the connection to the client ended"
                return
            with self._wake:
                self._outbox.popleft()
                self._wake.notify()

    def _beat(self, interval: float) -> None:
        while not self._gone:
            if time.monotonic() - self._moved < STUCK:
                self.event({"event": "beat"})
            time.sleep(interval)
